"""Raw dataset files -> TFRecord windows in <records_dir>/<dataset>/, with a manifest.json.

Without flags: small sample records of a generated person. The formats and the flags: records/README.md.
"""

import dataclasses
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console

from kerasmooth.command_line import run
from kerasmooth.datasets import DATASETS, DatasetReader
from kerasmooth.datasets.climbalong import OUTSIDE_BOX
from kerasmooth.datasets.penn_action import OCCLUDED, SELECTIONS
from kerasmooth.errors import InputError
from kerasmooth.sample import SAMPLE_VIDEOS, write_raw
from kerasmooth.tfrecord import build
from kerasmooth.tfrecord.assembly import SPLIT_RULES
from kerasmooth.tfrecord.manifest import COMPRESSIONS, ENCODINGS, Manifest

SAMPLE = "sample"
ONLY_FOR = {
    "actions": ("dataset", "penn_action"),
    "occluded": ("dataset", "penn_action"),
    "outside_box": ("dataset", "climbalong"),
    "shifting_scalar": ("encoding", "dense"),
    "random_sigma": ("encoding", "dense"),
}
"""Flags that mean nothing unless another flag has a certain value."""

FLAGS = flags.FLAGS
flags.DEFINE_enum("dataset", SAMPLE, [*DATASETS, SAMPLE], "What to convert; sample is generated.")
flags.DEFINE_string("raw_dir", None, "Folder of the raw files (not for sample).")
flags.DEFINE_string("records_dir", "records", "Records land in a folder of this one, named after the dataset.")
flags.DEFINE_integer("window", 5, "Frames in a window.", lower_bound=1, upper_bound=10_000)
flags.DEFINE_integer("frame_step", 1, "Clip frames from one frame of a window to the next.", 1, 10_000)
flags.DEFINE_integer("stride", 1, "Clip frames between the starts of neighbouring windows.", 1, 10_000)
flags.DEFINE_enum("encoding", "keypoints", ENCODINGS, "dense also stores literal float32 heatmaps, 1,000 times larger.")
flags.DEFINE_enum("splits", "video", SPLIT_RULES, "60/20/20 by whole videos, as published, or the authors' own.")
flags.DEFINE_enum("outside_box", "clamp", OUTSIDE_BOX, "True keypoints outside the detector's box (climbalong).")
flags.DEFINE_enum("actions", "intended", list(SELECTIONS), "Which actions of penn_action.")
flags.DEFINE_enum("occluded", "drop", OCCLUDED, "Occluded joints of penn_action; the published code keeps them.")
flags.DEFINE_string("size", None, "Heatmap cells, N or HEIGHTxWIDTH; default 56 (climbalong: as its detector has).")
flags.DEFINE_enum("compression", "none", COMPRESSIONS, "Of the record files.")
flags.DEFINE_integer("num_shards", 4, "Files a split, at most.", lower_bound=1, upper_bound=10_000)
flags.DEFINE_integer("workers", None, "Processes that read raw files; default: one a core.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Of the splits, the order of training windows, and dense noise.", 0, 2**63 - 1)
flags.DEFINE_float("shifting_scalar", 1.0, "Of the simulated detector, with --encoding=dense.", 0.0, 100.0)
flags.DEFINE_bool("random_sigma", True, "Draw the smear of the simulated detector, with --encoding=dense.")
flags.DEFINE_bool("skip_bad", False, "Pass over bad raw files, up to 1 %, and list them.")
flags.DEFINE_bool("overwrite", False, "Replace records that other flags made.")


def heatmap_size(text: str) -> tuple[int, int]:
    """`N` or `HEIGHTxWIDTH` -> (height, width)."""
    parts = text.split("x")
    if not (1 <= len(parts) <= 2 and all(part.isascii() and part.isdigit() for part in parts)):
        raise InputError(
            f"--size must be N or HEIGHTxWIDTH in cells, received {text!r}: --size=56 is the published one"
        )
    size = int(parts[0]), int(parts[-1])
    if not all(2 <= cells <= 1024 for cells in size):
        raise InputError(f"--size must lie between 2 and 1024 cells, received {text!r}: --size=56 is the published one")
    return size


def check_flags() -> None:
    """Refuses what absl lets pass, and combinations of flags that would be ignored in silence."""
    for name in ("raw_dir", "records_dir"):
        if FLAGS[name].value == "":
            raise InputError(f"--{name} is empty: name a folder")
    if math.isnan(FLAGS.shifting_scalar):
        raise InputError("--shifting_scalar must be a number from 0 to 100, received nan")
    for name, (other, value) in ONLY_FOR.items():
        if FLAGS[name].present and FLAGS[other].value != value:
            raise InputError(
                f"--{name} is for --{other}={value}, received --{other}={FLAGS[other].value}: leave it out"
            )
    if FLAGS.dataset == "climbalong" and FLAGS.size is not None:
        raise InputError(f"--size: the detector's heatmaps have their own, received {FLAGS.size!r}: leave it out")
    check_raw_dir()


def check_raw_dir() -> None:
    """Refuses a folder of raw files where none is wanted, or none where one is."""
    if FLAGS.dataset == SAMPLE:
        if FLAGS.raw_dir is not None:
            datasets = "|".join(DATASETS)
            raise InputError(
                f"--raw_dir={FLAGS.raw_dir}: the sample is generated: say --dataset={datasets}, or leave it out"
            )
    elif FLAGS.raw_dir is None:
        raise InputError(f"--raw_dir is missing: to convert {FLAGS.dataset}, {DATASETS[FLAGS.dataset].obtain}")
    elif not Path(FLAGS.raw_dir).is_dir():
        what = "is no folder" if Path(FLAGS.raw_dir).exists() else "does not exist"
        raise InputError(f"--raw_dir={FLAGS.raw_dir} {what}: {DATASETS[FLAGS.dataset].obtain}")


def options() -> build.RecordOptions:
    """The flags as options of the library."""
    return build.RecordOptions(
        window=FLAGS.window,
        frame_step=FLAGS.frame_step,
        stride=FLAGS.stride,
        encoding=FLAGS.encoding,
        splits=FLAGS.splits,
        num_shards=FLAGS.num_shards,
        seed=FLAGS.seed,
        size=heatmap_size("56" if FLAGS.size is None else FLAGS.size),
        compression=FLAGS.compression,
        shifting_scalar=FLAGS.shifting_scalar,
        random_sigma=FLAGS.random_sigma,
        skip_bad=FLAGS.skip_bad,
    )


def resolved_flags(options: build.RecordOptions) -> dict[str, object]:
    """All that the bytes of the records depend on; flags that mean nothing here are left out."""
    resolved = dataclasses.asdict(options) | {
        "dataset": FLAGS.dataset,
        "raw_dir": FLAGS.raw_dir,
        "actions": FLAGS.actions,
        "occluded": FLAGS.occluded,
        "outside_box": FLAGS.outside_box,
    }
    for name, (other, value) in ONLY_FOR.items():
        if FLAGS[other].value != value:
            del resolved[name]
    if FLAGS.dataset == "climbalong":
        del resolved["size"]
    return resolved


def reader(dataset: str, raw_dir: Path, **settings: Any) -> DatasetReader:
    """The reader of a dataset with those of the settings that it knows."""
    known = {field.name for field in dataclasses.fields(DATASETS[dataset])}
    return DATASETS[dataset](raw_dir, **{name: value for name, value in settings.items() if name in known})


def raw_data(size: tuple[int, int], temporary: Path) -> tuple[tuple[DatasetReader, Path], ...]:
    """(reader, folder) of all raw data; that of the sample is generated in the folder `temporary`."""
    if FLAGS.dataset != SAMPLE:
        folder = Path(FLAGS.raw_dir)
        settings = {"actions": FLAGS.actions, "occluded": FLAGS.occluded, "outside_box": FLAGS.outside_box}
        return ((reader(FLAGS.dataset, folder, size=size, **settings), folder),)
    for dataset, (num_videos, frames_per_video) in SAMPLE_VIDEOS.items():
        write_raw(
            temporary / dataset,
            dataset=dataset,
            num_videos=num_videos,
            frames_per_video=frames_per_video,
            seed=FLAGS.seed,
        )
    return tuple((reader(name, temporary / name, actions="all", size=size), temporary / name) for name in SAMPLE_VIDEOS)


def summary(folder: Path, manifest: Manifest) -> str:
    """What was made, and where."""
    lines = [
        f"{split:>10}: {manifest.windows[split]:>9,} windows of {manifest.frames[split]:>9,} frames"
        f" in {manifest.clips[split]:>6,} clips"
        for split in manifest.splits
    ]
    for what, counts in (("frames in no window", manifest.dropped), ("windows left out", manifest.dropped_windows)):
        if counts:
            lines.append(f"{what}: " + ", ".join(f"{count:,} {reason}" for reason, count in counts.items()))
    if manifest.skipped_files:
        lines.append(f"bad raw files skipped: {len(manifest.skipped_files)}")
    size = sum(shard.bytes for shard in manifest.shards)
    lines.append(f"{folder}: {len(manifest.shards)} record files, {size / 1e6:,.1f} MB, and manifest.json")
    return "\n".join(lines)


def how_to_get_real_data() -> str:
    lines = ["These are sample records of a generated person. For real ones:"]
    for name, dataset in DATASETS.items():
        lines.append(f"  python tools/make_records.py --dataset={name} --raw_dir=DIR\n    {dataset.obtain}")
    return "\n".join(lines)


def folder_of_records() -> Path:
    """<records_dir>/<dataset>, made if need be."""
    folder = Path(FLAGS.records_dir) / FLAGS.dataset
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--records_dir={FLAGS.records_dir}: cannot make {folder} ({error.strerror})") from None
    return folder


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    check_flags()
    settings = options()
    resolved = resolved_flags(settings)
    folder = folder_of_records()
    if not FLAGS.overwrite and (manifest := build.finished(folder, resolved)):
        print(summary(folder, manifest) + "\nThese records are there already: nothing to do.")
        return
    with tempfile.TemporaryDirectory(prefix="kerasmooth-") as temporary:
        licence = citation = "none needed: generated by kerasmooth"
        if FLAGS.dataset != SAMPLE:
            licence, citation = DATASETS[FLAGS.dataset].licence, DATASETS[FLAGS.dataset].citation
        job = build.RecordJob(
            dataset=FLAGS.dataset,
            folder=folder,
            raw=raw_data(settings.size, Path(temporary)),
            options=settings,
            flags=resolved,
            licence=licence,
            citation=citation,
        )
        try:
            manifest = build.build(job, FLAGS.workers or cores(), Console(stderr=True))
        except OSError as error:
            what = f"{error.filename or folder}: {error.strerror or error}"
            raise InputError(f"{what}: mend that and run the same command again to continue") from None
    print(summary(folder, manifest))
    if FLAGS.dataset == SAMPLE:
        print(how_to_get_real_data())


if __name__ == "__main__":
    run(main)
