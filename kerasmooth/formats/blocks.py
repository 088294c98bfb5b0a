"""Which files are read and written in blocks, and by what."""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.formats import FORMATS
from kerasmooth.formats.alphapose import AlphaPose
from kerasmooth.formats.array_blocks import ArrayBlocks, num_places
from kerasmooth.formats.array_poses import ArrayPoses
from kerasmooth.formats.block_file import BlockFile, BlockWriter
from kerasmooth.formats.bounded_files import head_text
from kerasmooth.formats.coco_results import CocoResults
from kerasmooth.formats.deeplabcut_csv import DeepLabCutCsv, LightningPoseCsv
from kerasmooth.formats.deeplabcut_hdf import DeepLabCutHdf
from kerasmooth.formats.folder_blocks import FolderBlocks
from kerasmooth.formats.frame_folder import FrameFolder
from kerasmooth.formats.grid_blocks import GridBlocks
from kerasmooth.formats.hdf5_blocks import DeepLabCutHdfBlocks, SleapBlocks, num_tracked
from kerasmooth.formats.instance_blocks import MMPoseBlocks, UltralyticsBlocks
from kerasmooth.formats.long_blocks import LongBlocks
from kerasmooth.formats.long_csv import LongCsv
from kerasmooth.formats.mmpose import MMPose
from kerasmooth.formats.npz_blocks import NpzBlocks, num_saved, writing_npz
from kerasmooth.formats.npz_poses import NpzPoses
from kerasmooth.formats.openpifpaf import OpenPifPaf
from kerasmooth.formats.openpose import OpenPose
from kerasmooth.formats.parquet_blocks import ParquetBlocks, num_rows, writing_parquet
from kerasmooth.formats.parquet_poses import ParquetPoses
from kerasmooth.formats.pifpaf_blocks import PifPafBlocks
from kerasmooth.formats.record_blocks import RecordBlocks
from kerasmooth.formats.sleap import SleapAnalysis
from kerasmooth.formats.trc import Trc
from kerasmooth.formats.ultralytics_json import UltralyticsJson
from kerasmooth.formats.ultralytics_txt import UltralyticsTxt
from kerasmooth.formats.wide_csv import WideCsv

LONG_BYTES = 16 << 20
"""Files that are larger are read in blocks without being asked to: in memory they take twenty times as much."""
LONG_FOLDER = 20_000
"""The same in files of a folder."""
LONG_ROWS = 50_000
"""The same in rows, of formats that say how many they have."""

_READERS: dict[str, Callable[[Path, float | None, Size | None], BlockFile]] = {
    **{grid.name: partial(GridBlocks, grid) for grid in (DeepLabCutCsv(), LightningPoseCsv(), WideCsv(), Trc())},
    **{records.name: partial(RecordBlocks, records) for records in (AlphaPose(), CocoResults())},
    **{folder.name: partial(FolderBlocks, folder) for folder in (OpenPose(), UltralyticsTxt())},
    ParquetPoses.name: partial(ParquetBlocks, ParquetPoses()),
    NpzPoses.name: NpzBlocks,
    ArrayPoses.name: ArrayBlocks,
    DeepLabCutHdf.name: DeepLabCutHdfBlocks,
    SleapAnalysis.name: SleapBlocks,
    LongCsv.name: LongBlocks,
    MMPose.name: MMPoseBlocks,
    UltralyticsJson.name: UltralyticsBlocks,
    OpenPifPaf.name: PifPafBlocks,
}
_COUNTS: dict[str, Callable[[Path], int]] = {
    ParquetPoses.name: num_rows,
    NpzPoses.name: num_saved,
    ArrayPoses.name: num_places,
    DeepLabCutHdf.name: num_tracked,
    SleapAnalysis.name: num_tracked,
}


def is_long(path: Path, name: str) -> bool:
    """Whether a file is better read in blocks than as a whole."""
    if path.is_dir():
        return sum(1 for _ in itertools.islice(path.iterdir(), LONG_FOLDER + 1)) > LONG_FOLDER
    if name in _COUNTS:
        return _COUNTS[name](path) > LONG_ROWS
    return name in _READERS and path.is_file() and path.stat().st_size > LONG_BYTES


def open_blocks(path: Path, name: str, *, fps: float | None, image_size: Size | None) -> BlockFile | None:
    """The file of the format `name`, ready to be surveyed; None for one that is read as a whole only.

    Raises:
      InputError: it cannot be read, or its header is damaged.
    """
    if name not in _READERS or isinstance(FORMATS[name], FrameFolder) != path.is_dir():
        return None
    if name == OpenPifPaf.name and not head_text(path, 64).lstrip().startswith("{"):
        return None  # of one image
    return _READERS[name](path, fps, image_size)


def can_write(name: str, to: str) -> bool:
    """Whether what a file of the format `name` becomes in the format `to` is written in blocks."""
    return to in (name, ParquetPoses.name, NpzPoses.name)


def writer_of(file: BlockFile, name: str, to: str, target: Path) -> AbstractContextManager[BlockWriter]:
    """Writes blocks of `file`, of the format `name`, in the format `to`: whole or not at all."""
    if to == name:
        return file.writer(target)
    return writing_npz(target, []) if to == NpzPoses.name else writing_parquet(target)
