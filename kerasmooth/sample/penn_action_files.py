"""Generated label files in the layout of Penn Action, with the oddities that its readers must bear.

Which file has which oddity depends on its place alone (i counts from 0, over every twelve files):
 1 uint8 coordinates · 2 bbox one row short · 3 an ankle not annotated · 6 uint16 coordinates · 7 a wrist not annotated
 in the second half · 8 an ankle not annotated · 10 dimensions smaller than the joints reach · 11 nothing visible.
"""

from collections.abc import Iterator

import numpy as np

from kerasmooth.sample.motion import Motion, simulate
from kerasmooth.sample.randomness import bursts, correlated, generator
from kerasmooth.sample.raw_bytes import mat_bytes
from kerasmooth.skeletons import PENN_ACTION_13

_KINDS = {"baseball_pitch": "pitching", "bench_press": "bench_press", "situp": "situp", "squat": "squat"}
ACTIONS = tuple(_KINDS)
"""The action of file i is ACTIONS[i % 4]; the first three are those of the study."""

_CYCLE = 12
_UINT8, _SHORT_BBOX, _NO_ANKLE, _UINT16, _LATE_WRIST = 1, 2, (3, 8), 6, 7
_BAD_DIMENSIONS, _NOTHING_VISIBLE = 10, 11
_FPS = 30.0
# (rows, columns) of the clip as distributed, and how much smaller it is than the clip that people annotated.
_SIZES = (((360, 480), 0.75), ((270, 480), 2 / 3), ((480, 360), 0.75), ((320, 480), 2 / 3))
_SMALL, _UNSCALED = ((192, 256), 1.0), ((360, 480), 1.0)


def penn_action_files(num_videos: int, frames_per_video: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(path, content) of `labels/0001.mat`, ...; every file has `frames_per_video` frames."""
    for index in range(num_videos):
        yield f"labels/{index + 1:04d}.mat", mat_bytes(_label_file(index, frames_per_video, seed))


def _label_file(index: int, frames: int, seed: int) -> dict[str, object]:
    place = index % _CYCLE
    action = ACTIONS[index % len(ACTIONS)]
    size, scale = {_UINT8: _SMALL, _UINT16: _UNSCALED}.get(place, _SIZES[index // 2 % len(_SIZES)])
    rng = generator(seed, "penn_action", index)
    motion = simulate(_KINDS[action], frames, _FPS, int(rng.integers(2**31)), image_size=size)
    occluded = _occluded(motion, rng)
    cells = _annotate(motion, occluded, size, scale, rng)
    not_annotated = _not_annotated(place, cells.shape[:2])
    cells[not_annotated] = 1  # the tool's first pixel
    visibility = ~occluded & ~not_annotated & (place != _NOTHING_VISIBLE)
    unit = _smallest_unsigned if scale == 1.0 else (lambda values: values * scale)
    if place == _BAD_DIMENSIONS:
        columns, rows = (0.7 * scale * cells.max(axis=(0, 1))).astype(int)
    else:
        rows, columns = size
    bbox = _bbox(cells, not_annotated)
    return {
        "action": action,
        "pose": _pose(motion),
        "x": unit(cells[..., 0]),
        "y": unit(cells[..., 1]),
        "visibility": visibility.astype(np.uint8),
        "train": np.array([[1 if index // len(ACTIONS) % 2 == 0 else -1]], np.int32),
        "bbox": unit(bbox[: max(frames - 1, 1)] if place == _SHORT_BBOX else bbox),
        "dimensions": np.array([[rows, columns, frames]], np.uint16),
        "nframes": _frame_count(index, frames),
    }


def _annotate(
    motion: Motion, occluded: np.ndarray, size: tuple[int, int], scale: float, rng: np.random.Generator
) -> np.ndarray:
    """float64 [T, 13, 2]: whole, 1-based pixels of the larger clip that people clicked in."""
    true = motion.select(PENN_ACTION_13.keypoints) / scale
    person = np.ptp(true, axis=1).max()
    clicked = true + correlated(rng, true.shape, 0.002 * person, 0.9)
    clicked += occluded[..., None] * correlated(rng, true.shape, 0.02 * person, 0.9)
    return np.clip(np.rint(clicked) + 1, 1, np.floor(np.array(size[::-1]) / scale))


def _occluded(motion: Motion, rng: np.random.Generator) -> np.ndarray:
    """bool [T, 13]: runs of frames; a joint behind its counterpart of the other side is hidden more often."""
    names = PENN_ACTION_13.keypoints
    depth = motion.select_depth(names).mean(axis=0)
    share = np.full(len(names), 0.03)
    for pair in PENN_ACTION_13.pairs:
        near, far = sorted(pair, key=lambda joint: depth[joint])
        share[far] += 0.5 * min(depth[far] - depth[near], 0.5)
    return bursts(rng, (len(motion.pixels), len(names)), share, 12.0)


def _not_annotated(place: int, shape: tuple[int, int]) -> np.ndarray:
    result = np.zeros(shape, bool)
    if place in _NO_ANKLE:
        result[:, PENN_ACTION_13.index("left_ankle")] = True
    if place == _LATE_WRIST:
        result[(shape[0] + 1) // 2 :, PENN_ACTION_13.index("right_wrist")] = True
    return result


def _bbox(cells: np.ndarray, not_annotated: np.ndarray) -> np.ndarray:
    """float64 [T, 4]: whole pixels around the annotated joints, a little larger."""
    hidden = not_annotated[..., None]
    low = np.where(hidden, np.inf, cells).min(axis=1)
    high = np.where(hidden, -np.inf, cells).max(axis=1)
    margin = np.rint(0.08 * (high - low)) + 2
    return np.concatenate([np.maximum(low - margin, 1), high + margin], axis=1)


def _smallest_unsigned(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint8 if values.max() <= 255 else np.uint16)


def _frame_count(index: int, frames: int) -> np.ndarray:
    """`nframes`: one byte wherever it fits; of the longer files every second has the byte too, and is wrong."""
    if frames <= 255:
        return np.array([[frames]], np.uint8)
    return np.array([[255]], np.uint8) if index % 2 else np.array([[frames]], np.uint16)


def _pose(motion: Motion) -> str:
    """The direction that the person shows to the camera: front, back, left or right."""
    left, right, left_ear, right_ear, nose = (
        motion.select((name,))[:, 0, 0].mean()
        for name in ("left_shoulder", "right_shoulder", "left_ear", "right_ear", "nose")
    )
    depths = motion.select_depth(("left_shoulder", "right_shoulder")).mean(axis=0)
    across = (left - right) / max(np.ptp(motion.pixels, axis=1).max(), 1e-9)
    if abs(across) > 0.5 * abs(depths[0] - depths[1]):
        return "front" if across > 0 else "back"
    return "right" if nose > (left_ear + right_ear) / 2 else "left"
