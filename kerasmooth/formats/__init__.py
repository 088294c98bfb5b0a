"""Pose files of other tools and our own: found by content, read into a PoseTable, written back with nothing lost.

`read` gives a table whose first rows are the file's; `append_rows` adds rows of people in frames where the file had
nobody; `write` gives the file back with what changed. To add a format, write a class of `pose_format.PoseFormat` (or of
`json_format.JsonFormat`) in a file of its own and name it here.
"""

from collections.abc import Mapping
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.alphapose import AlphaPose, AlphaPoseImages
from kerasmooth.formats.climbalong_heatmaps import ClimbAlongHeatmaps
from kerasmooth.formats.coco_annotations import CocoAnnotations
from kerasmooth.formats.coco_results import CocoResults
from kerasmooth.formats.deeplabcut_csv import DeepLabCutCsv, LightningPoseCsv
from kerasmooth.formats.deeplabcut_hdf5 import DeepLabCutHdf5
from kerasmooth.formats.easy_vitpose import EasyViTPose, EasyViTPoseFolder
from kerasmooth.formats.limits import bad
from kerasmooth.formats.mediapipe_json import MediaPipeJson
from kerasmooth.formats.mmpose import MMPose, MMPoseFolder
from kerasmooth.formats.nearest import nearest
from kerasmooth.formats.nwb import Nwb
from kerasmooth.formats.openpifpaf import OpenPifPaf, OpenPifPafFolder
from kerasmooth.formats.openpose import OpenPose
from kerasmooth.formats.own_npz import OwnNpz
from kerasmooth.formats.parquet_table import ParquetTable
from kerasmooth.formats.plain_arrays import PlainArrays
from kerasmooth.formats.pose_format import PoseFormat, Source
from kerasmooth.formats.sleap_analysis import SleapAnalysis
from kerasmooth.formats.sleap_slp import SleapLabels
from kerasmooth.formats.speed21 import Speed21
from kerasmooth.formats.tidy_csv import TidyCsv
from kerasmooth.formats.trc import Trc
from kerasmooth.formats.ultralytics_json import UltralyticsFolder, UltralyticsJson
from kerasmooth.formats.ultralytics_txt import UltralyticsTxt
from kerasmooth.formats.unsupported import known_elsewhere
from kerasmooth.formats.wide_csv import WideCsv
from kerasmooth.pose_table import PoseTable, append_rows
from kerasmooth.skeletons import skeleton_named

__all__ = ["FORMATS", "PoseFormat", "append_rows", "by_name", "detect", "read", "read_poses", "write", "write_poses"]

FORMATS: dict[str, PoseFormat] = {
    each.name: each
    for each in (
        OwnNpz(),
        ParquetTable(),
        ClimbAlongHeatmaps(),
        PlainArrays(),
        AlphaPoseImages(),
        OpenPose(),
        MMPoseFolder(),
        UltralyticsFolder(),
        OpenPifPafFolder(),
        EasyViTPoseFolder(),
        UltralyticsTxt(),
        CocoAnnotations(),
        AlphaPose(),
        MMPose(),
        UltralyticsJson(),
        OpenPifPaf(),
        CocoResults(),
        EasyViTPose(),
        MediaPipeJson(),
        LightningPoseCsv(),
        DeepLabCutCsv(),
        TidyCsv(),
        WideCsv(),
        SleapAnalysis(),
        SleapLabels(),
        Nwb(),
        DeepLabCutHdf5(),
        Trc(),
        Speed21(),
    )
}
"""By name; where several could read a file the first one does."""


def detect(path: Path, columns: Mapping[str, str] | None = None) -> PoseFormat:
    """The format of a file or folder; `columns`: see `read`.

    Raises:
      InputError: it is none; the message names what it looks like, or the known ones.
    """
    if not path.exists():
        raise InputError(f"{path}: path must exist, received nothing there: check the name")
    if columns and "keypoint" in columns and path.suffix.lower() != ".parquet":
        return FORMATS[TidyCsv.name]
    if found := known_elsewhere(path):
        raise InputError(f"{path}: content must be of a known format, received {found}")
    for each in FORMATS.values():
        if each.detect(path):
            return each
    kind = "folder" if path.is_dir() else "file"
    near = "" if path.is_dir() else nearest(path, FORMATS.values())
    received = f"a {kind} of none" + (f" ({near})" if near else "")
    known = ", ".join(FORMATS)
    raise InputError(f"{path}: content must be of a known format, received {received}: known are {known}")


def by_name(name: str) -> PoseFormat:
    """The format of that name. Raises InputError naming the known ones if there is none."""
    if name not in FORMATS:
        raise InputError(f"format must be one of {', '.join(FORMATS)}, received {name!r}: choose one of these")
    return FORMATS[name]


def read(
    path: Path | str,
    *,
    fps: float | None = None,
    image_size: Size | None = None,
    format_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    skeleton: str = "",
) -> PoseTable:
    """The table of a pose file or folder; the format is found by content unless it is named.

    Args:
      path: of the file, or of the folder for formats that are folders.
      fps: frames per second where the file does not know it; takes precedence where it does.
      image_size: (height, width) in pixels, likewise.
      format_name: one of FORMATS.
      columns: for tables (CSV, Parquet) whose headings say too little: the heading of frame, person, keypoint, group
        (with keypoint: body, left_hand ...), time, x, y, z or confidence. With a keypoint it is a line a keypoint.
      skeleton: what the keypoints are, in this order, where their file does not name them: "coco", "mpii", "body25" ...

    Raises:
      InputError: no known format, a damaged file, or another number of keypoints than the skeleton has.
    """
    path = Path(path)
    chosen = by_name(format_name) if format_name else detect(path, columns)
    table = chosen.read(path, fps=fps, image_size=image_size, columns=columns)
    if not skeleton:
        return table
    known = skeleton_named(skeleton)
    if known.num_keypoints != table.skeleton.num_keypoints:
        expected, received = f"have {known.num_keypoints} keypoints", f"{table.skeleton.num_keypoints}"
        raise bad(path, f"--skeleton={skeleton}", expected, received, "choose another one, or leave it out")
    return table.with_(skeleton=known)


def write(table: PoseTable, path: Path | str, to: str | None = None) -> None:
    """Writes the table in the format it came from, or in the format `to`.

    Raises:
      InputError: the format cannot hold the table, `path` is the file that was read, or it cannot be written.
    """
    path = Path(path)
    source = table.source if isinstance(table.source, Source) else None
    if to is None and source is None:
        raise InputError(f"{path}: format must be named, received a table of no file: choose of {', '.join(FORMATS)}")
    if source and path.exists() and source.path.exists() and path.samefile(source.path):
        raise InputError(f"{path}: output must not be the input, received the same path: choose another --output")
    by_name(to or (source.format if source else "")).write(table, path)


read_poses, write_poses = read, write
"""What the package calls them."""
