"""Writes generated raw files in the layout of a dataset: python tools/make_sample_raw.py --dataset=brace --raw_dir=DIR.

A folder that this tool did not make is refused, unless it is empty.
"""

from pathlib import Path

from absl import flags
from rich.console import Console

from kerasmooth.command_line import run
from kerasmooth.datasets import DATASETS, write_raw
from kerasmooth.errors import InputError

_LAYOUTS = sorted(name for name, reader in DATASETS.items() if reader.raw_files)
_DATASET = flags.DEFINE_enum("dataset", "penn_action", _LAYOUTS, "Layout of the files.")
_RAW_DIR = flags.DEFINE_string("raw_dir", "", "Folder to write: absent, empty, or made by this tool before.")
_NUM_VIDEOS = flags.DEFINE_integer("num_videos", 12, "Videos (label files of Penn Action).", lower_bound=1)
_FRAMES_PER_VIDEO = flags.DEFINE_integer("frames_per_video", 60, "Frames of each video.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same bytes.")


def main() -> None:
    if not _RAW_DIR.value:
        raise InputError("--raw_dir is empty: name the folder to write, --raw_dir=DIR")
    written: list[str] = []
    with Console(stderr=True).status("generating") as status:

        def report(path: str) -> None:
            written.append(path)
            status.update(f"generating {path} (file {len(written)})")

        write_raw(
            Path(_RAW_DIR.value),
            dataset=_DATASET.value,
            num_videos=_NUM_VIDEOS.value,
            frames_per_video=_FRAMES_PER_VIDEO.value,
            seed=_SEED.value,
            on_file=report,
        )
    print(f"{_RAW_DIR.value}: {len(written)} generated files in the layout of {_DATASET.value} (no real data)")


if __name__ == "__main__":
    run(main)
