"""BRACE: breakdance, 17 COCO keypoints a frame; automatic annotations and manual corrections of outliers."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.datasets.brace_frames import find_manual, read_automatic, read_manual
from kerasmooth.datasets.brace_tables import BraceTables, Segment, VideoInfo, read_tables
from kerasmooth.datasets.dataset_reader import DatasetReader, RawFiles, ReadResult
from kerasmooth.datasets.published_boxes import in_grid, published_boxes
from kerasmooth.datasets.raw_files import list_files, malformed, shown
from kerasmooth.sample.brace_files import brace_files
from kerasmooth.skeletons import BOULDERING_25, COCO_17, Skeleton, convert

# <video>_<first frame>-<last frame>_<movement>
_SEGMENT_NAME = re.compile(r".+_([0-9]{1,9})-([0-9]{1,9})_([A-Za-z]+)")


@dataclass(frozen=True)
class Brace(DatasetReader):
    """Reads `raw_dir/dataset/<year>/<video>/<video>_<first>-<last>_<movement>.json`; a gap in the frames cuts it.

    - Frames in `raw_dir/manual_keypoints/<year>/<video>/` (`img-<frame>.npz` or `<video>_<frame>.npz`) replace the
      automatic ones of the same number; they fill no gap. Their third column means nothing (BRACE's README says so).
    - A keypoint at (0, 0), or an automatic one with score 0, is not annotated. A frame without `keypoints` ([] or
      null) has none.
    - Boxes are the published ones: around all visible keypoints, the eyes too; in manual frames around those inside
      the image only. A keypoint outside the grid of its box is not visible. The eyes are then dropped.
    - `videos_info.csv`, `segments.csv` and `sequences_{train,test}.csv` are read where they are present, in `raw_dir`
      or `raw_dir/annotations`.

    `video_id` has no year: a split by video keeps all recordings of one series together.

    Attributes:
      raw_dir: folder that holds `dataset/`.
      size: (height, width) of the heatmap grid that the boxes are for.

    Reference: Moltisanti et al., BRACE: The Breakdancing Competition Dataset for Dance Motion Synthesis, ECCV 2022.
    """

    size: Size = (56, 56)

    name: ClassVar[str] = "brace"
    licence: ClassVar[str] = "none stated; the authors (https://github.com/dmoltisanti/brace) ask for citation"
    citation: ClassVar[str] = (
        "D. Moltisanti, J. Wu, B. Dai, C. C. Loy: BRACE: The Breakdancing Competition Dataset for Dance Motion "
        "Synthesis, ECCV 2022"
    )
    obtain: ClassVar[str] = (
        "get dataset.zip, manual_keypoints.zip, annotations/ and videos_info.csv from "
        "https://github.com/dmoltisanti/brace, unpack them into one folder and pass it"
    )
    skeleton: ClassVar[Skeleton] = COCO_17
    raw_files: ClassVar[RawFiles | None] = staticmethod(brace_files)

    def list_sources(self) -> list[str]:
        sources = list_files(Path(self.raw_dir), "dataset", "**/*.json", self.obtain)
        _ = self._tables  # A malformed table concerns every file: say so before the work starts.
        return sources

    def read(self, source: str) -> ReadResult:
        path = Path(self.raw_dir) / source
        if len(Path(source).parts) != 4:
            raise malformed(path, "path", "be dataset/<year>/<video>/<name>.json", shown(source), self.obtain)
        year, video = Path(source).parts[1:3]
        info = self._tables.videos.get((video, year), VideoInfo())
        numbers, keypoints, visibility = read_automatic(path)
        boxed = visibility.copy()
        manual = find_manual(Path(self.raw_dir) / "manual_keypoints" / year / video)
        for i in np.flatnonzero(np.isin(numbers, list(manual))):
            keypoints[i], visibility[i] = read_manual(manual[numbers[i]])
            boxed[i] = visibility[i] & _inside_image(keypoints[i], info.image_size)
        frame_boxes = published_boxes(keypoints, boxed, self.size)
        visibility &= in_grid(keypoints, frame_boxes, self.size)
        keypoints = convert(np.where(visibility[..., None], keypoints, 0.0), COCO_17, BOULDERING_25, 0.0)
        visibility = convert(visibility, COCO_17, BOULDERING_25, False)
        segment = self._segment(video, year, path.stem, numbers)
        runs = _consecutive(numbers)
        return ReadResult(
            [
                PoseClip(
                    clip_id=f"{self.name}/{year}/{video}/{path.stem}" + f"/{numbers[part][0]}" * (len(runs) > 1),
                    video_id=f"{self.name}/{video}",
                    keypoints=keypoints[part],
                    visibility=visibility[part],
                    boxes=frame_boxes[part],
                    frame_numbers=numbers[part],
                    image_size=info.image_size,
                    fps=info.fps,
                    label=segment.label,
                    official_split=self._tables.official_splits.get(segment.sequence, ""),
                )
                for part in runs
            ]
        )

    @cached_property
    def _tables(self) -> BraceTables:
        return read_tables(Path(self.raw_dir))

    def _segment(self, video: str, year: str, stem: str, numbers: np.ndarray) -> Segment:
        """Label and sequence of a file: its name says the movement, `segments.csv` the rest."""
        first, last, label = int(numbers[0]), int(numbers[-1]), ""
        if match := _SEGMENT_NAME.fullmatch(stem):
            first, last, label = int(match[1]), int(match[2]), match[3]
        segment = self._tables.segments.get((video, year, first, last), Segment((video, -1), ""))
        return Segment(segment.sequence, label or segment.label)


def _inside_image(keypoints: np.ndarray, image_size: Size | None) -> np.ndarray:
    """bool [K]: the keypoints [K, 2] lie in the image (height, width); all do where the size is unknown."""
    if image_size is None:
        return np.ones(len(keypoints), bool)
    return np.all((keypoints >= 0) & (keypoints < image_size[::-1]), axis=-1)


def _consecutive(numbers: np.ndarray) -> list[slice]:
    """Slices of consecutive frames in the increasing frame numbers [T]."""
    cuts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    return [slice(start, stop) for start, stop in pairwise(cuts)]
