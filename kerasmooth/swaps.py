"""Left/right swaps: frames in which a detector exchanged the two sides."""

import numpy as np


def find_swaps(positions: np.ndarray, known: np.ndarray, pairs: tuple[tuple[int, int], ...], fps: float) -> np.ndarray:
    """bool [T, K]: the keypoint has its partner's position."""
    return np.zeros_like(known)
