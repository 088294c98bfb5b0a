"""ClimbAlong's detector output: NPZ with bboxes [T, 4] and heatmaps [T, K, H, W] of one climber."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasmooth.boxes import has_area, to_image
from kerasmooth.formats.npz_archive import NpzFile, member_names
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import MAX_COORDINATE, bad
from kerasmooth.formats.skeleton_names import index_skeleton
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BOULDERING_25

_FRAMES_AT_ONCE = 64
_MAX_CELLS = 1 << 16
_SIGMA = 1.0


class ClimbAlongHeatmaps(PoseFormat):
    """Keypoints are decoded below a cell (DARK); the confidence is how concentrated a heatmap is, from 0 to 1."""

    name = "climbalong"
    description = "ClimbAlong heatmaps and boxes (reading only)"
    suffix = ".npz"
    needs = "bboxes heatmaps"

    def detect(self, path: Path) -> bool:
        return path.is_file() and {"bboxes.npy", "heatmaps.npy"} <= set(member_names(path))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        file = NpzFile(path)
        heatmaps, boxes = file.read("heatmaps"), file.read("bboxes").astype(np.float64)
        shape = heatmaps.shape
        if len(shape) != 4 or not 0 < shape[2] * shape[3] <= _MAX_CELLS:
            raise bad(path, "heatmaps", "have shape [frames, keypoints, height, width]", f"{shape}")
        if boxes.shape != (shape[0], 4):
            raise bad(path, "bboxes", f"have shape ({shape[0]}, 4)", f"{boxes.shape}")
        if (np.abs(boxes) > MAX_COORDINATE).any():
            raise bad(path, "bboxes", f"be within {MAX_COORDINATE:g}", "more")
        parts = [_decoded(heatmaps[at : at + _FRAMES_AT_ONCE]) for at in range(0, max(1, shape[0]), _FRAMES_AT_ONCE)]
        decoded, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
        detected = has_area(boxes)
        points = to_image(decoded[detected], boxes[detected], (shape[2], shape[3]))
        values = np.concatenate([points, scores[detected, :, None]], axis=2)[:, None]
        raw = RawPoses(values, (X, Y, CONFIDENCE), np.flatnonzero(detected), is_single=True)
        skeleton = BOULDERING_25 if shape[1] == BOULDERING_25.num_keypoints else index_skeleton(shape[1])
        return Parsed(raw, skeleton, frame_numbers=np.arange(shape[0]))

    def save(self, path: Path, raw: RawPoses, rest: None, table: PoseTable) -> None:
        self.fresh(table, path)


def _decoded(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells [T, K, 2] and confidence [T, K] of raw scores [T, K, H, W]; negative ones count as nothing."""
    evidence = np.maximum(np.nan_to_num(heatmaps.astype(np.float32), posinf=0.0, neginf=0.0), 0.0).transpose(0, 2, 3, 1)
    size = (evidence.shape[1], evidence.shape[2])
    keypoints, peak = HeatmapCodec(size).decode(evidence, method="dark")
    mass = evidence.sum(axis=(1, 2), dtype=np.float64)
    # The peak of a Gaussian of sigma 1 and mass 1 is 1 / (2 pi).
    share = np.divide(peak, mass, out=np.zeros(mass.shape), where=mass > 0)
    return keypoints.astype(np.float64), np.minimum(share * 2 * np.pi * _SIGMA**2, 1.0)
