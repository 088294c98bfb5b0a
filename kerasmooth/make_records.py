"""Raw dataset files -> TFRecord windows in <records_dir>/<dataset>/, with a manifest.json: python -m
kerasmooth.make_records, or python tools/make_records.py.

Without flags: small sample records of a generated person. The formats and the flags: records/README.md.
"""

import math
import os
from pathlib import Path
from typing import Any, get_args

from absl import flags
from rich.console import Console

from kerasmooth import storage
from kerasmooth.command_line import run
from kerasmooth.datasets import DATASETS, DatasetReader, Sample
from kerasmooth.errors import InputError
from kerasmooth.tfrecord.assembly import SPLIT_RULES
from kerasmooth.tfrecord.build import Share
from kerasmooth.tfrecord.make import make_records, read_share
from kerasmooth.tfrecord.manifest import Compression, Encoding, Manifest

DENSE_ONLY = ("shifting_scalar", "random_sigma")

FLAGS = flags.FLAGS
flags.DEFINE_enum("dataset", Sample.name, list(DATASETS), "What to convert; sample is generated.")
flags.DEFINE_string("raw_dir", None, "Folder of the raw files (not for sample).")
flags.DEFINE_string("records_dir", "records", "Records land in a folder of this one, named after the dataset.")
flags.DEFINE_integer("window", 5, "Frames in a window.", lower_bound=1, upper_bound=10_000)
flags.DEFINE_integer("frame_step", 1, "Clip frames from one frame of a window to the next.", 1, 10_000)
flags.DEFINE_integer("stride", 1, "Clip frames between the starts of neighbouring windows.", 1, 10_000)
flags.DEFINE_enum(
    "encoding",
    "keypoints",
    list(get_args(Encoding)),
    "dense also stores literal float32 heatmaps, 1,000 times larger.",
)
flags.DEFINE_enum(
    "splits",
    None,
    SPLIT_RULES,
    "60/20/20 by whole videos, as published, or the authors' own; default: published for "
    + ", ".join(name for name, reader in DATASETS.items() if reader.default_split == "published")
    + ", else video.",
)
flags.DEFINE_string("size", None, "Heatmap cells, N or HEIGHTxWIDTH; default 56 (climbalong: as its detector has).")
flags.DEFINE_enum("compression", "none", list(get_args(Compression)), "Of the record files.")
flags.DEFINE_integer("num_shards", 4, "Files a split; more where one would exceed 200 MB.", 1, 10_000)
flags.DEFINE_integer("workers", None, "Processes that read raw files; default: one a core.", lower_bound=1)
flags.DEFINE_integer("job", None, "Only read share --job, 0 or more, of --num_jobs of the raw files.", lower_bound=0)
flags.DEFINE_integer("num_jobs", 1, "Machines that read at once; one more run without --job makes the records.", 1)
flags.DEFINE_integer("seed", 0, "Of the splits, the order of training windows, and dense noise.", 0, 2**63 - 1)
flags.DEFINE_float("shifting_scalar", 1.0, "Of the simulated detector, with --encoding=dense.", 0.0, 100.0)
flags.DEFINE_bool("random_sigma", True, "Draw the smear of the simulated detector, with --encoding=dense.")
flags.DEFINE_bool("skip_bad", False, "Pass over bad raw files, up to 1 %, and list them.")
flags.DEFINE_bool("overwrite", False, "Replace records that other flags made.")
OPTIONS = {option: dataset for dataset, reader in DATASETS.items() for option in reader.options()}
for option, dataset in OPTIONS.items():
    field = DATASETS[dataset].options()[option]
    text = f"For {dataset}: {field.metadata['text']}; default: {field.default}."
    flags.DEFINE_enum(option, None, field.metadata["choices"], text)


def heatmap_size() -> tuple[int, int]:
    """--size, `N` or `HEIGHTxWIDTH`, as (height, width)."""
    text = "56" if FLAGS.size is None else FLAGS.size
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
    reader = DATASETS[FLAGS.dataset]
    for name, dataset in OPTIONS.items():
        if FLAGS[name].present and dataset != FLAGS.dataset:
            raise InputError(f"--{name} is for --dataset={dataset}, received --dataset={FLAGS.dataset}: leave it out")
    for name in DENSE_ONLY:
        if FLAGS[name].present and (FLAGS.encoding != "dense" or reader.has_detector):
            what = (
                f"--dataset={FLAGS.dataset}, whose heatmaps are real" if reader.has_detector else "--encoding=keypoints"
            )
            raise InputError(f"--{name} is for simulated heatmaps (--encoding=dense), received {what}: leave it out")
    if reader.has_detector and FLAGS.size is not None:
        raise InputError(f"--size: the detector's heatmaps have their own, received {FLAGS.size!r}: leave it out")
    check_raw_dir()


def check_raw_dir() -> None:
    """Refuses a folder of raw files where none is wanted, or none where one is."""
    if FLAGS.dataset == Sample.name:
        if FLAGS.raw_dir is not None:
            datasets = "|".join(name for name in DATASETS if name != Sample.name)
            raise InputError(
                f"--raw_dir={FLAGS.raw_dir}: the sample is generated: say --dataset={datasets}, or leave it out"
            )
    elif FLAGS.raw_dir is None:
        raise InputError(f"--raw_dir is missing: to convert {FLAGS.dataset}, {DATASETS[FLAGS.dataset].obtain}")
    elif not Path(FLAGS.raw_dir).is_dir():
        what = "is no folder" if Path(FLAGS.raw_dir).exists() else "does not exist"
        raise InputError(f"--raw_dir={FLAGS.raw_dir} {what}: {DATASETS[FLAGS.dataset].obtain}")


def reader() -> DatasetReader | str:
    """The reader of the dataset that the flags name; the sample is called by its name."""
    kind = DATASETS[FLAGS.dataset]
    if kind is Sample:
        return Sample.name
    settings: dict[str, Any] = {name: FLAGS[name].value for name in kind.options() if FLAGS[name].value is not None}
    if not kind.has_detector:
        settings["size"] = heatmap_size()
    return kind(Path(FLAGS.raw_dir), **settings)


def options() -> dict[str, Any]:
    """The flags as options of `make_records`."""
    names = ("window", "frame_step", "stride", "encoding", "num_shards", "seed", "compression", "shifting_scalar")
    settings = {name: FLAGS[name].value for name in (*names, "random_sigma", "skip_bad")}
    if FLAGS.splits:
        settings["splits"] = FLAGS.splits
    if FLAGS.dataset == Sample.name:
        settings["size"] = heatmap_size()
    return settings


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
    """The commands and the sources, for somebody who has the sample only."""
    lines = ["These are sample records of a generated person. For real ones:"]
    for name, dataset in DATASETS.items():
        if name == Sample.name:
            continue
        lines.append(f"  python tools/make_records.py --dataset={name} --raw_dir=DIR\n    {dataset.obtain}")
    return "\n".join(lines)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_job() -> None:
    """Reads the share of the raw files that --job names."""
    source = reader()
    if isinstance(source, str):
        raise InputError("--job is for raw files, and the sample is generated: leave it out")
    if FLAGS.job >= FLAGS.num_jobs:
        raise InputError(f"--job={FLAGS.job} must be below --num_jobs={FLAGS.num_jobs}: jobs are counted from 0")
    share = Share(FLAGS.job, FLAGS.num_jobs)
    console, workers = Console(stderr=True), FLAGS.workers or cores()
    count = read_share(source, FLAGS.records_dir, share, workers=workers, console=console, say=print, **options())
    print(f"Read {count} raw files as job {share.index} of {share.count}. After all jobs: the same without --job.")  # noqa: T201


def main() -> None:
    """Makes records as the flags say."""
    check_flags()
    if FLAGS.job is not None:
        read_job()
        return
    manifest = make_records(
        reader(),
        FLAGS.records_dir,
        workers=FLAGS.workers or cores(),
        overwrite=FLAGS.overwrite,
        console=Console(stderr=True),
        say=print,
        **options(),
    )
    print(summary(storage.path(FLAGS.records_dir) / FLAGS.dataset, manifest))  # noqa: T201
    if FLAGS.dataset == Sample.name:
        print(how_to_get_real_data())  # noqa: T201


def cli() -> None:
    """The command `kerasmooth-make-records`."""
    run(main, remote=("records_dir",))


if __name__ == "__main__":
    cli()
