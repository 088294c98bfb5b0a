"""What a request must be, checked in the graph: a server has no other place to refuse what would be answered wrongly.

A shape that is wrong refuses the request. A value that is wrong only spoils its own row: a server that batches runs the
requests of several callers at once and would refuse all of them for the fault of one. So such a row is answered with
nothing found and a text in `fault`, and the request is refused only if no row of it can be answered.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

MAX_FPS = 10_000.0
FARTHEST = 2.0
"""Widths and heights of the grid from its first cell, beyond which no keypoint in cells can be meant."""


def checked_shape(tensor: Any, name: str, expected: Sequence[int | None], letters: str) -> Any:
    """The tensor, once its shape is seen to be `expected` (None: any length); `letters` name the axes in the error."""
    # Behind a placeholder the shape is no longer known beforehand. Else it is believed to be the declared one, which
    # no C++ session holds a request to, and the check is optimised away.
    free = tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None))
    shape = tf.shape(free)
    text = f"{name} must be {letters}. Received: shape ="
    with tf.control_dependencies([_require(tf.equal(tf.size(shape), len(expected)), text, shape)]):
        shape = tf.identity(shape)
    wanted = tf.stack([shape[axis] if length is None else length for axis, length in enumerate(expected)])
    with tf.control_dependencies([_require(tf.reduce_all(shape == wanted), text, shape)]):
        return tf.ensure_shape(tf.identity(free), expected)


def checked_confidence(confidence: Any, keypoints: Any, letters: str) -> Any:
    """confidence, once it is seen to have the shape of keypoints [..., K, 2] without its last axis."""
    confidence = checked_shape(confidence, "confidence", keypoints.shape[:-1], letters)
    agree = tf.reduce_all(tf.shape(confidence) == tf.shape(keypoints)[:-1])
    text = f"confidence must be {letters}, of the same B and T as keypoints. Received: shape ="
    with tf.control_dependencies([_require(agree, text, tf.shape(confidence))]):
        return tf.identity(confidence)


class RowChecks:
    """Checks of values, row by row.

    Args:
      num_rows: B.
    """

    def __init__(self, num_rows: Any) -> None:
        self._num_rows = num_rows
        self.fault = tf.fill([num_rows], "")
        """string [B]: the first thing that is wrong with each row; empty where nothing is."""

    def fps(self, fps: Any) -> Any:
        """fps [B]; 1 where it is no frame rate."""
        fps = self._of_rows(fps, "fps")
        fine = (fps > 0) & (fps <= MAX_FPS)
        self._require(fine, f"fps must be above 0 and at most {MAX_FPS:g} frames per second. Received:", fps)
        return tf.where(fine, fps, 1.0)

    def length(self, length: Any, num_frames: Any) -> Any:
        """length [B]; 0 where it is no number of frames that there are."""
        length = self._of_rows(length, "length")
        fine = (length >= 0) & (length <= num_frames)
        self._require(fine, "length must be from 0 to T, the number of frames. Received:", length)
        return tf.where(fine, length, 0)

    def cells(self, keypoints: Any, known: Any, size: tuple[int, int]) -> None:
        """The known keypoints [B, ..., K, 2] lie in the grid (height, width), or not far from it."""
        height, width = size
        far = tf.reduce_max(tf.abs(keypoints) / tf.constant([width, height], tf.float32), axis=-1)
        far = tf.reduce_max(
            tf.reshape(tf.where(known, far, 0.0), [self._num_rows, known.shape[1:].num_elements()]), axis=1
        )
        text = (
            f"keypoints must be (x, y) in cells of the {height} x {width} grid of the box; image pixels go to the "
            "signature sequence. Received, in widths and heights of the grid:"
        )
        self._require(far <= FARTHEST, text, far)

    def state(self, state: Any) -> Any:
        """state [B, S]; all 0 where a value of it is not finite."""
        agree = tf.equal(tf.shape(state)[0], self._num_rows)
        text = "state must be [B, S], of the same B as keypoints. Received: shape ="
        with tf.control_dependencies([_require(agree, text, tf.shape(state))]):
            odd = tf.math.count_nonzero(~tf.math.is_finite(state), axis=1)
        text = "state must be all 0, or what the call before returned. Received values that are not finite:"
        self._require(odd == 0, text, odd)
        return tf.where((odd == 0)[:, None], state, 0.0)

    def fine(self, known: Any) -> Any:
        """bool [B, ...]: known, in rows that have no fault. Refuses the request where all have."""
        fine = self.fault == ""
        some = tf.reduce_any(fine) | tf.equal(self._num_rows, 0)
        with tf.control_dependencies([tf.debugging.Assert(some, [self.fault[:1]])]):
            return known & tf.reshape(fine, [-1] + [1] * (known.shape.rank - 1))

    def _of_rows(self, tensor: Any, name: str) -> Any:
        tensor = checked_shape(tensor, name, (None,), "[B], one number a row")
        agree = tf.equal(tf.shape(tensor)[0], self._num_rows)
        text = f"{name} must be [B], of the same B as the other inputs. Received: shape ="
        with tf.control_dependencies([_require(agree, text, tf.shape(tensor))]):
            return tf.identity(tensor)

    def _require(self, holds: Any, text: str, received: Any) -> None:
        message = tf.strings.join([text, " ", tf.strings.as_string(received, shortest=received.dtype.is_floating)])
        self.fault = tf.where(holds | (self.fault != ""), self.fault, message)


def _require(condition: Any, text: str, received: Any) -> Any:
    return tf.debugging.Assert(condition, [text, received], summarize=8)
