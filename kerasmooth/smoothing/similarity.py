"""How alike two detections are: object-keypoint similarity, with room for the motion in between.

Ronchi and Perona, Benchmarking and error diagnosis in multi-instance pose estimation, ICCV 2017.
"""

import numpy as np
from scipy.ndimage import median_filter

REACH, REACH_PER_SECOND = 0.15, 0.6
"""How far a keypoint may move, as standard deviations in person sizes: at once, and with the time between."""
MAX_REACH = 0.5
CAMERA_SIMILARITY = 0.5
"""If the camera turned, people are this similar once its movement is taken off."""
SIZE_SECONDS = 4.0
"""The usual size of somebody is the median over so long."""
SIZES_PER_STEP = 12.0
"""Somebody of FEW_KEYPOINTS counts as no smaller than so many usual steps; 5 of these at once are a jump of an id."""
FEW_KEYPOINTS = 2
"""Of so few keypoints the box says nothing: one has none, and two may meet."""
_CHUNK_ROWS = 65_536
_SAMPLED_STEPS = 1_000


def chunks(count: int) -> list[slice]:
    """Chunks of so many rows that are worked on at once."""
    return [slice(first, first + _CHUNK_ROWS) for first in range(0, count, _CHUNK_ROWS)]


def measure(keypoints: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes [N] and centres [N, 2] of the boxes of keypoints [N, K, 2], bool [N, K].

    A size is the square root of the box's area, but at least a quarter of its longer side: a lying or sideways person
    has a flat box.
    """
    shown = known[..., None]
    low = np.where(shown, keypoints, np.inf).min(axis=1)
    high = np.where(shown, keypoints, -np.inf).max(axis=1)
    low, high = (np.where(np.isfinite(corner), corner, 0.0) for corner in (low, high))
    extent = high - low
    return np.maximum(np.sqrt(extent.prod(axis=1)), extent.max(axis=1) / 4), (low + high) / 2


class Detections:
    """D detections and how large each person is.

    Attributes:
      frames: int64 [D].
      keypoints: [D, K, 2].
      known: bool [D, K].
      fps: frame numbers per second.
      boxes: [D], size of the box of each detection.
      sizes: [D], of the person: the box's, until something better is known (`use_usual_sizes`, `keep_sizes`).
      centres: [D, 2].
    """

    def __init__(self, frames: np.ndarray, keypoints: np.ndarray, known: np.ndarray, fps: float) -> None:
        self.frames, self.keypoints, self.known, self.fps = frames, keypoints, known, fps
        self.boxes, self.centres = np.zeros(len(frames)), np.zeros((len(frames), 2))
        for chunk in chunks(len(frames)):
            self.boxes[chunk], self.centres[chunk] = measure(keypoints[chunk], known[chunk])
        self.sizes = self.boxes.copy()

    def use_usual_sizes(self, rows: np.ndarray) -> None:
        """Gives `rows` [N] of one person, in order of time, the size it usually has around then.

        The box of a frame in which a nose alone is seen, or two keypoints meet, is not the size of the person.
        """
        counts = self.known[rows].sum(axis=1)
        whole = np.flatnonzero(counts >= max(1.0, np.quantile(counts, 0.9) / 2)) if len(rows) else rows
        if not len(whole):
            return
        width = min(len(whole), max(1, round(SIZE_SECONDS * self.fps)) | 1)
        usual = median_filter(self.boxes[rows[whole]], size=width, mode="nearest")
        self.sizes[rows] = np.interp(np.arange(len(rows)), whole, usual)
        if self.known.shape[1] <= FEW_KEYPOINTS and len(rows) > 1:
            shared = (self.known[rows[:-1]] & self.known[rows[1:]])[..., None]
            moved = np.where(shared, np.diff(self.keypoints[rows], axis=0), 0.0)
            # All but the fastest twentieth.
            usual_step = np.quantile(np.linalg.norm(moved, axis=-1).max(axis=1), 0.95)
            self.sizes[rows] = np.maximum(self.sizes[rows], SIZES_PER_STEP * usual_step)

    def use_nearest_steps(self, rows: np.ndarray) -> None:
        """Lets no one of `rows` [N] be smaller than the usual step to the nearest one of the frame before.

        Only where there are too few keypoints for a size, and nobody has an id.
        """
        if self.known.shape[1] > FEW_KEYPOINTS or len(rows) < 2:
            return
        rows = rows[np.argsort(self.frames[rows], kind="stable")]
        groups = np.split(rows, np.flatnonzero(np.diff(self.frames[rows])) + 1)
        if len(groups) < 2:
            return
        chosen = np.unique(np.linspace(1, len(groups) - 1, _SAMPLED_STEPS).astype(np.int64))
        pairs = [(self.centres[groups[i - 1]], self.centres[groups[i]]) for i in chosen]
        steps = [np.abs(after[:, None] - before).max(axis=-1).min(axis=1) for before, after in pairs]
        usual_step = np.quantile(np.concatenate(steps), 0.9)
        self.sizes[rows] = np.maximum(self.sizes[rows], SIZES_PER_STEP * usual_step)

    def keep_sizes(self, earlier: np.ndarray, later: np.ndarray) -> None:
        """Rows `later` [N] get the size of the same people in `earlier` [N], nearer to that of their own boxes."""
        seconds = np.minimum(np.abs(self.frames[later] - self.frames[earlier]) / self.fps, SIZE_SECONDS)
        before = np.maximum(self.sizes[earlier], 1e-300)
        change = np.clip(self.sizes[later] / before, np.exp(-seconds / 1.5), np.exp(seconds / 0.75))
        self.sizes[later] = np.where(self.sizes[earlier] > 0, before * change, self.sizes[later])

    def similarity(self, earlier: np.ndarray, later: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
        """Of rows `earlier` [N], moved by `shift` [N, 2] or [2], and `later` [N]; NaN where they share no keypoint."""
        shared = self.known[earlier] & self.known[later]
        apart = self.keypoints[earlier] - self.keypoints[later]
        if shift is not None:
            apart = apart + shift[..., None, :]
        square = np.where(shared, (apart**2).sum(axis=-1), 0.0)
        seconds = np.abs(self.frames[later] - self.frames[earlier]) / self.fps
        reach = np.minimum(REACH + REACH_PER_SECOND * seconds, MAX_REACH)
        scale = np.maximum(self.sizes[earlier], self.sizes[later]) * reach
        near = np.exp(-square / np.maximum(2 * scale**2, 1e-300)[..., None])
        count = shared.sum(axis=-1)
        total = np.where(shared, near, 0.0).sum(axis=-1)
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)

    def table(self, earlier: np.ndarray, later: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
        """Similarities [N, M] of rows `earlier` [N], moved by `shift` [2] or [N, 2], and `later` [M]; 0 for none."""
        values = np.zeros((len(earlier), len(later)))
        moves = np.broadcast_to(0.0 if shift is None else shift, (len(earlier), 2))
        apart = np.abs((self.centres[earlier] + moves)[:, None] - self.centres[later]).max(axis=-1)
        # The others are too far apart to be worth asking.
        near = np.argwhere(apart <= 3 * np.maximum(self.sizes[earlier][:, None], self.sizes[later]))
        for chunk in chunks(len(near)):
            i, j = near[chunk].T
            values[i, j] = np.nan_to_num(self.similarity(earlier[i], later[j], moves[i]))
        return values

    def of_neighbours(self, rows: np.ndarray, camera: np.ndarray | None = None) -> np.ndarray:
        """Similarity of each row with the one before, [len(rows) - 1].

        The best of several: as it stands, moved on as before, moved on as after, and moved with the camera
        ([len(rows) - 1, 2], NaN: unknown). What runs is not what jumps.
        """
        steps = np.diff(self.frames[rows])[:, None]
        speeds = np.diff(self.centres[rows], axis=0) / np.maximum(steps, 1)
        still = np.zeros_like(speeds[:1])
        shifts = (None, np.concatenate([still, speeds[:-1]]) * steps, np.concatenate([speeds[1:], still]) * steps)
        best = np.full(len(speeds), np.nan)
        for chunk in chunks(len(speeds)):
            for shift in shifts:
                moved = None if shift is None else shift[chunk]
                best[chunk] = np.fmax(best[chunk], self.similarity(rows[:-1][chunk], rows[1:][chunk], moved))
        if camera is not None:
            asked = np.flatnonzero(np.isfinite(camera[:, 0]) & (best < CAMERA_SIMILARITY))
            along = self.similarity(rows[asked], rows[asked + 1], camera[asked])
            best[asked] = np.where(along >= CAMERA_SIMILARITY, along, best[asked])
        return best
