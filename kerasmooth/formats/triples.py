"""Flat lists of x, y, score per keypoint, as many JSON formats have them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.building import check_counts
from kerasmooth.formats.json_files import numbers
from kerasmooth.formats.limits import bad
from kerasmooth.pose_table import PoseTable

Record = dict[str, Any]


def read_triples(
    path: Path, records: Sequence[Mapping[str, Any]], key: str, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """float64 [D, K, 3] of the records that have keypoints under `key`, and int64 [D], which ones these are.

    `first` is the number in the file of the first record.

    Raises:
      InputError: something else than numbers, or not the same number of keypoints in all.
    """
    rows, flat, length = [], [], 0
    for index, record in enumerate(records):
        values = record.get(key)
        if values is None or values == []:
            continue
        if not isinstance(values, list):
            raise bad(path, f"{key} of record {first + index}", "be a list", values, "check what wrote the file")
        length = length or len(values)
        if len(values) != length or length % 3:
            expected = f"hold {length} numbers as the others" if length % 3 == 0 else "hold x, y, score of each"
            raise bad(
                path, f"{key} of record {first + index}", expected, f"{len(values)} values", "one skeleton a file"
            )
        rows.append(index)
        flat.append(values)
    if not rows:
        return np.empty((0, 0, 3)), np.empty(0, np.int64)
    check_counts(path, len(rows), length // 3)
    joined = [value for values in flat for value in values]
    triples = numbers(path, key, joined).reshape(len(rows), length // 3, 3)
    return triples, np.array(rows, np.int64)


def merged(
    flat: Sequence[Any],
    table: PoseTable,
    row: int,
    moved: np.ndarray,
    missing: Sequence[Any],
    score: Callable[[float], Any] = float,
) -> list[Any]:
    """The triples `flat` of a record with those of the keypoints `moved` replaced by the row's.

    Args:
      flat: x, y, score of each keypoint as the file has them.
      table: whose `row` is written.
      row: of the table.
      moved: bool [K].
      missing: x, y, score of a keypoint that is not there.
      score: from confidence in 0..1 to what the file has.
    """
    result = list(flat)
    xy, confidence = table.keypoints[row].tolist(), table.confidence[row].tolist()
    for k in np.flatnonzero(moved).tolist():
        x, y = xy[k]
        # NaN is what differs from itself.
        known = confidence[k] if confidence[k] == confidence[k] else 1.0
        result[3 * k : 3 * k + 3] = missing if x != x or y != y else (x, y, score(known))
    return result


def fresh_triples(
    table: PoseTable, row: int, missing: Sequence[Any], score: Callable[[float], Any] = float
) -> list[Any]:
    """The triples of all keypoints of a row."""
    num_keypoints = table.skeleton.num_keypoints
    return merged([0] * (3 * num_keypoints), table, row, np.ones(num_keypoints, bool), missing, score)


def box_of(keypoints: np.ndarray) -> list[float]:
    """x, y, width, height around the keypoints [K, 2] that are there; zeros around none."""
    there = keypoints[~np.isnan(keypoints).any(axis=1)]
    if not len(there):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = there.min(axis=0), there.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def mean_score(confidence: np.ndarray) -> float:
    """Mean over the keypoints of [K] that are there; 1 where all are unknown, 0 where none is there."""
    if np.isnan(confidence).all():
        return 1.0
    return float(confidence[confidence > 0].mean()) if (confidence > 0).any() else 0.0
