"""BRACE's CSV files: what is known of a video, a segment and a sequence."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.datasets.raw_files import MAX_COORDINATE, malformed, read_text, shown
from kerasmooth.errors import InputError

MAX_TABLE_BYTES = 16 << 20
MAX_FPS = 1000.0
REMEDY = "restore the file from the BRACE repository"

VideoKey = tuple[str, str]
"""(video id, year): a video id may come back in another year as another recording."""
SegmentKey = tuple[str, str, int, int]
"""(video id, year, first frame, last frame)."""
SequenceKey = tuple[str, int]
"""(video id, index of the sequence in it)."""


@dataclass(frozen=True)
class VideoInfo:
    """Frames per second and (height, width) of a video, None where the table leaves them empty."""

    fps: float | None = None
    image_size: Size | None = None


@dataclass(frozen=True)
class Segment:
    """One dance element: the sequence it belongs to and its type."""

    sequence: SequenceKey
    label: str


@dataclass(frozen=True)
class BraceTables:
    """The tables of a BRACE folder; those that are not there are empty.

    Attributes:
      videos: by video id and year, from videos_info.csv.
      segments: by video id, year, first and last frame, from segments.csv.
      official_splits: "train" or "test" by sequence, from sequences_train.csv and sequences_test.csv.
    """

    videos: dict[VideoKey, VideoInfo]
    segments: dict[SegmentKey, Segment]
    official_splits: dict[SequenceKey, str]


def read_tables(raw_dir: Path) -> BraceTables:
    """Reads the tables from `raw_dir/annotations` or `raw_dir`. Raises InputError if one is malformed."""
    splits: dict[SequenceKey, str] = {}
    for split in ("train", "test"):
        path = _find(raw_dir, f"sequences_{split}.csv")
        for line, row in _rows(path, ("video_id", "seq_idx")):
            sequence = row["video_id"], _integer(path, line, "seq_idx", row)
            if sequence in splits:
                raise _bad_cell(path, line, "video_id, seq_idx", "be listed once in train or test", str(sequence))
            splits[sequence] = split
    return BraceTables(_videos(raw_dir), _segments(raw_dir), splits)


def _videos(raw_dir: Path) -> dict[VideoKey, VideoInfo]:
    path = _find(raw_dir, "videos_info.csv")
    videos: dict[VideoKey, VideoInfo] = {}
    for line, row in _rows(path, ("video_id", "year", "fps", "resolution")):
        key = row["video_id"], row["year"]
        info = VideoInfo(_fps(path, line, row["fps"]), _image_size(path, line, row["resolution"]))
        if videos.setdefault(key, info) != info:
            raise _bad_cell(path, line, "video_id, year", "not be listed twice with different values", str(key))
    return videos


def _segments(raw_dir: Path) -> dict[SegmentKey, Segment]:
    path = _find(raw_dir, "segments.csv")
    segments: dict[SegmentKey, Segment] = {}
    columns = ("video_id", "seq_idx", "start_frame", "end_frame", "dance_type", "year")
    for line, row in _rows(path, columns):
        start, end = (_integer(path, line, name, row) for name in ("start_frame", "end_frame"))
        if start > end:
            raise _bad_cell(path, line, "start_frame", "not be after end_frame", f"{start} and {end}")
        key = row["video_id"], row["year"], start, end
        segment = Segment((row["video_id"], _integer(path, line, "seq_idx", row)), row["dance_type"])
        if segments.setdefault(key, segment) != segment:
            raise _bad_cell(path, line, "uid", "not be listed twice with different values", str(key))
    return segments


def _find(raw_dir: Path, name: str) -> Path:
    """BRACE has most tables in annotations/; copies of it have them at the top."""
    path = raw_dir / "annotations" / name
    return path if path.exists() else raw_dir / name


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells without surrounding blanks) of each row; nothing if there is no such file."""
    if not path.exists():
        return
    text = read_text(path, MAX_TABLE_BYTES, REMEDY)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = reader.fieldnames or []
        if missing := [name for name in columns if names.count(name) != 1]:
            raise malformed(path, ", ".join(missing), "be a column, once", f"columns {shown(list(names))}", REMEDY)
        for row in reader:
            if None in row or None in row.values():
                raise _bad_cell(path, reader.line_num, "row", f"have {len(names)} cells", "another number of cells")
            yield reader.line_num, {name: row[name].strip() for name in columns}
    except csv.Error as error:
        raise _bad_cell(path, reader.line_num, "content", "be CSV", str(error)) from None


def _bad_cell(path: Path, line: int, field: str, expected: str, received: str) -> InputError:
    return malformed(path, f"line {line}: {field}", expected, shown(received), REMEDY)


def _integer(path: Path, line: int, field: str, row: dict[str, str]) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", row[field]):
        raise _bad_cell(path, line, field, "be a whole number from 0", row[field])
    return int(row[field])


def _fps(path: Path, line: int, text: str) -> float | None:
    if not text:
        return None
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 0 < fps <= MAX_FPS:
        raise _bad_cell(path, line, "fps", f"be a number above 0, up to {MAX_FPS:g}, or empty", text)
    return fps


def _image_size(path: Path, line: int, text: str) -> Size | None:
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text)
    width, height = (int(number) for number in match.groups()) if match else (0, 0)
    if not (0 < width <= MAX_COORDINATE and 0 < height <= MAX_COORDINATE):
        raise _bad_cell(path, line, "resolution", "be WIDTHxHEIGHT in pixels or empty", text)
    return height, width
