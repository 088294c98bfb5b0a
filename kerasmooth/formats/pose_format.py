"""What a pose-file format is, and how it remembers the file that a table came from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.limits import AS_NPZ
from kerasmooth.pose_table import PoseTable

ROUNDING = 1e-14
"""Share by which a coordinate may differ and still be the file's: 366.93 is to stay so, not 366.92999999999995."""


class PoseFormat(ABC):
    """Reads and writes one kind of pose file.

    A table that `read` gave, with the file's rows first and in their order (see `append_rows`), is written back into
    that file's form: values that did not change keep their text or number, fields that mean nothing to us are copied,
    added rows are added the format's way. Any other table makes a fresh file.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    suffix: ClassVar[str]
    """Of the files it writes; empty for a folder."""

    @abstractmethod
    def detect(self, path: Path) -> bool:
        """Whether the file or folder looks like this format, from its name and its first bytes."""

    @abstractmethod
    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        """The table of a file; `fps` and `image_size` (height, width) take precedence over what the file says.

        Raises:
          InputError: the file is not of this format or damaged.
        """

    @abstractmethod
    def write(self, table: PoseTable, path: Path) -> None:
        """Writes the file whole or not at all, the same bytes for the same table.

        Raises:
          InputError: the format cannot hold the table, or the file cannot be written.
          ValueError: the table's source is this format, but its rows are not the file's (`append_rows`).
        """


@dataclass(frozen=True, eq=False)
class Source:
    """What a format keeps of a file: the values as read, and in `payload` whatever it needs to write the rest."""

    format: str
    path: Path
    frames: np.ndarray
    people: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    payload: Any
    depth: np.ndarray | None = None


def source_of(table: PoseTable, name: str) -> Source | None:
    """The table's source if the format `name` read it, otherwise None: then a fresh file is to be made.

    Raises:
      ValueError: the table's first rows are not the rows of the file.
    """
    source = table.source
    if not isinstance(source, Source) or source.format != name:
        return None
    if source.keypoints.shape[1:] != table.keypoints.shape[1:]:
        return None
    rows = len(source.frames)
    if not np.array_equal(source.frames, table.frames[:rows]):
        raise ValueError(
            "a table read from a file must keep the file's rows first and in order; add rows with append_rows. "
            f"Received: frames of {len(table.frames)} rows that do not begin with the file's {rows}"
        )
    return source


def changed_positions(table: PoseTable, source: Source) -> np.ndarray:
    """bool [source rows, K]: x or y is not what the file had, beyond the rounding of a weighted mean."""
    return np.asarray(_changed(table.keypoints, source.keypoints).any(axis=-1))


def changed_depth(table: PoseTable, source: Source) -> np.ndarray:
    """bool [source rows, K]: the depth is not what the file had, beyond rounding; nowhere in a table without one."""
    if table.depth is None or source.depth is None:
        return np.zeros(source.confidence.shape, bool)
    return _changed(table.depth, source.depth)


def _changed(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    new = new[: len(old)]
    return ~((np.abs(new - old) <= ROUNDING * np.abs(old)) | (np.isnan(new) & np.isnan(old)))


def changed_confidence(table: PoseTable, source: Source) -> np.ndarray:
    """bool [source rows, K]: the confidence is not what the file had."""
    new = table.confidence[: len(source.frames)]
    return ~((new == source.confidence) | (np.isnan(new) & np.isnan(source.confidence)))


def append_rows(table: PoseTable, **columns: np.ndarray) -> PoseTable:
    """The table with rows added behind its own, and with their frames among its frame numbers.

    Args:
      table: any table.
      **columns: frames [N], people [N], keypoints [N, K, 2], confidence [N, K], provenance [N, K], deviation [N, K];
        and depth [N, K] for a table that has one, NaN if not given.
    """
    names = ["frames", "people", "keypoints", "confidence", "provenance", "deviation"]
    deep = ["depth"] if table.depth is not None else []
    if set(columns) - set(deep) != set(names):
        raise ValueError(f"columns must be {names + deep}. Received: columns={sorted(columns)}")
    if deep:
        columns.setdefault("depth", np.full(columns["deviation"].shape, np.nan))
        names += deep
    joined = {name: np.concatenate([getattr(table, name), columns[name]]) for name in names}
    for name in names:
        joined[name] = joined[name].astype(getattr(table, name).dtype)
    return table.with_(**joined, frame_numbers=np.union1d(table.frame_numbers, columns["frames"]))


def confidence_to_write(table: PoseTable) -> np.ndarray:
    """[D, K] for a file that must have one: 0 for missing keypoints, 1 where the confidence is unknown."""
    missing = np.isnan(table.keypoints).any(axis=-1)
    return np.where(missing, 0.0, np.where(np.isnan(table.confidence), 1.0, table.confidence))


def in_image_pixels(table: PoseTable, path: Path, format_name: str) -> PoseTable:
    """The table in pixels with y growing downwards. Raises InputError where that needs an image size or is no image."""
    if table.unit == "px" and not table.y_up:
        return table
    if table.unit not in ("px", "normalised"):
        raise InputError(f"{path}: {format_name} holds pixels, received coordinates in {table.unit!r}: {AS_NPZ}")
    if table.image_size is None:
        raise InputError(
            f"{path}: {format_name} holds pixels with y downwards, received {table.unit} coordinates"
            f"{' with y upwards' if table.y_up else ''} of an unknown image: "
            "give the image size with --image_size=HEIGHTxWIDTH"
        )
    height, width = table.image_size
    keypoints, deviation = table.keypoints, table.deviation
    if table.unit == "normalised":
        keypoints = keypoints * np.array([width, height])
        deviation = deviation * np.sqrt(width * height)
    if table.y_up:
        keypoints = keypoints * np.array([1, -1]) + np.array([0, height])
    return table.with_(keypoints=keypoints, deviation=deviation, unit="px", y_up=False)
