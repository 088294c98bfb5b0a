"""Smoothing while the video runs: one frame in, one frame out, `lookahead` frames later."""

from typing import Any

import numpy as np

from kerasmooth.skeletons import Skeleton, skeleton_named
from kerasmooth.smoothing import tracking
from kerasmooth.streaming import frame_checks
from kerasmooth.streaming.adaptive_filter import AdaptiveFilter, State
from kerasmooth.streaming.frame import StreamFrame, checked_frame, of_one, shown_frame
from kerasmooth.streaming.state import add_people, check_like, keep_people, nobody, pack, unpack

__all__ = ["KeypointStream", "StreamFrame"]

MEMORY_SECONDS = 0.5


class KeypointStream:
    """Smooths the keypoints of one or several people frame by frame; its state can be saved and restored.

    Of x and y alone: a third coordinate needs `smoothing.smooth_keypoints`.
    Learns the noise and the motion of every keypoint while it runs (`adaptive_filter`): where a measurement cannot be
    made better it stays as it is.

    Args:
      skeleton: a name (coco, mediapipe, body25 ...) or a Skeleton; its torso measures the person.
      num_keypoints: K, instead of a skeleton.
      fps: frames per second.
      lookahead: frames of delay; more see further ahead and so lag less behind fast motion.
      max_gap: seconds for which a missing keypoint is continued.
      outliers: leave out positions that no motion explains, until they stay for some frames.
      person_size: in the positions' unit, None to measure it.

    Raises:
      ValueError: settings that do not fit together.
    """

    def __init__(
        self,
        skeleton: str | Skeleton | None = None,
        num_keypoints: int | None = None,
        *,
        fps: float,
        lookahead: int = 0,
        max_gap: float = 0.25,
        outliers: bool = True,
        person_size: float | None = None,
    ) -> None:
        self._skeleton, count = _skeleton_and_count(skeleton, num_keypoints)
        for name, value in {"fps": fps, "person_size": 1.0 if person_size is None else person_size}.items():
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive. Received: {name}={value}")
        if lookahead < 0 or not 0 <= max_gap < np.inf:
            raise ValueError(
                f"lookahead, max_gap must not be negative. Received: lookahead={lookahead}, max_gap={max_gap}"
            )
        self._settings: dict[str, Any] = {
            "num_keypoints": count,
            "fps": float(fps),
            "lookahead": int(lookahead),
            "max_gap": float(max_gap),
            "outliers": bool(outliers),
            "person_size": person_size,
        }
        self._filter = AdaptiveFilter(fps, lookahead, outliers)
        self._memory = max(MEMORY_SECONDS, max_gap + (lookahead + 1) / fps)
        self._state: State = self._filter.empty(count) | nobody(count, lookahead)
        self._index, self._next_id, self._has_people_axis = 0, 0, -1

    @property
    def lookahead(self) -> int:
        return int(self._settings["lookahead"])

    def step(
        self,
        keypoints: np.ndarray | None,
        confidence: np.ndarray | None = None,
        *,
        ids: np.ndarray | list[int] | None = None,
        seconds: float | None = None,
    ) -> StreamFrame | None:
        """Takes the next frame in and returns the one `lookahead` frames before; None until there is one.

        Args:
          keypoints: [K, 2 or 3] of one person, or [P, K, 2 or 3] of any number; None is nobody. NaN is missing.
          confidence: [K] or [P, K]; 0 is missing; 1 where it is not given.
          ids: [P], not negative and different; without them people are followed by their similarity.
          seconds: since the frame before; by default 1 / fps.

        Raises:
          ValueError: shapes that do not fit, or a time that does not pass.
        """
        seconds = 1 / self._settings["fps"] if seconds is None else seconds
        if not 0 < seconds < np.inf:
            raise ValueError(f"seconds must be positive. Received: seconds={seconds}")
        positions, weights, scores = self._checked(keypoints, confidence)
        self._forget(seconds)
        slots = self._slots(positions, weights > 0, ids, seconds)
        self._advance(positions, weights, scores, slots, seconds)
        self._index += 1
        return self._output() if self._index > self.lookahead else None

    def flush(self) -> list[StreamFrame]:
        """The frames that are still to come when the video has ended; the stream can then only be thrown away."""
        frames = [self.step(None) for _ in range(min(self.lookahead, self._index))]
        first = self._index - len(frames) - self.lookahead
        return [frame for offset, frame in enumerate(frames) if frame is not None and first + offset >= 0]

    def _checked(
        self, keypoints: np.ndarray | None, confidence: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = checked_frame(keypoints, confidence, self._settings["num_keypoints"])
        if keypoints is not None:
            axis = np.ndim(keypoints) - 2
            if self._has_people_axis not in (-1, axis):
                raise ValueError(f"keypoints must keep their number of axes. Received: shape={np.shape(keypoints)}")
            self._has_people_axis = axis
        return found

    def _forget(self, seconds: float) -> None:
        """Lets people go who were not seen for long."""
        state = self._state
        state["unseen"] = state["unseen"] + seconds
        alive = state["unseen"] <= self._memory + 1e-9
        if not alive.all():
            self._state = keep_people(state, alive)

    def _slots(
        self, positions: np.ndarray, known: np.ndarray, ids: np.ndarray | list[int] | None, seconds: float
    ) -> np.ndarray:
        """The place among the people of each detection, int64 [P]; below 0 where nothing new is seen."""
        state = self._state
        slots = np.full(len(positions), -1, np.int64)
        if ids is not None:
            asked = np.asarray(ids, np.int64).reshape(-1)
            if len(asked) != len(positions) or len(np.unique(asked)) < len(asked) or (asked < 0).any():
                raise ValueError(
                    f"ids must be different, not negative, and one a person. Received: ids={asked.tolist()}"
                )
            places = {int(person): place for place, person in enumerate(state["ids"])}
            slots = np.array([places.get(int(person), -1) for person in asked], np.int64)
        elif not self._has_people_axis:
            slots[: min(1, len(state["ids"]))] = 0
        elif len(positions):
            before = state["last"]
            shown = np.asarray(np.isfinite(before).all(axis=-1))
            slots = tracking.match(before, shown, state["unseen"], positions, known)
        # Who repeats another (-2) is nobody.
        born = np.flatnonzero((slots == -1) & known.any(axis=1))
        if len(born):
            names = np.asarray(ids, np.int64)[born] if ids is not None else self._next_id + np.arange(len(born))
            slots[born] = len(state["ids"]) + np.arange(len(born))
            self._bear(names)
        return slots

    def _bear(self, ids: np.ndarray) -> None:
        count, old = len(ids), len(self._state["ids"])
        self._state = add_people(self._state, count)
        self._state["ids"][old:] = ids
        self._state["since"][old:] = np.inf
        self._next_id = max(self._next_id, int(ids.max()) + 1)
        fresh = np.zeros((old + count, self._settings["num_keypoints"]), bool)
        fresh[old:] = True
        self._filter.start(self._state, fresh)

    def _advance(
        self, positions: np.ndarray, weights: np.ndarray, scores: np.ndarray, slots: np.ndarray, seconds: float
    ) -> None:
        """Hands the frame to the filter, and says of each keypoint what it is."""
        state, people = self._state, len(self._state["ids"])
        seen, where, trust = weights, positions, scores
        if slots.tolist() != list(range(people)):
            used = slots >= 0
            seen = np.zeros((people, self._settings["num_keypoints"]))
            where, trust = np.zeros((*seen.shape, 2)), np.zeros(seen.shape)
            seen[slots[used]], where[slots[used]], trust[slots[used]] = weights[used], positions[used], scores[used]
        known = seen > 0
        state["unseen"] = np.where(known.any(axis=1), 0.0, state["unseen"])
        frame_checks.measure_sizes(state, where, known, seconds, self._settings["person_size"], self._skeleton)
        state["since"] = state["since"] + seconds
        stale = known & (state["since"] > self._settings["max_gap"] + seconds + 1e-9)
        if stale.any():
            self._filter.start(state, stale)
        refused = self._filter.step(state, where, seen, seconds, state["size"])
        known &= ~refused
        frame_checks.note(state, where, known, trust, refused, self._settings["max_gap"])

    def _output(self) -> StreamFrame:
        state = self._state
        positions, deviation = self._filter.estimate(state, state["size"])
        kinds, confidence = state["past_provenance"][0], state["past_confidence"][0]
        frame = shown_frame(self._index - 1 - self.lookahead, state["ids"], positions, confidence, deviation, kinds)
        return frame if self._has_people_axis else of_one(frame, self._settings["num_keypoints"])

    def to_bytes(self) -> bytes:
        """Everything the stream knows: `from_bytes` continues exactly where it is."""
        counters = {"index": self._index, "next_id": self._next_id, "axis": self._has_people_axis}
        return pack(self._state, self._settings, self._skeleton, counters)

    @classmethod
    def from_bytes(cls, data: bytes) -> "KeypointStream":
        """The stream that `to_bytes` saved. Raises ValueError for anything else."""
        try:
            state, settings, skeleton, counters = unpack(data)
            stream = cls(skeleton, **settings)
            check_like(state, stream._state)
            stream._index, stream._next_id = int(counters["index"]), int(counters["next_id"])
            stream._has_people_axis = int(counters["axis"])
        # What a damaged archive raises is not documented.
        except Exception as error:
            raise ValueError(f"data must be what to_bytes gave. Received: {len(data)} bytes ({error})") from None
        stream._state = state
        return stream


def _skeleton_and_count(skeleton: str | Skeleton | None, num_keypoints: int | None) -> tuple[Skeleton | None, int]:
    if isinstance(skeleton, str):
        skeleton = skeleton_named(skeleton)
    count = skeleton.num_keypoints if skeleton is not None else num_keypoints
    if count is None or count < 1 or num_keypoints not in (None, count):
        raise ValueError(f"num_keypoints must be that of the skeleton. Received: num_keypoints={num_keypoints}")
    return skeleton, count
