"""The arguments of a smoothing, checked and brought into one form."""

import numpy as np

from kerasmooth.skeletons import Skeleton, skeleton_named


def checked_arrays(keypoints: np.ndarray, confidence: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [P, T, K, 2] and confidence [P, T, K], float64."""
    array = np.asarray(keypoints)
    if array.ndim not in (3, 4) or array.shape[-1] not in (2, 3) or not np.issubdtype(array.dtype, np.number):
        raise ValueError(
            "keypoints must be numbers [T, K, 2 or 3] or [P, T, K, 2 or 3]. "
            f"Received: keypoints.shape={array.shape}, dtype={array.dtype}"
        )
    if 0 in array.shape:
        raise ValueError(f"keypoints must not be empty. Received: keypoints.shape={array.shape}")
    if confidence is not None and array.shape[-1] == 3:
        raise ValueError(f"confidence is given twice. Received: confidence and keypoints.shape={array.shape}")
    scores = np.asarray(confidence) if confidence is not None else array[..., 2] if array.shape[-1] == 3 else None
    if scores is not None and scores.shape != array.shape[:-1]:
        raise ValueError(f"confidence must have shape {array.shape[:-1]}. Received: confidence.shape={scores.shape}")
    scores = np.ones(array.shape[:-1]) if scores is None else scores.astype(np.float64)
    if (scores < 0).any():
        raise ValueError(f"confidence must not be negative. Received: confidence.min()={np.nanmin(scores)}")
    if array.ndim == 3:
        array, scores = array[None], scores[None]
    return array[..., :2].astype(np.float64), scores


def checked_depth(depth: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Depth [P, T, K], float64, of keypoints of that shape, [T, K, ...] or [P, T, K, ...]; None of none."""
    if depth is None:
        return None
    array = np.asarray(depth)
    if array.shape != shape[:-1] or not np.issubdtype(array.dtype, np.number):
        received = f"depth.shape={array.shape}, dtype={array.dtype}"
        raise ValueError(f"depth must be numbers of shape {shape[:-1]}. Received: {received}")
    return (array if array.ndim == 3 else array[None]).astype(np.float64)


def checked_fps(fps: float | None) -> float:
    """Frames per second. Raises ValueError unless positive."""
    if fps is None or isinstance(fps, bool) or not np.isfinite(fps) or not fps > 0:
        raise ValueError(f"fps must be the frames per second of the input, positive. Received: fps={fps}")
    return float(fps)


def named_skeleton(skeleton: str | Skeleton | None, num_keypoints: int) -> Skeleton | None:
    """The Skeleton of that name. Raises ValueError for an unknown one, or one of another number of keypoints."""
    if isinstance(skeleton, str):
        skeleton = skeleton_named(skeleton)
    if skeleton is not None and skeleton.num_keypoints != num_keypoints:
        raise ValueError(
            f"the skeleton must have the K = {num_keypoints} keypoints of the input. Received: skeleton={skeleton.name}"
            f" with {skeleton.num_keypoints}"
        )
    return skeleton
