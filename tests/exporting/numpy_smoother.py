"""What the signatures should say, in NumPy: the Keras model asked window by window, boxes by SciPy, means by NumPy."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth import boxes, windows
from kerasmooth.training.run_folder import Run


@dataclass(frozen=True)
class NumpySmoother:
    """One person at a time, in float64 between the calls of the model; NaN where nothing is found."""

    run: Run

    def sequence(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        """float64 [T, K, 2] of keypoints [T, K, 2] in pixels and confidence [T, K]."""
        known = np.isfinite(keypoints).all(-1) & (confidence > 0) & self.run.annotated
        size = self.run.config.size
        keypoints = np.where(known[..., None], keypoints, 0.0).astype(np.float64)
        frame_boxes = boxes.from_cell_centres(boxes.tight_box(keypoints, known), size)
        usable = boxes.has_area(frame_boxes)
        result = np.full(keypoints.shape, np.nan)
        for first, end in windows.segments(usable):
            part = slice(first, end)
            frame_boxes[part] = gaussian_filter1d(frame_boxes[part], 0.2 * fps, axis=0, mode="nearest")
            cells = boxes.to_heatmap(keypoints[part], frame_boxes[part], size)
            refined = self.cells(cells, known[part], frame_boxes[part])
            result[part] = boxes.to_image(refined, frame_boxes[part], size)
        return np.where(known[..., None], result, np.nan)

    def cells(self, cells: np.ndarray, known: np.ndarray, frame_boxes: np.ndarray | None = None) -> np.ndarray:
        """float64 [T, K, 2] of one unbroken run of frames in cells of boxes [T, 4], or of one box; windows merged."""
        known = known & self.run.annotated
        cells = np.where(known[..., None], cells, 0.0).astype(np.float32)
        if self.run.takes == "keypoints":
            frame_boxes = np.tile((0, 0, 1, 1), (len(cells), 1)) if frame_boxes is None else frame_boxes
            given = {"keypoints": cells, "visibility": known.astype(np.float32), "boxes": frame_boxes}
        else:
            given = {"heatmaps": self.run.codec.encode(cells, known, 2, sub_pixel=True)}
        return self.merged(given, known)[0]

    def heatmaps(self, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Keypoints [T, K, 2] and refined heatmaps, if the model has them, of heatmaps [T, H, W, K] of any scale."""
        heatmaps = heatmaps * self.run.annotated
        total = heatmaps.sum(axis=(1, 2), keepdims=True)
        maps = np.divide(heatmaps, total, out=np.zeros_like(heatmaps), where=total > 0) * 255
        known = total[:, 0, 0] > 0
        if self.run.takes == "heatmaps":
            return self.merged({"heatmaps": maps}, known)
        cells = self.run.codec.decode(maps, "dark")[0]
        return self.cells(cells, known), None

    def merged(self, given: dict[str, np.ndarray], known: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        window, num_frames = self.run.config.window, len(known)
        missing = max(window - num_frames, 0)
        given = {n: np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for n, v in given.items()}
        known = np.concatenate([known, np.repeat(known[-1:], missing, axis=0)])
        starts = windows.window_starts(np.ones(len(known), bool), window)
        indices = windows.frame_indices(starts, window)
        answer = self.run.model({n: v[indices] for n, v in given.items()}, training=False)[self.run.takes].numpy()
        maps = None
        if self.run.takes == "heatmaps":
            maps = windows.merge_windows(answer, indices, len(known))[:num_frames]
            answer, peak = self.run.codec.decode(answer, "dark")
            found = peak > 0
        else:
            found = known[indices]
        answer = np.where(found[..., None], answer, np.nan)
        return windows.merge_windows(answer, indices, len(known))[:num_frames], maps
