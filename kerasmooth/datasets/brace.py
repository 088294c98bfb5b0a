"""BRACE: breakdance, 17 COCO keypoints a frame; automatic annotations and manual corrections of outliers."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.datasets.brace_tables import BraceTables, Segment, VideoInfo, read_tables
from kerasmooth.datasets.dataset_reader import ReadResult
from kerasmooth.datasets.raw_files import (
    MAX_FRAMES,
    check_numbers,
    check_positions,
    list_files,
    malformed,
    read_npz,
    read_text,
    shown,
)
from kerasmooth.errors import InputError
from kerasmooth.skeletons import BOULDERING_25, COCO_17, convert

MAX_JSON_BYTES = 64 << 20
"""100,000 frames; the real files have 0.4 kB a frame."""
REMEDY = "restore the file from the BRACE download"

_FRAME_NUMBER = re.compile(r"(?:.*[^0-9])?([0-9]{1,9})(?:\.[A-Za-z]\w*)?", re.ASCII | re.DOTALL)
_SEGMENT_NAME = re.compile(r".+_([0-9]{1,9})-([0-9]{1,9})_([A-Za-z]+)")


@dataclass(frozen=True)
class Brace:
    """Reads `raw_dir/dataset/<year>/<video>/<video>_<start>-<end>_<movement>.json`; a gap in the frames starts a clip.

    - Frames in `raw_dir/manual_keypoints/<year>/<video>/` (`img-<frame>.npz` or `<video>_<frame>.npz`) replace the
      automatic ones of the same number; they fill no gap. Their third column means nothing (BRACE says so).
    - A keypoint at (0, 0), or an automatic one with score 0, is not annotated. A frame without `keypoints` ([] or
      null) has none.
    - Boxes are the published ones: around all visible keypoints, the eyes too; in manual frames around those inside
      the image only. A keypoint outside the grid of its box is not visible. The eyes are then dropped.
    - `videos_info.csv`, `segments.csv` and `sequences_{train,test}.csv` are read where they are present, in `raw_dir`
      or `raw_dir/annotations`.

    A video id keeps all years together in a split by video: the same id is the same series.

    Attributes:
      raw_dir: folder that holds `dataset/`.
      size: (height, width) of the heatmap grid that the boxes are for.

    Reference: Moltisanti et al., BRACE: The Breakdancing Competition Dataset for Dance Motion Synthesis, ECCV 2022.
    """

    raw_dir: Path
    size: Size = (56, 56)

    name: ClassVar[str] = "brace"
    licence: ClassVar[str] = "that of https://github.com/dmoltisanti/brace; the authors ask for citation"
    citation: ClassVar[str] = (
        "D. Moltisanti, J. Wu, B. Dai, C. C. Loy: BRACE: The Breakdancing Competition Dataset for Dance Motion "
        "Synthesis, ECCV 2022"
    )
    obtain: ClassVar[str] = (
        "get dataset.zip, manual_keypoints.zip, annotations/ and videos_info.csv from "
        "https://github.com/dmoltisanti/brace, unpack them into one folder and pass it"
    )

    def list_sources(self) -> list[str]:
        sources = list_files(Path(self.raw_dir), "dataset", "**/*.json", self.obtain)
        _ = self._tables  # A malformed table concerns every file: say so before the work starts.
        return sources

    def read(self, source: str) -> ReadResult:
        path = Path(self.raw_dir) / source
        if len(Path(source).parts) != 4:
            raise malformed(path, "path", "be dataset/<year>/<video>/<name>.json", shown(source), self.obtain)
        year, video = Path(source).parts[1:3]
        frame_numbers, keypoints = _automatic(path)
        visibility = (keypoints[..., 2] > 0) & np.any(keypoints[..., :2] != 0, axis=-1)
        check_positions(path, "keypoints", keypoints[..., :2], visibility, REMEDY)
        info = self._tables.videos.get((video, year), VideoInfo())
        boxed = visibility.copy()
        for frame, positions in self._manual(year, video, frame_numbers).items():
            keypoints[frame, :, :2] = positions
            visibility[frame] = np.any(positions != 0, axis=-1)
            boxed[frame] = visibility[frame] & _inside_image(positions, info.image_size)
        segment = self._segment(path, video, year, frame_numbers)
        whole = PoseClipParts(keypoints[..., :2], visibility, boxed, frame_numbers)
        split = self._tables.official_splits.get(segment.sequence, "")
        clips = [
            PoseClip(
                clip_id="/".join([self.name, year, video, path.stem, *suffix]),
                video_id=f"{self.name}/{video}",
                image_size=info.image_size,
                fps=info.fps,
                label=segment.label,
                official_split=split,
                **arrays,
            )
            for suffix, arrays in whole.stretches(self.size)
        ]
        return ReadResult(clips)
