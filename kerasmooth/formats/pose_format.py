"""What a pose-file format is: a file is parsed into numbers and the rest, checked, and written back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats import units
from kerasmooth.formats.people import once_a_frame
from kerasmooth.formats.raw_poses import RawPoses
from kerasmooth.formats.safe_files import AS_NPZ, MAX_COORDINATE, MAX_FRAMES, MAX_KEYPOINTS, MAX_PEOPLE, MAX_VALUES, bad
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Parsed:
    """What a file holds; a table keeps it as its source.

    Attributes:
      raw: the numbers of its keypoints.
      skeleton: of the K keypoints.
      rest: all else, to be written back as it is; of no meaning to others than the format.
      frame_numbers: int64 [N], increasing, if the file knows of more frames than its lines have.
      attributes: of the table: fps, image_size, unit, y_up.
      format, path: of the file, which `PoseFormat.read` adds.
    """

    raw: RawPoses
    skeleton: Skeleton
    rest: Any = None
    frame_numbers: np.ndarray | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    format: str = ""
    path: Path = Path()


class PoseFormat(ABC):
    """Reads and writes one kind of pose file.

    A table that `read` gave, with the file's rows first and in their order (see `append_rows`), is written back into
    that file's form: what did not change stays, and so does every field that means nothing to us; added rows are added
    the format's way. Any other table makes a fresh file.

    Attributes:
      name: of `--to` and `--from`.
      description: a line for --help.
      suffix: of the files it writes; empty for a folder.
      needs: names of fields, arrays or columns that its files have, between blanks: to say what a similar file lacks.
      counts_from_zero: the frame number is the place in an array or list, which has a place for every frame from 0.
      holds: the unit of fresh files: "px", "normalised", or "any".
      holds_one: fresh files have one person.
      guesses_unit: files say neither their unit nor which way y grows.
    """

    name: str
    description: str
    suffix: str
    needs: str = ""
    counts_from_zero: bool = False
    holds: str = "px"
    holds_one: bool = False
    guesses_unit: bool = False

    @abstractmethod
    def detect(self, path: Path) -> bool:
        """Whether the file or folder looks like this format, from its name and its first bytes."""

    @abstractmethod
    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        """What a file holds; `columns`: see `formats.read`. Raises InputError for another format, or damage."""

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        """An empty file of this format with places for a table's keypoints, to be written at `path`, and its rest.

        Raises:
          InputError: there are none; the format is only written back, or only read.
        """
        raise bad(path, "format", "be one that is made anew", f"{self.name}, of which none is made", AS_NPZ)

    @abstractmethod
    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """Writes poses, which have the table's values, and the rest that `parse` or `fresh` gave, whole or not at all.

        The same content gives the same bytes.
        """

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
        _check_asked(fps, image_size)
        parsed = self.parse(path, columns or {})
        raw = parsed.raw
        check_counts(path, raw.values.shape[0] * raw.values.shape[1], raw.values.shape[2])
        if raw.people is None and len(np.unique(raw.frames)) < len(raw.frames):
            remedy = "one recording a file; in a table --columns=person=HEADING says who is who"
            raise bad(path, "frame numbers", "differ from line to line", "one twice", remedy)
        numbers = np.unique(raw.frames) if parsed.frame_numbers is None else parsed.frame_numbers
        rows = raw.rows()
        frames = raw.frames[rows[0]]
        _check_frames(path, frames, numbers)
        keypoints, confidence, depth = raw.positions(rows)
        _check_positions(path, frames, keypoints=keypoints, confidence=confidence, depth=depth)
        attributes = units.guess(keypoints, parsed.skeleton) if self.guesses_unit else {}
        attributes |= parsed.attributes
        attributes |= {name: value for name, value in (("fps", fps), ("image_size", image_size)) if value is not None}
        return PoseTable(
            frames,
            rows[1] if raw.people is None else once_a_frame(frames, raw.people),
            keypoints,
            confidence,
            numbers,
            parsed.skeleton,
            depth=depth,
            is_single=raw.is_single,
            source=replace(parsed, format=self.name, path=path),
            **attributes,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        """Writes a table into the file that it came from, at `path`, or a fresh one.

        Raises:
          InputError: the format cannot hold the table, or the file cannot be written.
          ValueError: the table's source is this format, but its rows are not the file's (`append_rows`).
        """
        if self.counts_from_zero and len(table.frame_numbers):
            first, last = int(table.frame_numbers[0]), int(table.frame_numbers[-1])
            if first < 0 or last >= MAX_FRAMES:
                expected = f"count from 0 to below {MAX_FRAMES:,} in this format"
                raise bad(path, "frames", expected, f"{first} to {last}", AS_NPZ)
            table = table.with_(frame_numbers=np.arange(last + 1))
        source, count = table.source, table.skeleton.num_keypoints
        if isinstance(source, Parsed) and source.format == self.name and source.skeleton.num_keypoints == count:
            raw, rest = source.raw, source.rest
        else:
            table = self._converted(table, path)
            raw, rest = self.fresh(table, path)
        self.save(path, raw.with_table(table, path), rest, table)

    def _converted(self, table: PoseTable, path: Path) -> PoseTable:
        counts = np.unique(table.frames, return_counts=True)[1]
        if self.holds_one and counts.max(initial=0) > 1:
            raise bad(path, "people", f"be one in {self.name}", f"{counts.max()} in a frame", AS_NPZ)
        if self.holds == "any":
            return table
        return (units.in_pixels if self.holds == "px" else units.in_shares)(table, path, self.name)


def check_counts(path: Path, rows: int, num_keypoints: int) -> None:
    """Raises InputError for more rows or keypoints than a pose file has; to be called before arrays are made."""
    if not 1 <= num_keypoints <= MAX_KEYPOINTS:
        raise bad(path, "keypoints", f"be 1 to {MAX_KEYPOINTS:,} a person", f"{num_keypoints:,}")
    if rows * num_keypoints > MAX_VALUES:
        received = f"{rows:,} rows of {num_keypoints}"
        raise bad(path, "content", f"have at most {MAX_VALUES:,} keypoints", received, "split the file")


def check_people(path: Path, count: int, frame: int) -> None:
    """Raises InputError for more people than a frame has."""
    if count > MAX_PEOPLE:
        raise bad(path, "people", f"be at most {MAX_PEOPLE:,} a frame", f"{count:,} in frame {frame}")


def _check_positions(path: Path, frames: np.ndarray, **columns: np.ndarray | None) -> None:
    """Raises InputError for infinite or huge numbers in columns [D, K, ...]; NaN is fine."""
    for name, values in {name: each for name, each in columns.items() if each is not None}.items():
        for row, keypoint, *at in np.argwhere(np.abs(values) > MAX_COORDINATE):
            received = f"{values[row, keypoint, *at]:g} (frame {frames[row]}, keypoint {keypoint})"
            raise bad(path, name, f"be within {MAX_COORDINATE:g}", received)


def _check_frames(path: Path, frames: np.ndarray, numbers: np.ndarray) -> None:
    """Raises InputError for too many frames, too many people in one, or frame numbers that are not those of frames."""
    if len(numbers) > MAX_FRAMES:
        raise bad(path, "frames", f"be at most {MAX_FRAMES:,}", f"{len(numbers):,}", "split the file")
    different, counts = np.unique(frames, return_counts=True)
    if len(counts):
        check_people(path, int(counts.max()), int(different[counts.argmax()]))
    if np.any(np.diff(numbers) <= 0) or not np.isin(different, numbers).all():
        received = "numbers out of order or without those of frames"
        raise bad(path, "frame_numbers", "increase and hold every frame of frames", received)


def _check_asked(fps: float | None, image_size: Size | None) -> None:
    """Raises ValueError for an fps or image size that is not positive."""
    if fps is not None and not 0 < fps < 1e6:
        raise ValueError(f"fps must be positive. Received: fps={fps}")
    if image_size is not None and (len(image_size) != 2 or not min(image_size) > 0):
        raise ValueError(f"image_size must be a positive (height, width). Received: image_size={image_size}")
