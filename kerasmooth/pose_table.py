"""What every pose-file format reads into and writes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasmooth.skeletons import Skeleton

if TYPE_CHECKING:
    import pandas

MEASURED, REPLACED, INTERPOLATED, PREDICTED, MISSING = range(5)
PROVENANCE = ("measured", "replaced", "interpolated", "predicted", "missing")
"""What a keypoint of a result is: smoothed from its own measurement; a rejected measurement, estimated from its
neighbours; a gap filled between two measurements; extended beyond the last measurement; nothing."""


@dataclass(frozen=True, eq=False)
class PoseTable:
    """The detections of one file, one row a person in a frame (D rows, K keypoints).

    Attributes:
      frames: int64 [D], the frame number of each row as the file has it.
      people: int64 [D], who it is; -1 where the file does not say.
      keypoints: float64 [D, K, 2], (x, y) in the file's own unit and direction; NaN is missing.
      confidence: float64 [D, K]; NaN where the file does not say; 0 is missing.
      frame_numbers: int64 [N], every frame the file knows of, increasing, those without a person too.
      skeleton: names, pairs and limbs of the keypoints.
      fps: frames per second, or None where the file does not say.
      image_size: (height, width) in pixels, or None.
      unit: "px", "normalised" (share of the image's width and height) or another unit's name such as "m".
      y_up: whether y grows upwards.
      provenance: uint8 [D, K], index into PROVENANCE.
      deviation: float64 [D, K], standard deviation of a position in `unit` along one axis, NaN where unknown.
      depth: float64 [D, K], a third coordinate in about the scale of x; NaN is missing; None where the format has none.
      is_single: the format holds one person: whoever is in it is the same one.
      person_names: what the file calls people, by id; those who are not in it have none.
      first_frame: the number of the video's first frame where the format says it, such as 0 or 1; otherwise None.
      source: what the format that read the file keeps to write every field back; of no meaning to others.
    """

    frames: np.ndarray
    people: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    frame_numbers: np.ndarray
    skeleton: Skeleton
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    unit: str = "px"
    y_up: bool = False
    provenance: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    deviation: np.ndarray = field(default_factory=lambda: np.empty(0))
    depth: np.ndarray | None = None
    is_single: bool = False
    person_names: Mapping[int, str] = field(default_factory=dict)
    first_frame: int | None = None
    source: Any = None

    def __post_init__(self) -> None:
        rows, keypoints = len(self.frames), self.skeleton.num_keypoints
        if not len(self.provenance):
            missing = np.isnan(self.keypoints).any(axis=-1) | (self.confidence == 0)
            object.__setattr__(self, "provenance", np.where(missing, MISSING, MEASURED).astype(np.uint8))
        if not len(self.deviation):
            # Read-only and of the size of one number: nobody knows any deviation yet.
            object.__setattr__(self, "deviation", np.broadcast_to(np.nan, (rows, keypoints)))
        expected = {
            "people": (rows,),
            "keypoints": (rows, keypoints, 2),
            "confidence": (rows, keypoints),
            "provenance": (rows, keypoints),
            "deviation": (rows, keypoints),
        }
        if self.depth is not None:
            expected["depth"] = (rows, keypoints)
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}. Received: {name}.shape={getattr(self, name).shape}")
        if np.any(np.diff(self.frame_numbers) <= 0):
            raise ValueError("frame_numbers must increase. Received: frame_numbers out of order")
        if not np.isin(self.frames, self.frame_numbers).all():
            raise ValueError("frames must be among frame_numbers. Received: frames that are not")

    def to_pandas(self) -> "pandas.DataFrame":
        """A tidy data frame: a row a keypoint, with frame, person, keypoint, x, y, confidence, provenance, deviation.

        Missing keypoints have their rows too; depth is a column where the table has one. Categories for keypoint and
        provenance keep it small.
        """
        import pandas

        rows, count = self.confidence.shape
        from_codes: Any = pandas.Categorical.from_codes
        columns: dict[str, Any] = {
            "frame": np.repeat(self.frames, count),
            "person": np.repeat(self.people, count),
            "keypoint": from_codes(np.tile(np.arange(count), rows), list(self.skeleton.keypoints)),
            "x": self.keypoints[..., 0].ravel(),
            "y": self.keypoints[..., 1].ravel(),
        }
        if self.depth is not None:
            columns["z"] = self.depth.ravel()
        columns |= {
            "confidence": self.confidence.ravel(),
            "provenance": from_codes(self.provenance.ravel().astype(np.int8), list(PROVENANCE)),
            "deviation": self.deviation.ravel(),
        }
        return pandas.DataFrame(columns)

    def with_(self, **changes: Any) -> "PoseTable":
        """A copy with some attributes changed."""
        return replace(self, **changes)


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
    joined = {name: np.concatenate([getattr(table, name), columns[name]]) for name in names + deep}
    joined = {name: values.astype(getattr(table, name).dtype, copy=False) for name, values in joined.items()}
    return table.with_(**joined, frame_numbers=np.union1d(table.frame_numbers, columns["frames"]))
