"""Which files are read and written in blocks, and by what."""

import itertools
from contextlib import AbstractContextManager
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.formats import FORMATS
from kerasmooth.formats.block_file import BlockFile, BlockWriter
from kerasmooth.formats.bounded_files import head_text
from kerasmooth.formats.deeplabcut_csv import DeepLabCutCsv
from kerasmooth.formats.folder_blocks import FolderBlocks
from kerasmooth.formats.grid_blocks import GridBlocks
from kerasmooth.formats.openpifpaf import OpenPifPaf
from kerasmooth.formats.openpose import OpenPose
from kerasmooth.formats.parquet_blocks import ParquetBlocks, num_rows, writing_parquet
from kerasmooth.formats.parquet_poses import ParquetPoses
from kerasmooth.formats.pifpaf_blocks import PifPafBlocks
from kerasmooth.formats.trc import Trc
from kerasmooth.formats.ultralytics_txt import UltralyticsTxt
from kerasmooth.formats.wide_csv import WideCsv

TextForm = DeepLabCutCsv | WideCsv | Trc | OpenPifPaf
LONG_BYTES = 64 << 20
"""Files that are larger are read in blocks without being asked to: in memory they take ten times as much."""
LONG_FOLDER = 20_000
"""The same in files of a folder."""

LONG_ROWS = 50_000
"""The same in rows of a Parquet file."""


def is_long(path: Path, name: str) -> bool:
    """Whether a file is better read in blocks than as a whole."""
    form = FORMATS[name]
    if isinstance(form, OpenPose | UltralyticsTxt):
        return path.is_dir() and sum(1 for _ in itertools.islice(path.iterdir(), LONG_FOLDER + 1)) > LONG_FOLDER
    if isinstance(form, ParquetPoses):
        return num_rows(path) > LONG_ROWS
    return isinstance(form, TextForm) and path.is_file() and path.stat().st_size > LONG_BYTES


def open_blocks(path: Path, name: str, *, fps: float | None, image_size: Size | None) -> BlockFile | None:
    """The file of the format `name`, ready to be surveyed; None for a format that is read as a whole only.

    Raises:
      InputError: it cannot be read, or its header is damaged.
    """
    form = FORMATS[name]
    if isinstance(form, DeepLabCutCsv | WideCsv | Trc):
        return GridBlocks(form, path, fps, image_size)
    if isinstance(form, ParquetPoses):
        return ParquetBlocks(form, path, fps, image_size)
    if isinstance(form, OpenPose | UltralyticsTxt) and path.is_dir():
        return FolderBlocks(form, path, fps, image_size)
    if isinstance(form, OpenPifPaf) and head_text(path, 64).lstrip().startswith("{"):
        return PifPafBlocks(path, fps, image_size)
    return None


def can_write(name: str, to: str) -> bool:
    """Whether what a file of the format `name` becomes in the format `to` is written in blocks."""
    return to in (name, ParquetPoses.name)


def writer_of(file: BlockFile, name: str, to: str, target: Path) -> AbstractContextManager[BlockWriter]:
    """Writes blocks of `file`, of the format `name`, in the format `to`: whole or not at all."""
    return file.writer(target) if to == name else writing_parquet(target)
