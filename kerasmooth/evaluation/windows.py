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
        arrays = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        predicted = {name: keypoints[part] for name, keypoints in arrays.pop("predicted").items()}
        return Frames(**{name: array[part] for name, array in arrays.items()}, predicted=predicted)

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
        ends = np.flatnonzero(np.diff(clips[order], append=-1)) + 1
        for start, end in zip(np.append(0, ends)[:-1], ends, strict=True):
            yield self[order[start:end]]


def concatenated(parts: list[Frames]) -> Frames:
    """Windows one after the other; all have the same T and the same rows."""
    names = [field.name for field in dataclasses.fields(Frames) if field.name != "predicted"]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    rows = {row: np.concatenate([part.predicted[row] for part in parts]) for row in parts[0].predicted}
    return Frames(**arrays, predicted=rows)


def merged(windows: Frames, frame_step: int) -> list[Frames]:
    """The tracks of windows: what overlapping windows say of the same frame becomes one, their mean.

    A track is one window of as many frames as follow each other `frame_step` apart in a clip. With a frame step of 2
    the even frames of a clip are one track and the odd ones another.
    """
    tracks = []
    for of_clip in windows.by_clip():
        numbers = of_clip.frame_numbers.ravel().astype(np.int64)
        order = np.lexsort((numbers, numbers % frame_step))
        numbers = numbers[order]
        first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        frames = numbers[first]
        counts = np.diff(first, append=len(numbers))[:, None, None]

        def flat(array: np.ndarray, order: np.ndarray = order) -> np.ndarray:
            return array.reshape(-1, *array.shape[2:])[order]

        means = {
            name: (np.add.reduceat(flat(keypoints), first, dtype=np.float64) / counts).astype(np.float32)
            for name, keypoints in of_clip.predicted.items()
        }
        truth, shown, box = (flat(a)[first] for a in (of_clip.truth, of_clip.visibility, of_clip.boxes))
        ends = np.flatnonzero(np.diff(frames, append=frames[-1]) != frame_step) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            part = slice(start, end)
            rows = {name: mean[None, part] for name, mean in means.items()}
            tracks.append(
                Frames(
                    of_clip.clip_ids[:1],
                    frames[None, part],
                    truth[None, part],
                    shown[None, part],
                    box[None, part],
                    rows,
                )
            )
    return tracks


def single_frames(tracks: list[Frames]) -> Frames:
    """All frames of tracks, each as a window of its own, [F, 1, ...]."""
    return concatenated([_cut_up(track) for track in tracks])


def _cut_up(track: Frames) -> Frames:
    def upright(array: np.ndarray) -> np.ndarray:
        return np.swapaxes(array, 0, 1)

    return Frames(
        np.repeat(track.clip_ids, track.frame_numbers.shape[1]),
        upright(track.frame_numbers),
        upright(track.truth),
        upright(track.visibility),
        upright(track.boxes),
        {name: upright(keypoints) for name, keypoints in track.predicted.items()},
    )
