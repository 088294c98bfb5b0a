"""The state of a stream: the last frames, and the sums of what was said of them so far, as one row of numbers."""

from typing import Any

import tensorflow as tf

from kerasmooth.exporting.window_model import Tensors


class StreamState:
    """Packs and unpacks the state of one stream a row: float32 [B, S], all zeros before the first frame.

    It holds the last T - 1 frames as (x, y, confidence), the sums over windows of what was said of them as
    (x, y, count), and the number of frames that came, which is counted up to T - 1.

    Args:
      window: T.
      num_keypoints: K.
    """

    def __init__(self, window: int, num_keypoints: int) -> None:
        self._kept, self._num_keypoints = window - 1, num_keypoints
        self.size = 2 * self._kept * num_keypoints * 3 + 1

    def frames(self, state: Any, keypoints: Any, confidence: Any) -> Any:
        """[B, T, K, 3]: the kept frames and the new one, keypoints [B, K, 2] and confidence [B, K]."""
        new = tf.concat([keypoints, confidence[..., None]], axis=-1)
        return tf.concat([self._unpacked(state)[0], new[:, None]], axis=1)

    def add(self, state: Any, frames: Any, said: Tensors) -> tuple[Tensors, Any]:
        """Adds what was said of this window, and gives the sums so far of its frames and the next state.

        Args:
          state: [B, S].
          frames: of `frames`.
          said: {"keypoints": [B, T, K, 2], "count": [B, T, K]}; it counts once T frames came.
        """
        _, sums, came = self._unpacked(state)
        full = tf.cast(came >= self._kept, tf.float32)[:, None, None, None]
        new = tf.concat([said["keypoints"], said["count"][..., None]], axis=-1)
        sums = tf.pad(sums, [[0, 0], [0, 1], [0, 0], [0, 0]]) + full * new
        parts = [self._row(frames[:, 1:]), self._row(sums[:, 1:]), tf.minimum(came + 1, self._kept)[:, None]]
        return {"keypoints": sums[..., :2], "count": sums[..., 2]}, tf.concat(parts, axis=1)

    def _unpacked(self, state: Any) -> tuple[Any, Any, Any]:
        shape = (-1, 2, self._kept, self._num_keypoints, 3)
        both = tf.reshape(state[:, :-1], tf.concat([tf.shape(state)[:1], shape[1:]], 0))
        return both[:, 0], both[:, 1], state[:, -1]

    def _row(self, values: Any) -> Any:
        return tf.reshape(values, [tf.shape(values)[0], self._kept * self._num_keypoints * 3])
