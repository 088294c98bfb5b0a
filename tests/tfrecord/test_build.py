import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from kerasmooth.clip import PoseClip
from kerasmooth.datasets import DatasetReader, ReadResult
from kerasmooth.errors import InputError
from kerasmooth.skeletons import COCO_17, Skeleton
from kerasmooth.tfrecord import build, writer
from kerasmooth.tfrecord.build import RecordJob, RecordOptions
from kerasmooth.tfrecord.manifest import Manifest, load_manifest
from kerasmooth.tfrecord.reader import parse_batch, shard_paths

SIZE = (12, 16)


@dataclass(frozen=True)
class JsonReader(DatasetReader):
    """Reads `{"video": ..., "frames": n}` files; every call is a line in `log`."""

    log: Path
    name: ClassVar[str] = "fake"
    licence: ClassVar[str] = "fake licence"
    citation: ClassVar[str] = "fake citation"
    obtain: ClassVar[str] = "make it up"
    skeleton: ClassVar[Skeleton] = COCO_17

    def list_sources(self) -> list[str]:
        return sorted(path.name for path in self.raw_dir.iterdir())

    def read(self, source: str) -> ReadResult:
        with self.log.open("a") as log:
            log.write(source + "\n")
        about = json.loads((self.raw_dir / source).read_text())
        if about.get("bad"):
            raise InputError(f"{source}: field x must be good, received {about['bad']}: mend it")
        if about.get("interrupt"):
            raise KeyboardInterrupt
        frames = about["frames"]
        random = np.random.default_rng(frames)
        boxes = np.tile((0.0, 0.0, 32.0, 24.0), (frames, 1))
        boxes[about.get("no_box", [])] = np.nan
        clip = PoseClip(
            clip_id=f"fake/{about.get('clip', source)}",
            video_id=f"fake/{about.get('video', source)}",
            keypoints=random.uniform(1, 20, (frames, 25, 2)),
            visibility=random.random((frames, 25)) < 0.8,
            boxes=boxes,
            frame_numbers=np.arange(1, frames + 1),
            official_split=about.get("official", ""),
            heatmaps=np.zeros((frames, *about["grid"], 25), np.float32) if "grid" in about else None,
        )
        return ReadResult([clip], about.get("dropped", {}))


@dataclass
class Workshop:
    """A folder of raw files, and the records made of them."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "raw").mkdir()

    def add(self, name: str, **about: object) -> None:
        (self.root / "raw" / name).write_text(json.dumps({"frames": 20} | about))

    def job(self, folder: str = "records", **options: object) -> RecordJob:
        settings = replace(RecordOptions(size=SIZE, num_shards=2), **options)
        raw = self.root / "raw"
        (self.root / folder).mkdir(exist_ok=True)
        return RecordJob(JsonReader(raw, self.root / "log"), self.root / folder, settings)

    def build(self, folder: str = "records", said: Callable[[str], None] = print, **options: object) -> Manifest:
        return build.build(self.job(folder, **options), 1, Console(quiet=True), said)

    def read_so_far(self) -> list[str]:
        return (self.root / "log").read_text().split()

    def bytes_of(self, folder: str = "records") -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.root / folder).iterdir()) if path.is_file()}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for i in range(10):
        workshop.add(f"{i}.json", frames=20 + i)
    return workshop


def all_windows(folder: Path, manifest: Manifest) -> dict[str, dict[str, np.ndarray]]:
    read = {}
    for split in manifest.splits:
        serialized = list(tf.data.TFRecordDataset(shard_paths(folder, split)))
        batch = parse_batch(tf.stack(serialized), manifest)
        read[split] = {name: value.numpy() for name, value in batch.items()}
    return read


def test_counts_agree_with_the_raw_files_and_with_the_records(workshop: Workshop) -> None:
    workshop.add("a.json", frames=30, no_box=[10])
    workshop.add("b.json", frames=12, dropped={"blurred": 7})
    workshop.add("c.json", frames=14)
    workshop.add("d.json", frames=3)
    manifest = workshop.build()
    assert sum(manifest.clips.values()) == 4
    assert sum(manifest.frames.values()) == 30 + 12 + 14 + 3
    assert sum(manifest.windows.values()) == (10 - 4) + (19 - 4) + (12 - 4) + (14 - 4)
    assert manifest.dropped == {"blurred": 7, "no_box": 1, "too_short": 3}
    assert (manifest.licence, manifest.citation, manifest.size) == ("fake licence", "fake citation", SIZE)
    assert load_manifest(workshop.root / "records") == manifest.replace(flags=json.loads(json.dumps(manifest.flags)))
    read = all_windows(workshop.root / "records", manifest)
    assert {split: len(batch["clip_id"]) for split, batch in read.items()} == manifest.windows
    numbers = np.concatenate([batch["frame_numbers"] for batch in read.values()])
    assert np.all(np.diff(numbers, axis=1) == 1)
    assert [name for name in workshop.bytes_of() if not name.endswith(".tfrecord")] == ["manifest.json"]


def test_every_window_is_written_once_and_no_clip_is_in_two_splits(filled: Workshop) -> None:
    manifest = filled.build(frame_step=2, stride=3)
    read = all_windows(filled.root / "records", manifest)
    seen = [
        (clip.decode(), *numbers.tolist())
        for batch in read.values()
        for clip, numbers in zip(batch["clip_id"], batch["frame_numbers"], strict=True)
    ]
    expected = [
        (f"fake/{i}.json", *range(start + 1, start + 10, 2)) for i in range(10) for start in range(0, 12 + i, 3)
    ]
    assert sorted(seen) == sorted(expected)
    clips = [set(batch["clip_id"].tolist()) for batch in read.values()]
    assert sum(map(len, clips)) == len(set().union(*clips))


def test_training_windows_are_shuffled_and_the_others_are_in_order(filled: Workshop) -> None:
    read = all_windows(filled.root / "records", filled.build())
    order = {split: list(zip(b["clip_id"], b["frame_numbers"][:, 0], strict=True)) for split, b in read.items()}
    assert order["validation"] == sorted(order["validation"])
    assert order["test"] == sorted(order["test"])
    assert order["train"] != sorted(order["train"])
    assert len({clip for clip, _ in order["train"][:10]}) > 2


def test_the_same_job_makes_the_same_bytes_and_another_seed_does_not(filled: Workshop) -> None:
    for folder, seed in (("first", 0), ("second", 0), ("third", 1)):
        filled.build(folder, seed=seed)
    assert filled.bytes_of("first") == filled.bytes_of("second") != filled.bytes_of("third")


def test_interrupted_while_reading_it_goes_on_where_it_was(filled: Workshop) -> None:
    filled.build("straight")
    (filled.root / "log").unlink()
    filled.add("5.json", interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        filled.build()
    assert filled.read_so_far() == [f"{i}.json" for i in range(6)]
    filled.add("5.json", frames=25)
    filled.build()
    assert filled.read_so_far() == [f"{i}.json" for i in (0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9)]
    assert filled.bytes_of() == filled.bytes_of("straight")


class Interrupted:
    """Stands for `write_shard`: the `last`-th call dies in the middle of its shard."""

    def __init__(self, last: int | None) -> None:
        self.names: list[str] = []
        self._last, self._write = last, writer.write_shard

    def __call__(self, path: Path, split: str, records: object, compression: str = "none") -> object:
        self.names.append(path.name)
        if len(self.names) == self._last:
            path.with_name(f".partial-1-{path.name}").write_bytes(b"half a shard")
            raise KeyboardInterrupt
        return self._write(path, split, records, compression)


@pytest.mark.parametrize("last", [1, 4, 6])
def test_interrupted_while_writing_it_goes_on_where_it_was(
    filled: Workshop, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    filled.build("straight")
    dying = Interrupted(last)
    monkeypatch.setattr(writer, "write_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        filled.build()
    with pytest.raises(InputError, match="no finished records"):
        load_manifest(filled.root / "records")
    whole = filled.bytes_of("straight")
    assert [name for name in dying.names[:-1] if (filled.root / "records" / name).read_bytes() != whole[name]] == []
    assert not (filled.root / "records" / dying.names[-1]).exists()
    monkeypatch.undo()
    resuming = Interrupted(None)
    monkeypatch.setattr(writer, "write_shard", resuming)
    filled.build()
    assert resuming.names[0] == dying.names[-1]
    assert len(resuming.names) == 6 - (last - 1)
    assert filled.bytes_of() == whole


def test_a_raw_file_that_changed_since_the_interruption_is_not_mixed_in(
    filled: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(writer, "write_shard", Interrupted(4))
        with pytest.raises(KeyboardInterrupt):
            filled.build()
    filled.add("3.json", frames=40)
    filled.build()
    filled.build("straight")
    assert filled.bytes_of() == filled.bytes_of("straight")


def test_old_records_live_until_new_ones_are_read(filled: Workshop) -> None:
    filled.build(num_shards=3)
    before = filled.bytes_of()
    filled.add("7.json", bad="worse")
    with pytest.raises(InputError, match=r"7.json: field x must be good, received worse: mend it \(or pass .*skip_bad"):
        filled.build(stride=2)
    assert {name: filled.bytes_of().get(name) for name in before} == before
    filled.add("7.json", frames=27)
    filled.build(stride=2)
    assert not [name for name in filled.bytes_of() if "of-00003" in name or name.startswith(".")]


def test_finished_records_are_known_by_their_flags_and_bytes(filled: Workshop) -> None:
    job = filled.job()
    assert build.finished(job.folder, job.flags) is None
    filled.build()
    found = build.finished(job.folder, job.flags)
    assert found is not None
    assert found.windows == load_manifest(job.folder).windows
    other = filled.job(stride=4, seed=9)
    with pytest.raises(InputError, match=r"seed=0 \(now 9\), stride=1 \(now 4\): pass --overwrite"):
        build.finished(other.folder, other.flags)
    shard = job.folder / found.shards[0].name
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + b"x")
    assert build.finished(job.folder, job.flags) is None
    shard.unlink()
    assert build.finished(job.folder, job.flags) is None
    filled.build()
    assert shard.read_bytes() == content


def test_skip_bad_passes_over_one_in_a_hundred_and_lists_them(workshop: Workshop) -> None:
    for i in range(100):
        workshop.add(f"{i:03d}.json", frames=6)
    workshop.add("040.json", bad="awful")
    said: list[str] = []
    manifest = workshop.build(said=said.append, skip_bad=True)
    assert said == ["skipped: 040.json: field x must be good, received awful: mend it"]
    assert manifest.skipped_files == ("040.json",)
    assert sum(manifest.clips.values()) == 99
    workshop.add("050.json", bad="awful")
    said.clear()
    with pytest.raises(InputError, match=r"2 of 100 raw files are bad, more than 1%.*040.json, 050.json"):
        workshop.build(said=said.append, skip_bad=True)
    assert len(said) == 2


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        ([{"frames": 4}], {}, "no window of --window=5 --frame_step=1 can be cut"),
        ([{"frames": 9}] * 3, {"frame_step": 3}, r"--frame_step=3 can be cut .*27 too_short"),
        ([{"frames": 9, "no_box": list(range(9))}], {}, "9 no_box"),
        ([{"frames": 20}] * 2, {}, "test split has no window: 2 videos"),
        ([{"frames": 20, "video": "one"}] * 9, {}, "validation split has no window: 1 videos"),
        ([{"frames": 20}] * 9, {"splits": "official"}, "--splits=official: the dataset has no official split"),
        ([{"frames": 20, "official": "train"}] * 9, {"splits": "official"}, "test split has no window"),
        ([{"clip": "same"}] * 2, {}, "fake/same: two raw files give a clip of this id"),
        ([{"grid": [6, 8]}, {"grid": [8, 6]}], {}, r"heatmaps of \(height, width\) \(8, 6\) and \(6, 8\)"),
        ([{"grid": [12, 16]}, {}], {}, "only some clips have a detector's heatmaps"),
    ],
)
def test_what_makes_no_records_is_one_line(workshop: Workshop, files: list, options: dict, expected: str) -> None:
    for i, about in enumerate(files):
        workshop.add(f"{i}.json", **about)
    with pytest.raises(InputError, match=expected) as caught:
        workshop.build(**options)
    assert "\n" not in str(caught.value)


def test_few_windows_make_few_shards_but_no_empty_one(workshop: Workshop) -> None:
    for i in range(3):
        workshop.add(f"{i}.json", frames=6)
    manifest = workshop.build(num_shards=7)
    assert [shard.windows for shard in manifest.shards] == [1] * 6
    assert manifest.shards[0].name == "train-00000-of-00002.tfrecord"


def test_published_splits_are_in_window_order(filled: Workshop) -> None:
    manifest = filled.build(splits="published")
    read = all_windows(filled.root / "records", manifest)
    assert {clip.decode() for clip in read["train"]["clip_id"]} == {f"fake/{i}.json" for i in range(7)}
    assert manifest.dropped_windows.keys() == {"shares_frames_with_earlier_split"}
    assert sum(manifest.frames.values()) == sum(20 + i for i in range(10))


def test_several_jobs_read_and_one_assembles_the_same_bytes(filled: Workshop) -> None:
    filled.build("alone")
    read_alone = filled.read_so_far()
    (filled.root / "log").unlink()
    counts = [build.read_share(filled.job(), build.Share(i, 3), 1, Console(quiet=True)) for i in (2, 0, 1)]
    assert sorted(counts) == [3, 3, 4]
    assert sorted(filled.read_so_far()) == sorted(read_alone)
    assert not filled.bytes_of(), "there are no records before all is read"
    filled.build()
    assert sorted(filled.read_so_far()) == sorted(read_alone), "nothing is read twice"
    assert filled.bytes_of() == filled.bytes_of("alone")


def test_a_large_set_gets_more_files(filled: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = filled.build("small", num_shards=1)
    largest = max(shard.bytes for shard in manifest.shards)
    monkeypatch.setattr("kerasmooth.tfrecord.assembly.MAX_SHARD_BYTES", largest // 3)
    manifest = filled.build("large", num_shards=1)
    assert all(shard.bytes < largest // 2 for shard in manifest.shards)
    assert len(manifest.shards_of("train")) >= 3
    again = filled.build("again", num_shards=1)
    assert [shard.sha256 for shard in again.shards] == [shard.sha256 for shard in manifest.shards]
