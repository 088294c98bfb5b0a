"""Windows with the keypoints that each row of a table gives for them, and the tracks that they merge into."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size


@dataclass(frozen=True, eq=False)
class Frames:
    """Keypoints with their truth: N windows of T frames each, or one track, which is N = 1.

    Attributes:
      clip_ids: bytes [N], `<dataset>/<clip>`: which clip a window is of.
      frame_numbers: int [N, T].
      truth: float32 [N, T, K, 2], true (x, y) in heatmap cells.
      visibility: bool [N, T, K].
      boxes: float32 [N, T, 4], x1 y1 x2 y2 in image pixels.
      predicted: row of the table -> float32 [N, T, K, 2], in heatmap cells.
    """

    clip_ids: np.ndarray
    frame_numbers: np.ndarray
    truth: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    predicted: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.clip_ids)

    def __getitem__(self, part: slice | np.ndarray) -> "Frames":
        """Some of the windows."""
        return _made_of([self], self.clip_ids[part], lambda arrays: arrays[0][part])

    def in_windows_of(self, length: int) -> "Frames":
        """The same frames as windows of so many, [N T / length, length, ...]."""
        clip_ids = np.repeat(self.clip_ids, self.truth.shape[1])[::length]
        return _made_of([self], clip_ids, lambda arrays: arrays[0].reshape(-1, length, *arrays[0].shape[2:]))

    @property
    def datasets(self) -> list[str]:
        """Of each window the dataset."""
        return [clip_id.decode().partition("/")[0] for clip_id in self.clip_ids.tolist()]

    def keypoints(self, row: str) -> np.ndarray:
        """[N, T, K, 2] of a row, or the truth, row ""."""
        return self.predicted[row] if row else self.truth

    def with_rows(self, rows: dict[str, np.ndarray]) -> "Frames":
        """The same with more rows."""
        return replace(self, predicted=self.predicted | rows)

    def in_pixels(self, keypoints: np.ndarray, size: Size) -> np.ndarray:
        """Keypoints [N, T, K, 2] in cells of a grid (height, width) -> float64, in image pixels."""
        return boxes.to_image(keypoints.astype(np.float64), self.boxes, size)


def _made_of(parts: list[Frames], clip_ids: np.ndarray, make: Callable[[list[np.ndarray]], np.ndarray]) -> Frames:
    """Each array but the clips' ids made of those of the parts, which have the same rows."""
    names = [field.name for field in fields(Frames) if field.name not in ("clip_ids", "predicted")]
    rows = {row: make([part.predicted[row] for part in parts]) for row in parts[0].predicted}
    return Frames(clip_ids, **{name: make([getattr(part, name) for part in parts]) for name in names}, predicted=rows)


def concatenated(parts: list[Frames]) -> Frames:
    """Windows one after the other; all have the same T and the same rows."""
    return _made_of(parts, np.concatenate([part.clip_ids for part in parts]), np.concatenate)


def single_frames(tracks: list[Frames]) -> Frames:
    """All frames of tracks, each as a window of its own, [F, 1, ...]."""
    return concatenated([track.in_windows_of(1) for track in tracks])


def merged(windows: Frames, frame_step: int) -> list[Frames]:
    """The tracks of windows: what overlapping windows say of the same frame becomes one, their mean.

    A track is one window of as many frames as follow each other `frame_step` apart in a clip. With a frame step of 2
    the even frames of a clip are one track and the odd ones another.
    """
    _, clips = np.unique(windows.clip_ids, return_inverse=True)
    order = np.argsort(clips, kind="stable")
    of_clips = np.split(order, np.flatnonzero(np.diff(clips[order])) + 1)
    return [track for of_clip in of_clips for track in _tracks(windows[of_clip], frame_step)]


def _tracks(of_clip: Frames, frame_step: int) -> Iterator[Frames]:
    shown = of_clip.in_windows_of(1)
    numbers, first, places, counts = np.unique(
        shown.frame_numbers, return_index=True, return_inverse=True, return_counts=True
    )
    frames = shown[first]
    for name, keypoints in shown.predicted.items():
        sums = np.zeros(frames.truth.shape)
        np.add.at(sums, places.ravel(), keypoints)
        frames.predicted[name] = (sums / counts[:, None, None, None]).astype(np.float32)
    order = np.lexsort((numbers, numbers % frame_step))
    for part in np.split(order, np.flatnonzero(np.diff(numbers[order].astype(np.int64)) != frame_step) + 1):
        yield frames[part].in_windows_of(len(part))
