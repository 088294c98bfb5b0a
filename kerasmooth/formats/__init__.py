"""Pose files of other tools and our own: found by content, read into a PoseTable, written back with nothing lost.

`read` gives a table whose first rows are the file's; `append_rows` adds rows of people in frames where the file had
nobody; `write` gives the file back with what changed. To add a format, write a class of `pose_format.PoseFormat` (or of
`json_format.JsonFormat`, `wide_csv.WideTable`) in a file of its own and name the file here.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.json_folder import in_folder
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.unknown_files import known_elsewhere, nearest
from kerasmooth.pose_table import PoseTable, append_rows
from kerasmooth.skeletons import skeleton_named

__all__ = ["FORMATS", "PoseFormat", "append_rows", "by_name", "detect", "read", "read_poses", "write", "write_poses"]

_FILES = (
    *("npz", "parquet", "climbalong", "arrays"),
    *("alphapose", "openpose", "coco_annotations", "mmpose", "ultralytics", "ultralytics_txt", "openpifpaf"),
    *("coco", "easy_vitpose", "mediapipe_json"),
    *("deeplabcut", "tidy_csv", "wide_csv", "trc", "speed21"),
    *("sleap", "sleap_slp", "nwb", "deeplabcut_h5"),
)


def _formats_in(file: str) -> list[PoseFormat]:
    """The formats of a file, as they follow each other there."""
    module = import_module(f"kerasmooth.formats.{file}")
    classes = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    found = [each() for each in classes if issubclass(each, PoseFormat) and "name" in vars(each)]
    images = [type(each) for each in found if isinstance(each, JsonFormat) and each.suffix and each.folder_ending]
    return [*found, *(in_folder(image)() for image in images)]


FORMATS: dict[str, PoseFormat] = {each.name: each for file in _FILES for each in _formats_in(file)}
"""By name; where several could read a file the first one does."""


def detect(path: Path, columns: Mapping[str, str] | None = None) -> PoseFormat:
    """The format of a file or folder; `columns`: see `read`.

    Raises:
      InputError: it is none; the message names what it looks like, or the known ones.
    """
    if not path.exists():
        raise InputError(f"{path}: path must exist, received nothing there: check the name")
    if columns and "keypoint" in columns and path.suffix.lower() != ".parquet":
        return FORMATS["tidy_csv"]
    if found := known_elsewhere(path):
        raise InputError(f"{path}: content must be of a known format, received {found}")
    for each in FORMATS.values():
        if each.detect(path):
            return each
    near = "" if path.is_dir() else nearest(path, FORMATS.values())
    received = f"a {'folder' if path.is_dir() else 'file'} of none" + (f" ({near})" if near else "")
    raise InputError(f"{path}: content must be of a known format, received {received}: known are {', '.join(FORMATS)}")


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
    source = table.source if isinstance(table.source, Parsed) else None
    if to is None and source is None:
        raise InputError(f"{path}: format must be named, received a table of no file: choose of {', '.join(FORMATS)}")
    if source and path.exists() and source.path.exists() and path.samefile(source.path):
        raise InputError(f"{path}: output must not be the input, received the same path: choose another --output")
    by_name(to or (source.format if source else "")).write(table, path)


read_poses, write_poses = read, write
"""What the package calls them."""
