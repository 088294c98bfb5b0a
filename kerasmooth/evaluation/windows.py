"""Windows with the keypoints that each row of a table gives for them, and the tracks that they merge into."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size


@dataclass(frozen=True, eq=False)
class Frames:
    """Keypoints with their truth: N windows of T frames each, or one track, which is N = 1.

    Attributes:
      clip_ids: bytes [N], which clip a window is of.
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
        rows = {name: keypoints[part] for name, keypoints in self.predicted.items()}
        return Frames(**{name: array[part] for name, array in self.arrays().items()}, predicted=rows)

    def arrays(self) -> dict[str, np.ndarray]:
        """All but `predicted`, by name."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "predicted"]
        return {name: getattr(self, name) for name in names}

    def with_rows(self, rows: dict[str, np.ndarray]) -> "Frames":
        """The same with more rows."""
        return dataclasses.replace(self, predicted=self.predicted | rows)

    def in_pixels(self, keypoints: np.ndarray, size: Size) -> np.ndarray:
        """Keypoints [N, T, K, 2] in cells of a grid (height, width) -> float64, in image pixels."""
        return boxes.to_image(keypoints.astype(np.float64), self.boxes, size)

    def by_clip(self) -> Iterator["Frames"]:
        """The windows of each clip."""
        _, clips = np.unique(self.clip_ids, return_inverse=True)
        order = np.argsort(clips, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(clips[order])) + 1):
            yield self[part]


def concatenated(parts: list[Frames]) -> Frames:
    """Windows one after the other; all have the same T and the same rows."""
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in parts[0].arrays()}
    rows = {row: np.concatenate([part.predicted[row] for part in parts]) for row in parts[0].predicted}
    return Frames(**arrays, predicted=rows)


def merged(windows: Frames, frame_step: int) -> list[Frames]:
    """The tracks of windows: what overlapping windows say of the same frame becomes one, their mean.

    A track is one window of as many frames as follow each other `frame_step` apart in a clip. With a frame step of 2
    the even frames of a clip are one track and the odd ones another.
    """
    return [track for of_clip in windows.by_clip() for track in _tracks(of_clip, frame_step)]


def _tracks(of_clip: Frames, frame_step: int) -> Iterator[Frames]:
    numbers = of_clip.frame_numbers.ravel()
    frames, first, places, counts = np.unique(numbers, return_index=True, return_inverse=True, return_counts=True)
    arrays: dict[str, np.ndarray] = {"frame_numbers": frames}
    for name in ("truth", "visibility", "boxes"):
        array = getattr(of_clip, name)
        arrays[name] = array.reshape(-1, *array.shape[2:])[first]
    means = {}
    for name, keypoints in of_clip.predicted.items():
        sums = np.zeros(arrays["truth"].shape)
        np.add.at(sums, places, keypoints.reshape(-1, *keypoints.shape[2:]))
        means[name] = (sums / counts[:, None, None]).astype(np.float32)
    order = np.lexsort((frames, frames % frame_step))
    for part in np.split(order, np.flatnonzero(np.diff(frames[order].astype(np.int64)) != frame_step) + 1):
        rows = {name: mean[None, part] for name, mean in means.items()}
        of_track = {name: array[None, part] for name, array in arrays.items()}
        yield Frames(of_clip.clip_ids[:1], **of_track, predicted=rows)


def single_frames(tracks: list[Frames]) -> Frames:
    """All frames of tracks, each as a window of its own, [F, 1, ...]."""
    return concatenated([_upright(track) for track in tracks])


def _upright(track: Frames) -> Frames:
    arrays = {name: np.swapaxes(array, 0, 1) for name, array in track.arrays().items() if name != "clip_ids"}
    rows = {name: np.swapaxes(keypoints, 0, 1) for name, keypoints in track.predicted.items()}
    return Frames(np.repeat(track.clip_ids, len(arrays["truth"])), **arrays, predicted=rows)
