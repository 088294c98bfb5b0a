"""One raw file -> clips in heatmap coordinates, kept as a part file until the records are whole.

This is what worker processes do, so it imports nothing heavy. A part is written beside its final name and renamed; a
part that exists is finished, and a later run takes it as it is.
"""

import hashlib
import os
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasmooth import boxes as box_rules
from kerasmooth import files
from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.datasets import DatasetReader
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import SCALE

_ZLIB_LEVEL = 6


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """A clip in heatmap coordinates.

    Attributes:
      clip_id, video_id, official_split: as in `PoseClip`.
      keypoints: float32 [T, K, 2], (x, y) in heatmap cells; 0 where not visible.
      visibility: bool [T, K]; False also where the keypoint lies outside the grid.
      boxes: float32 [T, 4], x1 y1 x2 y2 in image pixels.
      frame_numbers: int64 [T].
      has_box: bool [T]; without a box a frame has no heatmap coordinates.
      size: (height, width) of the grid.
      heatmaps: a detector's, per frame, as `quantise` gives them; None where no detector ran.
    """

    clip_id: str
    video_id: str
    official_split: str
    keypoints: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    frame_numbers: np.ndarray
    has_box: np.ndarray
    size: Size
    heatmaps: list[bytes] | None = None


@dataclass(frozen=True)
class Part:
    """What one raw file gave: clips, and frames that the reader dropped, by reason."""

    source: str
    clips: list[PreparedClip]
    dropped: dict[str, int]


def prepare(clip: PoseClip, size: Size) -> PreparedClip:
    """Image pixels -> cells of a grid (height, width); that of the heatmaps where a detector made them."""
    if clip.heatmaps is not None:
        size = (clip.heatmaps.shape[1], clip.heatmaps.shape[2])
    has_box = box_rules.has_area(clip.boxes)
    boxes = np.where(has_box[:, None], clip.boxes, (0.0, 0.0, 1.0, 1.0))
    keypoints = box_rules.to_heatmap(np.where(clip.visibility[..., None], clip.keypoints, 0.0), boxes, size)
    keypoints = keypoints.astype(np.float32)  # rounding to float32 can round a cell further: ask after it
    visibility = clip.visibility & box_rules.inside(keypoints, size) & has_box[:, None]
    return PreparedClip(
        clip_id=clip.clip_id,
        video_id=clip.video_id,
        official_split=clip.official_split,
        keypoints=np.where(visibility[..., None], keypoints, np.float32(0)),
        visibility=visibility,
        boxes=boxes.astype(np.float32),
        frame_numbers=clip.frame_numbers,
        has_box=has_box,
        size=size,
        heatmaps=None if clip.heatmaps is None else [quantise(frame) for frame in clip.heatmaps],
    )


def quantise(heatmaps: np.ndarray) -> bytes:
    """Raw scores [H, W, K] of one frame -> zlib of uint8 [H, W, K].

    Negative scores become 0, and each heatmap's maximum becomes 255: its sum, not its height, is what is restored.
    """
    positive = np.maximum(heatmaps, 0.0)
    peak = positive.max(axis=(0, 1))
    levels = np.rint(positive * (255.0 / np.where(peak > 0, peak, 1.0))).astype(np.uint8)
    return zlib.compress(levels.tobytes(), _ZLIB_LEVEL)


def restore_heatmaps(frames: Sequence[bytes], shape: tuple[int, int, int]) -> np.ndarray:
    """What `quantise` gave for T frames -> float32 [T, H, W, K], each heatmap divided by its sum, times 255."""
    levels = np.stack([np.frombuffer(zlib.decompress(frame), np.uint8).reshape(shape) for frame in frames])
    heatmaps = levels.astype(np.float32)
    total = heatmaps.sum(axis=(1, 2), keepdims=True)
    return heatmaps * (SCALE / np.where(total > 0, total, 1.0)).astype(np.float32)


@dataclass(frozen=True)
class PartMaker:
    """Reads raw files and keeps what they gave; picklable, so that worker processes can call it.

    Attributes:
      reader: of the dataset.
      folder: where the parts are kept.
      size: (height, width) of the grid, where no detector gives another.
    """

    reader: DatasetReader
    folder: Path
    size: Size

    def path_of(self, source: str) -> Path:
        """The part of a raw file as it is now: another size or time of change is another part."""
        try:
            now = os.stat(Path(self.reader.raw_dir) / source)
            state = f"{now.st_size}/{now.st_mtime_ns}"
        except OSError:
            state = "unreadable"  # which the reader explains better
        key = f"{self.reader.name}/{source}/{state}"
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.part"

    def make(self, source: str) -> Path:
        """Reads a raw file unless its part is there. Returns the part's path. Raises the reader's InputError."""
        path = self.path_of(source)
        if not path.is_file():
            result = self.reader.read(source)
            part = Part(source, [prepare(clip, self.size) for clip in result.clips], dict(result.dropped))
            with files.replacing(path) as partial:
                partial.write_bytes(pickle.dumps(part, protocol=5))
        return path

    def try_make(self, source: str) -> Path | InputError:
        """The path of a part, or what is wrong with the raw file."""
        try:
            return self.make(source)
        except InputError as error:
            return error


def load_part(path: Path) -> Part:
    """A part that `PartMaker.make` wrote."""
    part = pickle.loads(path.read_bytes())
    if not isinstance(part, Part):
        raise InputError(f"{path}: is no part of records in the making: delete its folder and run again")
    return part
