"""Long files of arrays in blocks: however they are stored, whatever is wrong with them."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from long_inputs import ALWAYS, FPS, MEASURED_RUN, moving, nothing_left, recording, written
from malformed_files import CASES

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

FORMATS = ("deeplabcut_h5", "sleap", "npz", "arrays", "mediapipe_long")
BAD_FILES = [title for title, (name, *_) in CASES.items() if name in FORMATS and "-folder" not in title]
WORDS = ("--fps=30", "--method=gaussian", "--extend=0.3")


def stored_anew(path: Path, name: str, **how: Any) -> None:
    """An array of an HDF5 file in chunks of another length, packed, or of another type."""
    with h5py.File(path, "r+") as file:
        values, attributes = file[name][()], dict(file[name].attrs)
        del file[name]
        kind = how.pop("dtype", values.dtype)
        array = file.create_dataset(name, data=values.astype(kind), **how)
        for key, value in attributes.items():
            array.attrs[key] = value


def check_same(smooth: Callable[..., Any], clip: Path, *arrays: str) -> None:
    """In blocks comes out what comes out in memory."""
    results = []
    for block in ("0", "3600"):
        out = clip.with_name(block + clip.suffix)
        done = smooth(clip, f"--output={out}", f"--block_seconds={block}", *WORDS)
        assert done.code == 0, done.err
        with h5py.File(out) as file:
            results.append([(file[name].chunks, file[name].dtype, file[name][()].tobytes()) for name in arrays])
    assert results[0] == results[1]
    with h5py.File(clip) as file:
        assert results[0][0][2] != file[arrays[0]][()].tobytes()


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("packed", [None, "gzip"])
def test_rows_in_chunks_that_are_no_blocks(smooth: Callable[..., Any], tmp_path: Path, packed: str | None) -> None:
    clip = written(tmp_path / "clip.h5", "deeplabcut_h5", recording(500, people=2))
    stored_anew(clip, "df_with_missing/table", chunks=(64,), maxshape=(None,), compression=packed)
    check_same(smooth, clip, "df_with_missing/table")


@pytest.mark.usefixtures("short_blocks")
def test_tracks_in_chunks_that_are_no_blocks(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.h5", "sleap", recording(500, people=2))
    stored_anew(clip, "tracks", chunks=(1, 1, 5, 70), dtype=np.float32, compression="gzip")
    stored_anew(clip, "point_scores", chunks=(2, 17, 201), dtype=np.float32)
    check_same(smooth, clip, "tracks", "point_scores", "track_occupancy")


@pytest.mark.usefixtures("short_blocks")
def test_a_table_of_fixed_length_is_told(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table = recording(300)
    clip = written(tmp_path / "clip.h5", "deeplabcut_h5", table)
    assert len(table.frame_numbers) < 300
    stored_anew(clip, "df_with_missing/table")
    for block in ("0", "3600"):
        done = smooth(clip, f"--output={tmp_path / 'out.h5'}", f"--block_seconds={block}", *WORDS)
        assert done.is_bad_input
        assert "grow" in done.err
        assert nothing_left(tmp_path, clip)


@pytest.mark.usefixtures("short_blocks")
def test_rows_out_of_order_go_in_memory(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.h5", "deeplabcut_h5", recording(300))
    with h5py.File(clip, "r+") as file:
        rows = file["df_with_missing/table"][()]
        file["df_with_missing/table"][...] = rows[np.r_[:150, 151, 150, 152 : len(rows)]]
    done = smooth(clip, f"--output={tmp_path / 'out.h5'}", ALWAYS, *WORDS)
    assert done.is_bad_input
    assert "not in order" in done.err
    assert smooth(clip, f"--output={tmp_path / 'out.h5'}", *WORDS).code == 0


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(("name", "array"), [("deeplabcut_h5", "df_with_missing/table"), ("sleap", "tracks")])
def test_a_huge_number_late_in_the_file(smooth: Callable[..., Any], tmp_path: Path, name: str, array: str) -> None:
    clip = written(tmp_path / "clip.h5", name, recording(500))
    with h5py.File(clip, "r+") as file:
        values = file[array][()]
        (values["values_block_0"][-20:] if name == "deeplabcut_h5" else values[..., -20:])[...] = 1e30
        file[array][...] = values
    done = smooth(clip, f"--output={tmp_path / 'out.h5'}", ALWAYS, *WORDS)
    assert done.is_bad_input
    assert "within 1e+09" in done.err
    assert nothing_left(tmp_path, clip)


def saved(path: Path, people: int = 1, third: float | None = None, **others: Any) -> Path:
    """Somebody's own arrays, with gaps, perhaps with a third coordinate."""
    points = np.stack([moving(500, 17, seed) for seed in range(people)]).astype(np.float32)
    points[np.random.default_rng(1).random(points.shape[:-1]) < 0.02] = np.nan
    if third is not None:
        points = np.concatenate([points, np.full_like(points[..., :1], third)], axis=-1)
    points = points if people > 1 else points[0]
    if path.suffix == ".npy":
        np.save(path, points)
    else:
        (np.savez_compressed if "packed" in others else np.savez)(path, keypoints=points, **others)
    return path


SCORES = np.tile(np.linspace(0, 1, 17, dtype=np.float32), (3, 500, 1))
ARRAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "positions": ("clip.npy", {}),
    "scores": ("clip.npy", {"third": 0.75}),
    "depths": ("clip.npy", {"third": 40}),
    "people": ("clip.npy", {"people": 3}),
    "an archive": ("clip.npz", {"fps": 25.0, "mine": np.arange(5)}),
    "numbered": ("clip.npz", {"frame_numbers": np.arange(1000, 1500), "confidence": SCORES[0]}),
    "packed people with scores": ("clip.npz", {"people": 3, "confidence": SCORES, "packed": np.array("yes")}),
}


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_come_out_as_in_memory(smooth: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    name, content = ARRAYS[kind]
    clip = saved(tmp_path / name, **content)
    for block in ("0", "3600"):
        out = f"--output={clip.with_stem(block)}"
        done = smooth(clip, out, f"--block_seconds={block}", *([] if "fps" in content else ["--fps=30"]), *WORDS[1:])
        assert done.code == 0, done.err
    memory, blocks = (clip.with_stem(block).read_bytes() for block in ("0", "3600"))
    assert memory == blocks
    assert memory != clip.read_bytes()
    assert nothing_left(tmp_path, clip, clip.with_stem("0"), clip.with_stem("3600"))


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("clip.npz", {"frame_numbers": np.r_[:300, 310:510][::-1]}, "increase"),
        ("clip.npz", {"frame_numbers": np.r_[:300, 310:510]}, "fit the arrays"),
        ("clip.npz", {"fps": np.ones(2)}, "one number"),
        ("clip.npy", {"people": 65}, "more than 64 people"),
    ],
)
def test_arrays_that_are_refused(
    smooth: Callable[..., Any], tmp_path: Path, name: str, content: dict[str, Any], told: str
) -> None:
    clip = saved(tmp_path / name, **content)
    rate = [] if "fps" in content else ["--fps=30"]
    done = smooth(clip, f"--output={clip.with_stem('out')}", ALWAYS, *rate, *WORDS[1:])
    assert done.is_bad_input, done
    assert told in done.err
    assert nothing_left(tmp_path, clip)


@pytest.mark.usefixtures("short_blocks")
def test_our_own_keeps_what_it_does_not_know_and_is_read_again(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.npz", "npz", recording(500, people=2))
    with zipfile.ZipFile(clip, "a") as archive:
        archive.writestr("mine.txt", "kept")
    for source, out in ((clip, "once"), (tmp_path / "once.npz", "twice")):
        assert smooth(source, f"--output={tmp_path / out}.npz", ALWAYS, "--method=gaussian").code == 0
        assert zipfile.ZipFile(tmp_path / f"{out}.npz").read("mine.txt") == b"kept"
    assert len(formats.read(tmp_path / "twice.npz").frames) > len(formats.read(clip).frames)


@pytest.mark.parametrize("title", BAD_FILES)
def test_malformed_files_are_refused_in_blocks_too(smooth: Callable[..., Any], tmp_path: Path, title: str) -> None:
    name, message, make = CASES[title]
    path = make(tmp_path)
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    words = (f"--output={tmp_path / 'out'}{path.suffix}", f"--from={name}", ALWAYS)
    done = smooth(path, *words, *([] if "rate" in title or "fps" in title else ["--fps=30"]))
    assert done.is_bad_input, done
    assert message in done.err or "can be read in blocks" in done.err or "no such file" in done.err
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", FORMATS)
def test_long_ones_go_in_blocks_by_themselves(
    smooth: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    form = formats.FORMATS[name]
    clip = tmp_path / f"clip{form.suffix}"
    clip = saved(clip) if name == "arrays" else written(clip, name, recording(200))
    whole: list[Any] = []
    reads = form.read
    monkeypatch.setattr(type(form), "read", lambda _, path, **asked: whole.append(path) or reads(path, **asked))
    words = (clip, f"--output={clip.with_stem('out')}", "--overwrite", *WORDS)
    assert smooth(*words).code == 0
    assert whole == [clip]
    monkeypatch.setattr("kerasmooth.formats.blocks.LONG_ROWS", 50)
    monkeypatch.setattr("kerasmooth.formats.blocks.LONG_BYTES", 1000)
    assert smooth(*words).code == 0
    assert whole == [clip]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_memory_stays_flat(tmp_path: Path, name: str) -> None:
    peaks = []
    for frames in (20_000, 100_000):
        points, scores, numbers = moving(frames, 3), np.full((frames, 3), 0.9), np.arange(frames)
        skeleton = Skeleton("three", ("a", "b", "c"), ())
        table = PoseTable(numbers, np.zeros(frames, np.int64), points, scores, numbers, skeleton, fps=FPS)
        clip = written(tmp_path / f"clip{formats.FORMATS[name].suffix}", name, table)
        words = (str(clip), f"--output={clip.with_stem('out')}", "--overwrite", ALWAYS, *WORDS)
        done = subprocess.run([sys.executable, "-c", MEASURED_RUN, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.split()[-1]) / 1024)
    assert peaks[1] < 400
    assert peaks[1] < 1.15 * peaks[0]
