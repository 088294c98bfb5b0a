"""What every dataset reader returns."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.skeletons import BOULDERING_25


@dataclass(frozen=True, eq=False)
class PoseClip:
    """A segment of consecutive frames of one person, in the 25 keypoints of the study (K = 25).

    Attributes:
      clip_id: unique over all datasets, `<dataset>/<name>`; keys the simulated noise.
      video_id: what a split by video keeps together, `<dataset>/<name>`.
      keypoints: float64 [T, K, 2], (x, y) in image pixels; the value where `visibility` is False is meaningless.
      visibility: bool [T, K], True where a position is annotated and to be believed.
      boxes: float64 [T, 4], (x1, y1, x2, y2) in image pixels, the outer edges of the heatmap grid; a frame without a
        box has NaN in all four.
      frame_numbers: int64 [T], each one more than the one before.
      image_size: (height, width) in pixels, or None where the dataset does not say.
      fps: frames per second, or None where the dataset does not say.
      label: the action or dance type, "" if there is none.
      official_split: "train", "test" or "" as the dataset's authors have it.
      heatmaps: float32 [T, H, W, K], a detector's raw scores inside `boxes`; None where no detector ran.
    """

    clip_id: str
    video_id: str
    keypoints: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    frame_numbers: np.ndarray
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    label: str = ""
    official_split: str = ""
    heatmaps: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames, keypoints = len(self.frame_numbers), BOULDERING_25.num_keypoints
        expected = {
            "keypoints": (frames, keypoints, 2),
            "visibility": (frames, keypoints),
            "boxes": (frames, 4),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}. Received: {name}.shape={getattr(self, name).shape}")
        if self.heatmaps is not None and (self.heatmaps.ndim != 4 or self.heatmaps.shape[::3] != (frames, keypoints)):
            raise ValueError(f"heatmaps must be [T, H, W, K]. Received: heatmaps.shape={self.heatmaps.shape}")
        if frames == 0 or np.any(np.diff(self.frame_numbers) != 1):
            raise ValueError(f"frame_numbers must be consecutive. Received: frame_numbers={self.frame_numbers}")

    @property
    def num_frames(self) -> int:
        return len(self.frame_numbers)
