"""ClimbAlong (private): bouldering, 25 keypoints labelled by hand, and a detector's boxes and heatmaps."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from kerasmooth import boxes, splits
from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.datasets.dataset_reader import DatasetReader, RawFiles, ReadResult, option
from kerasmooth.datasets.published_boxes import in_grid
from kerasmooth.datasets.raw_files import (
    MAX_COORDINATE,
    check_numbers,
    check_positions,
    list_files,
    malformed,
    read_npz,
    shown,
)
from kerasmooth.sample.climbalong_files import climbalong_files
from kerasmooth.skeletons import BOULDERING_25, Skeleton

MIN_FIRST_FRAME_KEYPOINTS = 23
MAX_GRID = 1024
MIN_EXTENT = 1e-3
"""A box that is thinner, in pixels, has no area."""
OUTSIDE_BOX = ("clamp", "drop")
REMEDY = "export the video's .npz file again"


@dataclass(frozen=True)
class ClimbAlong(DatasetReader):
    """Reads `raw_dir/input/<video>.npz` with `raw_dir/target/<video>.npz`; one clip a video, frames numbered from 0.

    - `input`: `bboxes` [T, 4], x1 y1 x2 y2 in pixels, the detector's; `heatmaps` [T, 25, H, W], its raw scores.
    - `target`: `keypoints` [T, 1, 25, 3], x, y in pixels and a flag, 0 where the keypoint is not annotated.
    - A frame whose box has no area, or is NaN, has no detection: its box is NaN, its heatmaps are 0, and it stays in
      the clip, so that whoever cuts windows can count those that it spoils.
    - A video with fewer than 23 annotated keypoints in its first frame is skipped, as published; its frames are
      dropped as `few_keypoints_in_first_frame`.

    Attributes:
      raw_dir: folder that holds `input/` and `target/`.
      outside_box: what becomes of a true keypoint outside the detector's box: "clamp" moves it to the centre of the
        nearest border cell (published), "drop" makes it invisible.

    Reference: Andersen, Temporal Smoothing in 2D Human Pose Estimation for Bouldering, University of Copenhagen 2023.
    """

    outside_box: str = option("clamp", OUTSIDE_BOX, "true keypoints outside the detector's box")

    name: ClassVar[str] = "climbalong"
    licence: ClassVar[str] = "private"
    citation: ClassVar[str] = (
        "A. O. Andersen: Temporal Smoothing in 2D Human Pose Estimation for Bouldering, MSc thesis, University of "
        "Copenhagen, 2023"
    )
    obtain: ClassVar[str] = (
        "the data is private to ClimbAlong; pass a folder that holds input/<video>.npz (bboxes, heatmaps) and "
        "target/<video>.npz (keypoints)"
    )
    skeleton: ClassVar[Skeleton] = BOULDERING_25
    purpose: ClassVar[Literal["finetuning"]] = "finetuning"
    has_detector: ClassVar[bool] = True
    default_split: ClassVar[str] = "published"
    published_split: ClassVar[splits.Rule] = staticmethod(splits.published_climbalong)
    raw_files: ClassVar[RawFiles | None] = staticmethod(climbalong_files)
    image_size: ClassVar[Size] = (1920, 1080)
    fps: ClassVar[float] = 30.0

    def list_sources(self) -> list[str]:
        """`input/<video>.npz` of every video that has an input or a target: reading says which is missing."""
        inputs = list_files(Path(self.raw_dir), "input", "*.npz", self.obtain)
        targets = list_files(Path(self.raw_dir), "target", "*.npz", self.obtain)
        return sorted({*inputs, *("input/" + target.removeprefix("target/") for target in targets)})

    def read(self, source: str) -> ReadResult:
        path = Path(self.raw_dir) / source
        arrays = read_npz(path, ("bboxes", "heatmaps"), REMEDY)
        frame_boxes = _boxes(path, arrays["bboxes"])
        frames = len(frame_boxes)
        heatmaps = _heatmaps(path, arrays["heatmaps"], boxes.has_area(frame_boxes))
        keypoints, visibility = _keypoints(Path(self.raw_dir) / "target" / path.name, frames)
        if visibility[0].sum() < MIN_FIRST_FRAME_KEYPOINTS:
            return ReadResult([], {"few_keypoints_in_first_frame": frames})
        size = heatmaps.shape[1:3]
        if self.outside_box == "clamp":
            keypoints = clamp_to_grid(keypoints, frame_boxes, size)
        else:
            visibility = visibility & in_grid(keypoints, frame_boxes, size)
        clip_id = f"{self.name}/{path.stem}"
        clip = PoseClip(
            clip_id=clip_id,
            video_id=clip_id,
            keypoints=np.where(visibility[..., None], keypoints, 0.0),
            visibility=visibility,
            boxes=frame_boxes,
            frame_numbers=np.arange(frames, dtype=np.int64),
            image_size=self.image_size,
            fps=self.fps,
            heatmaps=heatmaps,
        )
        return ReadResult([clip])


def clamp_to_grid(keypoints: np.ndarray, frame_boxes: np.ndarray, size: Size) -> np.ndarray:
    """Moves keypoints outside their box to the centre of the nearest border cell; others stay exactly as they are.

    Args:
      keypoints: [T, K, 2], (x, y) in pixels.
      frame_boxes: [T, 4] in pixels; a frame whose box is NaN is left alone.
      size: (height, width) of the grid.

    Returns:
      [T, K, 2], (x, y) in pixels.
    """
    position = boxes.to_heatmap(keypoints, frame_boxes, size)
    clamped = boxes.to_image(np.clip(position, 0, np.array(size[::-1]) - 1), frame_boxes, size)
    outside = ~boxes.in_range(position, size) & boxes.has_area(frame_boxes)[:, None, None]
    return np.where(outside, clamped, keypoints)


def _boxes(path: Path, value: np.ndarray) -> np.ndarray:
    """[T, 4], NaN where there is no detection."""
    frame_boxes = check_numbers(path, "bboxes", value, (None, 4), REMEDY)
    empty = np.isnan(frame_boxes).all(axis=-1)
    faulty = ~empty & ~np.all(np.abs(frame_boxes) <= MAX_COORDINATE, axis=-1)
    with np.errstate(invalid="ignore"):
        extent = frame_boxes[:, 2:] - frame_boxes[:, :2]
    faulty |= np.any(extent < 0, axis=-1)
    if faulty.any():
        frame = int(np.flatnonzero(faulty)[0])
        expected = f"be x1 y1 x2 y2 with x1 <= x2, y1 <= y2, finite and within {MAX_COORDINATE:g} pixels"
        raise malformed(path, "bboxes", expected, f"{shown(frame_boxes[frame].tolist())} (frame {frame})", REMEDY)
    return np.where(np.all(extent >= MIN_EXTENT, axis=-1)[:, None], frame_boxes, np.nan)


def _heatmaps(path: Path, value: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """float32 [T, H, W, K], 0 where nothing was detected; `detected` is bool [T]."""
    wanted = (len(detected), BOULDERING_25.num_keypoints)
    if value.ndim != 4 or value.shape[:2] != wanted or not all(2 <= cells <= MAX_GRID for cells in value.shape[2:]):
        expected = f"have shape [{wanted[0]}, {wanted[1]}, height, width] as bboxes has {wanted[0]} frames"
        raise malformed(path, "heatmaps", expected, f"shape={value.shape}", REMEDY)
    with np.errstate(over="ignore"):
        heatmaps = np.ascontiguousarray(np.moveaxis(value, 1, -1), dtype=np.float32)
    faulty = detected & ~np.isfinite(heatmaps).all(axis=(1, 2, 3))
    if faulty.any():
        frame = int(np.flatnonzero(faulty)[0])
        raise malformed(path, "heatmaps", "hold finite float32 numbers", f"others (frame {frame})", REMEDY)
    heatmaps[~detected] = 0
    return heatmaps


def _keypoints(path: Path, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """([T, 25, 2] in pixels, 0 where not annotated; bool [T, 25])."""
    value = read_npz(path, ("keypoints",), REMEDY)["keypoints"]
    shape = (None, 1, BOULDERING_25.num_keypoints, 3)
    keypoints = check_numbers(path, "keypoints", value, shape, REMEDY)[:, 0]
    if len(keypoints) != frames:
        expected = f"have as many frames as bboxes of the input has, {frames}"
        raise malformed(path, "keypoints", expected, f"{len(keypoints)}", REMEDY)
    flags = keypoints[..., 2]
    if not np.all(flags >= 0) or np.isinf(flags).any():
        raise malformed(path, "keypoints", "have flags of 0 or more", "a negative or non-finite one", REMEDY)
    visibility = flags > 0
    check_positions(path, "keypoints", keypoints[..., :2], visibility, REMEDY)
    return np.where(visibility[..., None], keypoints[..., :2], 0.0), visibility
