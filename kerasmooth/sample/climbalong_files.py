"""Generated files in the layout of ClimbAlong: a detector's boxes and heatmaps, and the true keypoints."""

from collections.abc import Iterator

import numpy as np

from kerasmooth.sample.detector import KeypointHead, detect
from kerasmooth.sample.motion import simulate
from kerasmooth.sample.randomness import correlated, generator
from kerasmooth.sample.raw_bytes import npz_bytes
from kerasmooth.skeletons import BOULDERING_25

_FPS = 30.0
_IMAGE_SIZE = (1920, 1080)
_UNANNOTATED = ("nose", "left_ear", "right_ear", "left_pinky", "right_thumb")


def num_frames(index: int, num_videos: int, frames_per_video: int) -> int:
    """Frames of video `index`: the last video is half as long again as all others (where there are others)."""
    longest = num_videos > 1 and index == num_videos - 1
    return frames_per_video + (frames_per_video + 1) // 2 if longest else frames_per_video


def climbalong_files(num_videos: int, frames_per_video: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(path, content) of input/climb_01.npz, target/climb_01.npz, ...; the videos themselves are left out.

    - Every third video, from the first, has one or two frames whose box has no area.
    - Every second video, from the second, has a stretch whose box is cut off below, so that feet lie outside it.
    - The second video of three or more has only 20 annotated keypoints in its first frame.
    """
    for index in range(num_videos):
        name = f"climb_{index + 1:02d}.npz"
        arrays = _video(index, num_videos, num_frames(index, num_videos, frames_per_video), seed)
        yield f"input/{name}", npz_bytes({key: arrays[key] for key in ("bboxes", "heatmaps")})
        yield f"target/{name}", npz_bytes({"keypoints": arrays["keypoints"]})


def _video(index: int, num_videos: int, frames: int, seed: int) -> dict[str, np.ndarray]:
    rng = generator(seed, "climbalong", index)
    motion = simulate("climbing", frames, _FPS, int(rng.integers(2**31)), image_size=_IMAGE_SIZE)
    true = motion.select(BOULDERING_25.keypoints)
    boxes = _boxes(true, index, rng)
    heatmaps = detect(true, boxes, KeypointHead(), rng).heatmaps
    clicked = true + correlated(rng, true.shape, 0.002 * np.ptp(true, axis=1).max(), 0.7)
    keypoints = np.concatenate([np.rint(clicked * 4) / 4, np.ones((*true.shape[:2], 1))], axis=-1)
    if index == 1 and num_videos > 2:
        keypoints[0, [BOULDERING_25.index(name) for name in _UNANNOTATED]] = 0.0
    return {"bboxes": boxes, "heatmaps": heatmaps, "keypoints": keypoints[:, None]}


def _boxes(true: np.ndarray, index: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [T, 4]: around the person, unsteady as a detector's, in quarters of a pixel."""
    frames = len(true)
    low, high = true.min(axis=1), true.max(axis=1)
    extent = high - low
    edges = np.concatenate([low - 0.06 * extent, high + 0.06 * extent], axis=1)
    edges += correlated(rng, edges.shape, 0.012, 0.8) * np.concatenate([extent, extent], axis=1)
    if index % 2 == 1 and frames >= 10:
        cut = slice(frames // 5, frames // 5 + max(2, frames // 12))
        edges[cut, 3] = high[cut, 1] - 0.12 * extent[cut, 1]
    edges = np.clip(edges, 0, np.array([*_IMAGE_SIZE[::-1]] * 2))
    if index % 3 == 0 and frames >= 10:
        edges[frames // 2] = 0.0
        if frames >= 20:
            edges[frames // 2 + 1, 2] = edges[frames // 2 + 1, 0]
    return (np.rint(edges * 4) / 4).astype(np.float32)
