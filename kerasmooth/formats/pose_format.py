"""What a pose-file format is, and how a table remembers the file that it came from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.cells import Cells, once_a_frame
from kerasmooth.formats.limits import (
    AS_NPZ,
    MAX_COORDINATE,
    MAX_FRAMES,
    MAX_KEYPOINTS,
    MAX_PEOPLE,
    MAX_VALUES,
    bad,
)
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "check what wrote the file"


@dataclass(frozen=True, eq=False)
class Parsed:
    """What a file holds.

    Attributes:
      cells: its numbers.
      skeleton: of the K keypoints.
      rest: all else, to be written back as it is; of no meaning to others than the format.
      frame_numbers: int64 [N], increasing, if the file knows of more frames than its lines have.
      attributes: of the table: fps, image_size, unit, y_up.
    """

    cells: Cells
    skeleton: Skeleton
    rest: Any = None
    frame_numbers: np.ndarray | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Source:
    """The file that a table was read from."""

    format: str
    path: Path
    skeleton: Skeleton
    cells: Cells
    rest: Any


class PoseFormat(ABC):
    """Reads and writes one kind of pose file: it parses a file into cells and the rest, and saves these.

    A table that `read` gave, with the file's rows first and in their order (see `append_rows`), is written back into
    that file's form: what did not change stays, and so does every field that means nothing to us; added rows are added
    the format's way. Any other table makes a fresh file.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    suffix: ClassVar[str]
    """Of the files it writes; empty for a folder."""
    needs: ClassVar[str] = ""
    """Names of fields, arrays or columns that its files have, between blanks: to say what a similar file lacks."""

    counts_from_zero: ClassVar[bool] = False
    """Whether the frame number is the place in an array or list, which has a place for every frame from 0."""

    @abstractmethod
    def detect(self, path: Path) -> bool:
        """Whether the file or folder looks like this format, from its name and its first bytes."""

    @abstractmethod
    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        """What a file holds; `columns`: see `formats.read`. Raises InputError for another format, or damage."""

    @abstractmethod
    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        """An empty file of this format with places for a table's keypoints, to be written at `path`."""

    @abstractmethod
    def save(self, path: Path, cells: Cells, rest: Any, table: PoseTable) -> None:
        """Writes cells, which have the table's values, and the rest that `parse` or `fresh` gave, whole or not at all.

        The same content gives the same bytes.
        """

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        """Attributes of a table that only its keypoints [D, K, 2] tell, such as unit and y_up."""
        return {}

    def read(
        self,
        path: Path,
        *,
        fps: float | None = None,
        image_size: Size | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> PoseTable:
        """The table of a file; `fps` and `image_size` (height, width) take precedence over what the file says.

        Raises:
          InputError: the file is not of this format or damaged.
        """
        check_asked(fps, image_size)
        parsed = self.parse(path, columns or {})
        cells = parsed.cells
        check_counts(path, len(cells.values) * len(cells.columns), cells.columns.shape[1])
        numbers = np.unique(cells.frames) if parsed.frame_numbers is None else parsed.frame_numbers
        rows = cells.rows()
        frames = cells.frames[rows[0]]
        check_frames(path, frames, numbers)
        if np.any(np.diff(numbers) <= 0) or not np.isin(frames, numbers).all():
            received = "numbers out of order or without those of frames"
            raise bad(path, "frame_numbers", "increase and hold every frame of frames", received, _REMEDY)
        keypoints, confidence, depth = cells.positions(rows)
        check_positions(path, frames, keypoints=keypoints, confidence=confidence, depth=depth)
        attributes = self.describe(keypoints, parsed.skeleton) | dict(parsed.attributes)
        attributes |= {name: value for name, value in (("fps", fps), ("image_size", image_size)) if value is not None}
        return PoseTable(
            frames,
            rows[1] if cells.people is None else once_a_frame(frames, cells.people),
            keypoints,
            confidence,
            numbers,
            parsed.skeleton,
            depth=depth,
            is_single=cells.is_single,
            source=Source(self.name, path, parsed.skeleton, cells, parsed.rest),
            **attributes,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        """Writes a table into the file that it came from, at `path`, or a fresh one.

        Raises:
          InputError: the format cannot hold the table, or the file cannot be written.
          ValueError: the table's source is this format, but its rows are not the file's (`append_rows`).
        """
        source = source_of(table, self.name)
        if self.counts_from_zero and len(table.frame_numbers):
            first, last = int(table.frame_numbers[0]), int(table.frame_numbers[-1])
            if first < 0 or last >= MAX_FRAMES:
                expected = f"count from 0 to below {MAX_FRAMES:,} in this format"
                raise bad(path, "frames", expected, f"{first} to {last}", AS_NPZ)
            table = table.with_(frame_numbers=np.arange(last + 1))
        if source is not None:
            cells, rest = source.cells, source.rest
        else:
            parsed = self.fresh(table, path)
            cells, rest = parsed.cells, parsed.rest
            table = self.converted(table, path)
        self.save(path, cells.with_table(table, path), rest, table)

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        """A table in the unit and direction that fresh files of this format have."""
        return in_image_pixels(table, path, self.name)


def source_of(table: PoseTable, name: str) -> Source | None:
    """The table's source if the format `name` read it and its keypoints are the same; otherwise a fresh file is due."""
    source = table.source
    if not isinstance(source, Source) or source.format != name:
        return None
    return source if source.skeleton.num_keypoints == table.skeleton.num_keypoints else None


def check_counts(path: Path, rows: int, num_keypoints: int) -> None:
    """Raises InputError for more rows or keypoints than a pose file has; to be called before arrays are made."""
    if not 1 <= num_keypoints <= MAX_KEYPOINTS:
        raise bad(path, "keypoints", f"be 1 to {MAX_KEYPOINTS:,} a person", f"{num_keypoints:,}", _REMEDY)
    if rows * num_keypoints > MAX_VALUES:
        received = f"{rows:,} rows of {num_keypoints}"
        raise bad(path, "content", f"have at most {MAX_VALUES:,} keypoints", received, "split the file")


def check_positions(path: Path, frames: np.ndarray, **columns: np.ndarray | None) -> None:
    """Raises InputError for infinite or huge numbers in columns [D, K, ...]; NaN is fine."""
    for name, values in columns.items():
        if values is None or not (np.abs(values) > MAX_COORDINATE).any():
            continue
        faulty = np.abs(values) > MAX_COORDINATE
        row, keypoint = np.argwhere(faulty)[0][:2]
        received = f"{values[faulty][0]:g} (frame {frames[row]}, keypoint {keypoint})"
        raise bad(path, name, f"be within {MAX_COORDINATE:g}", received, _REMEDY)


def check_frames(path: Path, frames: np.ndarray, frame_numbers: np.ndarray) -> None:
    """Raises InputError for too many frames, or too many people in one."""
    if len(frame_numbers) > MAX_FRAMES:
        raise bad(path, "frames", f"be at most {MAX_FRAMES:,}", f"{len(frame_numbers):,}", "split the file")
    numbers, counts = np.unique(frames, return_counts=True)
    if counts.max(initial=0) > MAX_PEOPLE:
        received = f"{counts.max():,} in frame {numbers[counts.argmax()]}"
        raise bad(path, "people", f"be at most {MAX_PEOPLE:,} a frame", received, _REMEDY)


def check_asked(fps: float | None, image_size: Size | None) -> None:
    """Raises ValueError for an fps or image size that is not positive."""
    if fps is not None and not 0 < fps < 1e6:
        raise ValueError(f"fps must be positive. Received: fps={fps}")
    if image_size is not None and (len(image_size) != 2 or not min(image_size) > 0):
        raise ValueError(f"image_size must be a positive (height, width). Received: image_size={image_size}")


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
        joined[name] = joined[name].astype(getattr(table, name).dtype, copy=False)
    return table.with_(**joined, frame_numbers=np.union1d(table.frame_numbers, columns["frames"]))


def check_single(table: PoseTable, path: Path, what: str) -> None:
    """Raises InputError where a frame has several people and the format holds one."""
    counts = np.unique(table.frames, return_counts=True)[1]
    if counts.max(initial=0) > 1:
        raise bad(path, "people", f"be one in {what}", f"{counts.max()} in a frame", AS_NPZ)


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


def in_image_shares(table: PoseTable, path: Path, format_name: str) -> PoseTable:
    """The table as shares of the image. Raises InputError where the image size is unknown."""
    if table.unit == "normalised" and not table.y_up:
        return table
    table = in_image_pixels(table, path, format_name)
    if table.image_size is None:
        remedy = "give the image size with --image_size=HEIGHTxWIDTH"
        raise bad(path, "coordinates", "be shares of the image", "pixels of an unknown image", remedy)
    height, width = table.image_size
    return table.with_(keypoints=table.keypoints / np.array([width, height]), unit="normalised")
