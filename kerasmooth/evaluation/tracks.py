"""Windows back to tracks: overlapping predictions of a frame become one, their mean."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tracks:
    """Frames, each once, ordered so that those a window would show next to each other are neighbours.

    With a frame step of 2 these are the even frames of a clip and then the odd ones.

    Attributes:
      clips: int64 [F], which clip a frame is of; equal numbers stand together.
      frame_numbers: int64 [F].
      frame_step: clip frames from one frame of a window to the next.
      truth: float32 [F, K, 2], true (x, y) in heatmap cells.
      visibility: bool [F, K].
      boxes: float32 [F, 4].
      predicted: for each smoother float32 [F, K, 2], in heatmap cells.
    """

    clips: np.ndarray
    frame_numbers: np.ndarray
    frame_step: int
    truth: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    predicted: dict[str, np.ndarray]

    def triples(self) -> np.ndarray:
        """int64 [N]: every i such that frames i, i + 1, i + 2 are of one clip and `frame_step` apart each."""
        follows = (np.diff(self.clips) == 0) & (np.diff(self.frame_numbers) == self.frame_step)
        return np.flatnonzero(follows[:-1] & follows[1:])


class TrackMerger:
    """Collects windows in any order and merges what they say about the same frame of the same clip.

    Only keypoints are kept, so that memory is bounded by the number of frames: about 30 MB for each smoother and
    150,000 frames of 25 keypoints.
    """

    def __init__(self, names: list[str], num_keypoints: int) -> None:
        self._clips: dict[bytes, int] = {}
        self._slots: dict[tuple[int, int], int] = {}
        self._num_keypoints = num_keypoints
        self._truth = _Rows((num_keypoints, 2), np.float32)
        self._visibility = _Rows((num_keypoints,), np.bool_)
        self._boxes = _Rows((4,), np.float32)
        self._counts = _Rows((), np.int32)
        self._sums = {name: _Rows((num_keypoints, 2), np.float32) for name in names}

    def add(self, batch: dict[str, np.ndarray], predicted: dict[str, np.ndarray]) -> None:
        """Adds a batch of windows.

        Args:
          batch: `clip_id` bytes [B], `frame_numbers` int [B, T], `keypoints` [B, T, K, 2], `visibility` [B, T, K],
            `boxes` [B, T, 4].
          predicted: for each smoother [B, T, K, 2].
        """
        slots = self._slots_of(batch["clip_id"], batch["frame_numbers"])
        for rows, key in ((self._truth, "keypoints"), (self._visibility, "visibility"), (self._boxes, "boxes")):
            rows.reserve(len(self._slots))
            rows.values[slots] = batch[key].reshape(len(slots), *rows.values.shape[1:])
        for name, rows in self._sums.items():
            rows.reserve(len(self._slots))
            np.add.at(rows.values, slots, predicted[name].reshape(-1, self._num_keypoints, 2))
        self._counts.reserve(len(self._slots))
        np.add.at(self._counts.values, slots, 1)

    def _slots_of(self, clip_ids: np.ndarray, frame_numbers: np.ndarray) -> np.ndarray:
        """int64 [B * T]: the row in which each frame's sums are kept."""
        slots: list[int] = []
        for clip_id, numbers in zip(clip_ids.tolist(), frame_numbers.tolist(), strict=True):
            clip = self._clips.setdefault(clip_id, len(self._clips))
            slots.extend(self._slots.setdefault((clip, number), len(self._slots)) for number in numbers)
        return np.array(slots, np.int64)

    def tracks(self, frame_step: int = 1) -> Tracks:
        """Everything added so far, merged."""
        keys = np.array(list(self._slots), np.int64).reshape(-1, 2)
        order = np.lexsort((keys[:, 1], keys[:, 1] % frame_step, keys[:, 0]))
        counts = self._counts.values[order, None, None].astype(np.float32)
        return Tracks(
            clips=keys[order, 0],
            frame_numbers=keys[order, 1],
            frame_step=frame_step,
            truth=self._truth.values[order],
            visibility=self._visibility.values[order],
            boxes=self._boxes.values[order],
            predicted={name: rows.values[order] / counts for name, rows in self._sums.items()},
        )


class _Rows:
    """An array that grows along its first axis; new rows are zero."""

    def __init__(self, shape: tuple[int, ...], dtype: type) -> None:
        self.values: np.ndarray = np.zeros((0, *shape), dtype)

    def reserve(self, count: int) -> None:
        if count > len(self.values):
            missing = max(count, 2 * len(self.values)) - len(self.values)
            self.values = np.concatenate([self.values, np.zeros((missing, *self.values.shape[1:]), self.values.dtype)])
