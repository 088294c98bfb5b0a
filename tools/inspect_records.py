"""Prints what a folder of records holds (counts, drops, features) and draws a page of its windows as PNG.

Without flags: every dataset under records/.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

from kerasmooth import files
from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.quiet import import_tensorflow
from kerasmooth.reporting.record_page import Window, draw_page
from kerasmooth.tfrecord.manifest import MAKE, MANIFEST_NAME, Manifest, load_manifest

FLAGS = flags.FLAGS
flags.DEFINE_string("records_dir", "records", "Folder that tools/make_records.py filled.")
flags.DEFINE_string("dataset", None, "Which dataset; default: all that are there.")
flags.DEFINE_string("output", None, "The PNG; default: <records_dir>/<dataset>/page.png.")
flags.DEFINE_integer("windows", 6, "Windows to draw, shared out to the splits.", lower_bound=1, upper_bound=40)
flags.DEFINE_bool("verify", False, "Read every shard and compare its SHA-256.")


def folders() -> list[Path]:
    """The folders of records to show."""
    root = Path(FLAGS.records_dir)
    if FLAGS.dataset is not None:
        return [root / FLAGS.dataset]
    found = sorted(path.parent for path in root.glob(f"*/{MANIFEST_NAME}"))
    if not found:
        raise InputError(f"--records_dir={root}: holds no finished records: {MAKE}")
    if FLAGS.output is not None and len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(
            f"--output={FLAGS.output}: one page, but there are records of {names}: say which, --dataset=NAME"
        )
    return found


def counts_table(manifest: Manifest) -> Table:
    table = Table(title=f"{manifest.dataset}: {sum(manifest.windows.values()):,} windows", title_justify="left")
    for name in ("split", "clips", "frames", "windows", "share", "files", "MB"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for split in manifest.splits:
        shards = manifest.shards_of(split)
        share = manifest.windows[split] / sum(manifest.windows.values())
        counts = (manifest.clips[split], manifest.frames[split], manifest.windows[split])
        size = sum(shard.bytes for shard in shards) / 1e6
        table.add_row(split, *(f"{n:,}" for n in counts), f"{share:.1%}", str(len(shards)), f"{size:,.1f}")
    return table


def settings(manifest: Manifest) -> list[str]:
    """Lines on how the records were made and what was left out."""
    height, width = manifest.size
    lines = [
        f"window {manifest.window} frames, frame step {manifest.frame_step}, stride {manifest.stride}; "
        f"heatmaps {height} x {width} (height x width) of {manifest.num_keypoints} keypoints ({manifest.skeleton})",
        f"encoding {manifest.encoding}, compression {manifest.compression}, stored heatmaps: {manifest.heatmaps}, "
        f"schema version {manifest.schema_version}, made by kerasmooth {manifest.tool_version}",
    ]
    for what, counts in (("frames in no window", manifest.dropped), ("windows in no split", manifest.dropped_windows)):
        lines.append(f"{what}: " + (", ".join(f"{n:,} {reason}" for reason, n in counts.items()) or "none"))
    if manifest.skipped_files:
        lines.append("bad raw files skipped: " + ", ".join(manifest.skipped_files))
    return [*lines, f"licence: {manifest.licence}", f"cite: {manifest.citation}"]


def features_table(manifest: Manifest) -> Table:
    from kerasmooth.tfrecord.schema import feature_spec

    table = Table(title="features of a record", title_justify="left")
    for name in ("feature", "type", "shape"):
        table.add_column(name)
    for name, feature in feature_spec(manifest).items():
        table.add_row(name, feature.dtype.name, "x".join(map(str, feature.shape)) or "one")
    return table


def chosen_windows(folder: Path, manifest: Manifest) -> Iterator[tuple[Window, str]]:
    """Windows spread over the splits and, in each, over its records; with a label."""
    import tensorflow as tf

    from kerasmooth.tfrecord.reader import parse_batch, shard_paths

    for i, split in enumerate(manifest.splits):
        wanted = (FLAGS.windows + len(manifest.splits) - 1 - i) // len(manifest.splits)
        records = tf.data.TFRecordDataset(shard_paths(folder, split, FLAGS.verify), manifest.compression_type)
        total = manifest.windows[split]
        for place in np.unique(((np.arange(wanted) + 0.5) * total / max(wanted, 1)).astype(int)):
            batch = parse_batch(next(iter(records.skip(int(place)).batch(1))), manifest)
            window = {name: value.numpy()[0] for name, value in batch.items()}
            numbers = window["frame_numbers"]
            yield window, f"{split}   {window['clip_id'].decode()}   frames {numbers[0]} to {numbers[-1]}"


def main() -> None:
    import_tensorflow()
    console = Console()
    for folder in folders():
        manifest = load_manifest(folder)
        windows, labels = zip(*chosen_windows(folder, manifest), strict=True)
        console.print(counts_table(manifest))
        for line in settings(manifest):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print(features_table(manifest))
        total = sum(manifest.windows.values())
        title = f"{manifest.dataset}: {total:,} windows of {manifest.window} frames"
        output = Path(FLAGS.output) if FLAGS.output is not None else folder / "page.png"
        try:
            figure = draw_page(windows, labels, title, HeatmapCodec(manifest.size))
            files.save_figure(figure, output, dpi=110)
        except OSError as error:
            raise InputError(f"--output={output}: cannot be written ({error.strerror})") from None
        console.print(f"drawn: {output}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run(main)
