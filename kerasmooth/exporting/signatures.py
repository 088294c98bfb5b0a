"""What an exported model can be asked: functions of tensors, batch first, that refuse what they would answer wrongly.

`SIGNATURES` says what each one is for, and `INPUTS` and `OUTPUTS` what its tensors mean; both travel in the metadata.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasmooth.exporting import request_checks as checks
from kerasmooth.exporting.steady_boxes import steadied, tight_boxes
from kerasmooth.exporting.stream_state import StreamState
from kerasmooth.exporting.window_model import Tensors, WindowModel
from kerasmooth.exporting.windowing import run_bounds, summed, window_frames

SIGNATURES = {
    "sequence": "keypoints of one person a row, of any number of frames, in image pixels: what most callers want",
    "keypoints": "windows of exactly as many frames as the model was made for, in cells of its grid, one a row",
    "heatmaps": "a detector's heatmaps of any number of frames -> heatmaps and keypoints, windows merged",
    "heatmaps_to_keypoints": "a detector's heatmaps of any number of frames -> keypoints: a thousandth of the bytes",
    "stream": "one frame a row and the state of the call before (0 at first) -> the last frames, the first is final",
    "metadata": "what the model is, as JSON; once for each row of any `rows`",
}
INPUTS = {
    "keypoints": "(x, y): image pixels for `sequence`; else cells of the grid on the person's box, an integer is the "
    "centre of a cell, (0, 0) that of the first, best on one box for all frames. One that is not finite is missing",
    "confidence": "above 0 where the detector found the keypoint; else, and where it is NaN, the keypoint is missing",
    "fps": "frames per second of the video",
    "length": "frames of each row that count; what stands behind them changes nothing",
    "heatmaps": "of any positive scale; what is negative or not finite is no evidence, all 0 is a missing keypoint",
    "state": "all 0 for a new person, then what the call before returned",
    "rows": "anything; its length is that of the answer",
}
OUTPUTS = {
    "keypoints": "as the inputs of the signature, `heatmaps` in cells; (0, 0) where not found",
    "found": "the detector had the keypoint in this frame and the model, trained on it, gives it",
    "confidence": "the detector's, as it came (of heatmaps: their maximum); 0 where not found",
    "heatmaps": "refined, the mean over the windows that show the frame",
    "state": "for the next call",
    "fault": "why nothing of the row could be answered; empty where it was. A request of faults only is refused",
    "metadata": "JSON",
}


class Signatures:
    """The functions behind the signatures of one model.

    Args:
      model: the model, asked window by window.
      metadata: what `metadata` answers.
    """

    def __init__(self, model: WindowModel, metadata: str) -> None:
        self._model, self._metadata = model, metadata
        self._stream = StreamState(model.window, model.num_keypoints)

    def functions(self) -> dict[str, Callable[..., Tensors]]:
        """The functions by the names of their signatures; the first is the default one."""
        functions: dict[str, Callable[..., Tensors]] = {"sequence": self.sequence, "keypoints": self.keypoints}
        if self._model.takes == "heatmaps":
            functions["heatmaps"] = self.heatmaps
        return functions | {
            "heatmaps_to_keypoints": self.heatmaps_to_keypoints,
            "stream": self.stream,
            "metadata": self.metadata,
        }

    def specs(self, signature: str) -> list[tf.TensorSpec]:
        """Names, types and shapes of a signature's inputs, in the order of its function's arguments."""
        num_keypoints, window = self._model.num_keypoints, self._model.window

        def spec(name: str, *shape: int | None, dtype: tf.DType = tf.float32) -> tf.TensorSpec:
            return tf.TensorSpec((None, *shape), dtype, name=name)

        def keypoints(*frames: int | None) -> list[tf.TensorSpec]:
            return [spec("keypoints", *frames, num_keypoints, 2), spec("confidence", *frames, num_keypoints)]

        length = spec("length", dtype=tf.int32)
        heatmaps = [spec("heatmaps", None, *self._model.codec.size, num_keypoints), length]
        return {
            "sequence": [*keypoints(None), spec("fps"), length],
            "keypoints": keypoints(window),
            "heatmaps": heatmaps,
            "heatmaps_to_keypoints": heatmaps,
            "stream": [*keypoints(), spec("state", self._stream.size)],
            "metadata": [spec("rows", dtype=tf.int32)],
        }[signature]

    def sequence(self, keypoints: Any, confidence: Any, fps: Any, length: Any) -> Tensors:
        """keypoints [B, T, K, 2] in pixels, confidence [B, T, K], fps [B], length [B] -> keypoints, found, confidence.

        Boxes are found and steadied, windows cut and merged, as the model was trained; in a frame whose keypoints span
        no area nothing is found.
        """
        keypoints, confidence, known = self._checked(keypoints, confidence, (None, None), "T, ")
        num_frames = tf.shape(known)[1]
        rows = checks.RowChecks(tf.shape(known)[0])
        fps = rows.fps(fps)
        known = rows.fine(known & _within(rows.length(length, num_frames), num_frames)[..., None])
        boxes, usable = tight_boxes(keypoints, known, self._model.codec.size)
        first, last = run_bounds(usable)
        boxes = steadied(tf.reshape(boxes, [-1, 4]), first, last, tf.repeat(fps, num_frames))
        known_frames, usable = _flat(known), tf.reshape(usable, [-1])
        origin, scale = self._grid(boxes)
        cells = (_flat(keypoints) - origin) * scale - 0.5
        windows = window_frames(usable, first, last, self._model.window)
        sums = self._summed(cells, known_frames & usable[:, None], *windows, boxes)
        smoothed, found = _mean(sums)
        smoothed = (smoothed + 0.5) / scale + origin
        return _answer(smoothed, found & known_frames, confidence, rows)

    def keypoints(self, keypoints: Any, confidence: Any) -> Tensors:
        """keypoints [B, window, K, 2] in cells, confidence [B, window, K] -> keypoints, found, confidence."""
        window = self._model.window
        keypoints, confidence, known = self._checked(keypoints, confidence, (None, window), f"{window}, ")
        rows = checks.RowChecks(tf.shape(known)[0])
        rows.cells(keypoints, known, self._model.codec.size)
        known = rows.fine(known)
        frames = tf.reshape(tf.range(tf.size(known[..., 0])), [-1, window])
        sums = self._summed(_flat(keypoints), _flat(known), frames, tf.ones_like(frames, tf.bool))
        smoothed, found = _mean(sums)
        return _answer(smoothed, found & _flat(known), confidence, rows)

    def heatmaps(self, heatmaps: Any, length: Any) -> Tensors:
        """heatmaps [B, T, H, W, K], length [B] -> heatmaps, keypoints in cells, found, confidence."""
        return self._on_heatmaps(heatmaps, length, refined=True)

    def heatmaps_to_keypoints(self, heatmaps: Any, length: Any) -> Tensors:
        """heatmaps [B, T, H, W, K], length [B] -> keypoints in cells, found, confidence."""
        return self._on_heatmaps(heatmaps, length, refined=False)

    def stream(self, keypoints: Any, confidence: Any, state: Any) -> Tensors:
        """keypoints [B, K, 2] in cells, confidence [B, K], state [B, S] -> the last `window` frames, and the state.

        keypoints [B, window, K, 2], found and confidence [B, window, K]: the first of the frames is final, `window` - 1
        frames late and equal to the merged windows of the whole recording; the others are what is known of them so far.
        Before `window` frames came, nothing is found.
        """
        keypoints, confidence, known = self._checked(keypoints, confidence, (None,), "")
        rows = checks.RowChecks(tf.shape(known)[0])
        rows.cells(keypoints, known, self._model.codec.size)
        state = rows.state(checks.checked_shape(state, "state", (None, self._stream.size), f"[B, {self._stream.size}]"))
        shown = self._stream.frames(state, keypoints, tf.where(rows.fine(known), confidence, 0.0))
        window = self._model.window
        frames = tf.reshape(tf.range(tf.size(shown[..., 0, 0])), [-1, window])
        flat = tf.reshape(shown, [-1, *shown.shape[2:]])
        sums = self._summed(flat[..., :2], flat[..., 2] > 0, frames, tf.ones_like(frames, tf.bool))
        sums = {
            name: tf.reshape(value, tf.concat([tf.shape(frames), value.shape[1:]], 0)) for name, value in sums.items()
        }
        sums, state = self._stream.add(state, shown, sums)
        smoothed, found = _mean(sums)
        confidence = shown[..., 2]
        return _answer(smoothed, found & (confidence > 0), confidence, rows) | {"state": state}

    def metadata(self, rows: Any) -> Tensors:
        """rows [B] -> metadata [B], the same JSON for each."""
        return {"metadata": tf.fill(tf.shape(rows)[:1], self._metadata)}

    def _on_heatmaps(self, heatmaps: Any, length: Any, *, refined: bool) -> Tensors:
        model, (height, width) = self._model, self._model.codec.size
        shape = (None, None, height, width, model.num_keypoints)
        letters = f"[B, T, {height}, {width}, {model.num_keypoints}]"
        heatmaps = checks.checked_shape(heatmaps, "heatmaps", shape, letters)
        num_frames = tf.shape(heatmaps)[1]
        rows = checks.RowChecks(tf.shape(heatmaps)[0])
        usable = rows.fine(_within(rows.length(length, num_frames), num_frames))
        first, last = run_bounds(usable)
        usable = tf.reshape(usable, [-1])
        maps, peak = model.normalised(tf.reshape(heatmaps, [-1, *shape[2:]]))
        known, windows = (peak > 0) & usable[:, None], window_frames(usable, first, last, model.window)
        if model.takes == "keypoints":
            sums = self._summed(model.decoded(maps)[0], known, *windows)
        else:
            said = {"heatmaps": (height, width, model.num_keypoints)} if refined else {}

            def ask(frames: Any) -> Tensors:
                answer = model.on_heatmaps(tf.gather(maps, frames))
                return {name: answer[name] for name in ("keypoints", "count", *said)}

            sums = summed(ask, self._said() | said, *windows, tf.size(usable), model.chunk)
        smoothed, found = _mean(sums)
        peak = tf.reshape(peak, tf.concat([tf.shape(heatmaps)[:2], peak.shape[1:]], 0))
        answer = _answer(smoothed, found & known, peak, rows)
        if refined:
            shown_in = self._windows_of(*windows, tf.size(usable))
            mean = tf.math.divide_no_nan(sums["heatmaps"], shown_in[:, None, None, None])
            answer["heatmaps"] = tf.reshape(mean, tf.shape(heatmaps))
        return answer

    def _checked(
        self, keypoints: Any, confidence: Any, leading: tuple[int | None, ...], letters: str
    ) -> tuple[Any, Any, Any]:
        """Keypoints and confidence with 0 where missing, and bool [..., K]: there, finite, and of those trained on."""
        num_keypoints = self._model.num_keypoints
        shape = f"[B, {letters}{num_keypoints}]"
        keypoints = checks.checked_shape(keypoints, "keypoints", (*leading, num_keypoints, 2), f"{shape[:-1]}, 2]")
        confidence = checks.checked_confidence(confidence, keypoints, shape)
        known = (confidence > 0) & tf.reduce_all(tf.math.is_finite(keypoints), axis=-1) & self._model.supervised
        keypoints = tf.where(known[..., None], keypoints, 0.0)
        return keypoints, tf.where(known, confidence, 0.0), known

    def _said(self) -> dict[str, tuple[int, ...]]:
        return {"keypoints": (self._model.num_keypoints, 2), "count": (self._model.num_keypoints,)}

    def _summed(self, cells: Any, known: Any, frames: Any, own: Any, boxes: Any = None) -> Tensors:
        """Sums over windows of what the model says of keypoints [F, K, 2] in cells; known: bool [F, K].

        boxes: [F, 4] of the grids; None where the grid stands still.
        """
        if boxes is None:
            height, width = self._model.codec.size
            boxes = tf.tile([[0.0, 0.0, width, height]], [tf.shape(cells)[0], 1])

        def ask(shown: Any) -> Tensors:
            return self._model.on_keypoints(*(tf.gather(values, shown) for values in (cells, known, boxes)))

        return summed(ask, self._said(), frames, own, tf.shape(cells)[0], self._model.chunk)

    def _windows_of(self, frames: Any, own: Any, num_frames: Any) -> Any:
        """float32 [F]: how many windows show each frame."""
        return tf.tensor_scatter_nd_add(tf.zeros([num_frames]), frames[..., None], tf.cast(own, tf.float32))

    def _grid(self, boxes: Any) -> tuple[Any, Any]:
        """Boxes [F, 4] -> their low corners [F, 1, 2] and cells per pixel [F, 1, 2]; 1 where there is no box."""
        height, width = self._model.codec.size
        extent = boxes[:, None, 2:] - boxes[:, None, :2]
        return boxes[:, None, :2], tf.where(extent > 0, tf.constant([width, height], tf.float32) / extent, 1.0)


def _within(length: Any, num_frames: Any) -> Any:
    """bool [B, T]: the frame is one of the first `length` [B]."""
    return tf.range(num_frames) < length[:, None]


def _flat(values: Any) -> Any:
    """[B, T, ...] -> [B * T, ...]."""
    return tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))


def _mean(sums: Tensors) -> tuple[Any, Any]:
    return tf.math.divide_no_nan(sums["keypoints"], sums["count"][..., None]), sums["count"] > 0


def _answer(keypoints: Any, found: Any, confidence: Any, rows: checks.RowChecks) -> Tensors:
    """Zeros where nothing is found; all in the leading shape of confidence [..., K]."""
    found = tf.reshape(found, tf.shape(confidence))
    keypoints = tf.reshape(keypoints, tf.concat([tf.shape(confidence), [2]], 0))
    return {
        "keypoints": tf.where(found[..., None], keypoints, 0.0),
        "found": found,
        "confidence": tf.where(found, confidence, 0.0),
        "fault": rows.fault,
    }
