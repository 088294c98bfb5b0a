"""Windows in the graph: where they start, the frames they show, and the mean of what is said of each frame.

Frames of a batch are numbered through: frame t of row b is b * T + t, of F = B * T in all. The same as
`kerasmooth.windows` does in NumPy for one clip.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensors = dict[str, Any]
Ask = Callable[[Any], Tensors]
"""Frame numbers [N, T] of windows -> what is said of each of their frames, float32 [N, T, ...] by name."""


def run_bounds(usable: Any) -> tuple[Any, Any]:
    """int32 [F] twice: first and last frame of the unbroken run of usable frames that each one belongs to.

    usable: bool [B, T]. Frames that are not usable form runs of their own.
    """
    before = tf.pad(usable[:, :-1], [[0, 0], [1, 0]])
    starts = (usable != before) | (tf.range(tf.shape(usable)[1]) == 0)
    run = tf.cumsum(tf.cast(tf.reshape(starts, [-1]), tf.int32)) - 1
    frame = tf.range(tf.size(run))
    first = tf.math.unsorted_segment_min(frame, run, tf.size(run))
    last = tf.math.unsorted_segment_max(frame, run, tf.size(run))
    return tf.gather(first, run), tf.gather(last, run)


def window_frames(usable: Any, first: Any, last: Any, window: int) -> tuple[Any, Any]:
    """Frames int32 [N, window] of all windows that start one frame apart, and bool [N, window]: it is its own frame.

    No window leaves its run; a run shorter than a window has one, lengthened by its last frame.

    usable: bool [F]; first, last: of `run_bounds`.
    """
    frame = tf.range(tf.size(last))
    starts = tf.boolean_mask(frame, usable & ((frame + window - 1 <= last) | (frame == first)))
    shown = starts[:, None] + tf.range(window)
    ends = tf.gather(last, starts)[:, None]
    return tf.minimum(shown, ends), shown <= ends


def summed(ask: Ask, said: dict[str, tuple[int, ...]], frames: Any, own: Any, num_frames: Any, chunk: int) -> Tensors:
    """Sums over all windows of what is said of each frame: float32 [F, ...] by name.

    Args:
      ask: says it.
      said: for each name its shape behind [N, T].
      frames, own: windows, of `window_frames`; frames that are not a window's own do not count.
      num_frames: F.
      chunk: windows that are asked at once. One chunk follows another, so that memory does not grow with their number.
    """
    num_windows = tf.shape(frames)[0]
    sums = {name: tf.zeros(tf.concat([[num_frames], tf.cast(tail, tf.int32)], 0)) for name, tail in said.items()}

    def add_chunk(start: Any, sums: Tensors) -> tuple[Any, Tensors]:
        shown, counts = frames[start : start + chunk], tf.cast(own[start : start + chunk], tf.float32)
        added = {}
        for name, values in ask(shown).items():
            weights = tf.reshape(counts, tf.concat([tf.shape(counts), [1] * len(said[name])], 0))
            added[name] = tf.tensor_scatter_nd_add(sums[name], shown[..., None], values * weights)
        return start + chunk, added

    invariants = {name: tf.TensorShape([None, *tail]) for name, tail in said.items()}
    _, sums = tf.while_loop(
        lambda start, _: start < num_windows,
        add_chunk,
        (tf.constant(0), sums),
        shape_invariants=(tf.TensorShape([]), invariants),
        parallel_iterations=1,
    )
    return sums
