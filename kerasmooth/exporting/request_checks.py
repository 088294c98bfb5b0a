"""What a request must be, checked in the graph: a server has no other place to refuse what would be answered wrongly.

Every failure is an InvalidArgument whose text says what was expected and ends with what was received.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

MAX_FPS = 10_000.0


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


def checked_rows(tensor: Any, name: str, num_rows: Any) -> Any:
    """A tensor [B], once it is seen to have as many rows as the others."""
    tensor = checked_shape(tensor, name, (None,), "[B], one number a row")
    agree = tf.equal(tf.shape(tensor)[0], num_rows)
    text = f"{name} must be [B], of the same B as the other inputs. Received: shape ="
    with tf.control_dependencies([_require(agree, text, tf.shape(tensor))]):
        return tf.identity(tensor)


def checked_confidence(confidence: Any, keypoints: Any, letters: str) -> Any:
    """confidence, once it is seen to have the shape of keypoints [..., K, 2] without its last axis."""
    confidence = checked_shape(confidence, "confidence", keypoints.shape[:-1], letters)
    agree = tf.reduce_all(tf.shape(confidence) == tf.shape(keypoints)[:-1])
    text = f"confidence must be {letters}, of the same B and T as keypoints. Received: shape ="
    with tf.control_dependencies([_require(agree, text, tf.shape(confidence))]):
        return tf.identity(confidence)


def checked_fps(fps: Any, num_rows: Any) -> Any:
    """fps [B], once each is seen to be a frame rate."""
    fps = checked_rows(fps, "fps", num_rows)
    sensible = tf.reduce_all((fps > 0) & (fps <= MAX_FPS))
    text = f"fps must be above 0 and at most {MAX_FPS:g} frames per second. Received:"
    with tf.control_dependencies([_require(sensible, text, fps)]):
        return tf.identity(fps)


def checked_length(length: Any, num_rows: Any, num_frames: Any) -> Any:
    """length [B], once each is seen to be a number of frames that there are."""
    length = checked_rows(length, "length", num_rows)
    sensible = tf.reduce_all((length >= 0) & (length <= num_frames))
    text = "length must be from 0 to T, the number of frames of each row. Received:"
    with tf.control_dependencies([_require(sensible, text, length)]):
        return tf.identity(length)


def checked_state(state: Any, num_rows: Any) -> Any:
    """state [B, S], once it is seen to have as many rows as there are frames, and no value that is not finite."""
    agree = tf.equal(tf.shape(state)[0], num_rows)
    text = "state must be [B, S], of the same B as keypoints. Received: shape ="
    checks = [_require(agree, text, tf.shape(state))]
    text = "state must be all 0, or what the call before returned. Received values that are not finite:"
    odd = tf.math.count_nonzero(~tf.math.is_finite(state))
    with tf.control_dependencies([*checks, _require(tf.equal(odd, 0), text, odd)]):
        return tf.identity(state)


def checked_cells(keypoints: Any, known: Any, size: tuple[int, int]) -> Any:
    """keypoints [..., K, 2], once the known ones are seen to lie in the grid (height, width), or beside it."""
    height, width = size
    far = tf.where(known, tf.reduce_max(tf.abs(keypoints) / tf.constant([width, height], tf.float32), axis=-1), 0.0)
    text = (
        f"keypoints must be (x, y) in cells of the {height} x {width} grid of the box; image pixels go to the "
        "signature sequence. Received, in widths and heights of the grid:"
    )
    with tf.control_dependencies([_require(tf.reduce_all(far <= 2.0), text, tf.reduce_max(far))]):
        return tf.identity(keypoints)


def _require(condition: Any, text: str, received: Any) -> Any:
    return tf.debugging.Assert(condition, [text, received], summarize=8)
