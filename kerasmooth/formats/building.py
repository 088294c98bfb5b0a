"""From what a file holds to a PoseTable: the checks that every format shares."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.limits import MAX_COORDINATE, MAX_FRAMES, MAX_KEYPOINTS, MAX_PEOPLE, MAX_VALUES, bad
from kerasmooth.formats.pose_format import Source
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "check what wrote the file"


def check_counts(path: Path, rows: int, num_keypoints: int) -> None:
    """Raises InputError for more rows or keypoints than a pose file has; to be called before arrays are made."""
    if not 1 <= num_keypoints <= MAX_KEYPOINTS:
        raise bad(path, "keypoints", f"be 1 to {MAX_KEYPOINTS:,} a person", f"{num_keypoints:,}", _REMEDY)
    if rows * num_keypoints > MAX_VALUES:
        received = f"{rows:,} rows of {num_keypoints}"
        raise bad(path, "content", f"have at most {MAX_VALUES:,} keypoints", received, "split the file")


def check_positions(path: Path, frames: np.ndarray, **columns: np.ndarray) -> None:
    """Raises InputError for infinite or huge numbers in columns [D, K, ...]; NaN is fine."""
    for field, values in columns.items():
        with np.errstate(invalid="ignore"):
            faulty = np.abs(values) > MAX_COORDINATE
        if faulty.any():
            row, keypoint = np.argwhere(faulty)[0][:2]
            received = f"{values[faulty][0]:g} (frame {frames[row]}, keypoint {keypoint})"
            raise bad(path, field, f"be within {MAX_COORDINATE:g}", received, _REMEDY)


def check_frames(path: Path, frames: np.ndarray, frame_numbers: np.ndarray) -> None:
    """Raises InputError for too many frames, or too many people in one."""
    if len(frame_numbers) > MAX_FRAMES:
        raise bad(path, "frames", f"be at most {MAX_FRAMES:,}", f"{len(frame_numbers):,}", "split the file")
    if not len(frames):
        return
    numbers, counts = np.unique(frames, return_counts=True)
    if counts.max() > MAX_PEOPLE:
        received = f"{counts.max():,} in frame {numbers[counts.argmax()]}"
        raise bad(path, "people", f"be at most {MAX_PEOPLE:,} a frame", received, _REMEDY)


def build_table(
    name: str,
    path: Path,
    *,
    frames: np.ndarray,
    people: np.ndarray,
    keypoints: np.ndarray,
    confidence: np.ndarray,
    skeleton: Skeleton,
    payload: Any,
    frame_numbers: np.ndarray | None = None,
    depth: np.ndarray | None = None,
    **attributes: Any,
) -> PoseTable:
    """The checked table of a file with its source; a keypoint of confidence 0 becomes NaN.

    Args:
      name: of the format.
      path: of the file.
      frames: [D]; `people`: [D]; `keypoints`: [D, K, 2]; `confidence`: [D, K].
      skeleton: of the K keypoints.
      payload: what the format needs to write the file's other fields.
      frame_numbers: [N], None for those of the rows.
      depth: [D, K], None where the format has none.
      **attributes: fps, image_size, unit, y_up, provenance, deviation.

    Raises:
      InputError: implausible numbers.
    """
    frames = np.asarray(frames, np.int64)
    people = np.asarray(people, np.int64)
    confidence = np.asarray(confidence, np.float64)
    numbers = np.unique(frames) if frame_numbers is None else np.asarray(frame_numbers, np.int64)
    check_frames(path, frames, numbers)
    depths = np.empty(0) if depth is None else depth
    check_positions(path, frames, keypoints=keypoints, confidence=confidence, depth=depths)
    absent = (confidence == 0) | np.isnan(keypoints).any(axis=-1)
    keypoints = np.where(absent[..., None], np.nan, keypoints)
    depth = None if depth is None else np.where(absent, np.nan, depth)
    attributes["source"] = Source(name, path, frames, people, keypoints, confidence, payload, depth)
    return PoseTable(frames, people, keypoints, confidence, numbers, skeleton, depth=depth, **attributes)


def check_asked(fps: float | None, image_size: Size | None) -> None:
    """Raises ValueError for an fps or image size that is not positive."""
    if fps is not None and not 0 < fps < 1e6:
        raise ValueError(f"fps must be positive. Received: fps={fps}")
    if image_size is not None and (len(image_size) != 2 or not min(image_size) > 0):
        raise ValueError(f"image_size must be a positive (height, width). Received: image_size={image_size}")


def person_slots(frames: np.ndarray, people: np.ndarray, taken: dict[int, int]) -> np.ndarray:
    """For formats with one column group a person: which column each row goes to, int64 [D].

    Args:
      frames: [D].
      people: [D]; rows of unknown people (-1) take the first column that is free in their frame.
      taken: columns that people already have, person -> column; more are given out in order of appearance.
    """
    columns = dict(taken)
    used: set[tuple[int, int]] = set()
    slots = np.empty(len(frames), np.int64)
    rows = list(enumerate(zip(frames.tolist(), people.tolist(), strict=True)))
    # Those who are known have the first choice, so that nobody else gets into their column.
    for row, (frame, person) in sorted(rows, key=lambda item: item[1][1] < 0):
        slot = columns.setdefault(person, len(set(columns.values()))) if person >= 0 else len(set(columns.values()))
        while (frame, slot) in used:
            slot += 1
        used.add((frame, slot))
        slots[row] = slot
    return slots
