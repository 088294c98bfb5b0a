"""Penn Action: 2,326 clips of 15 actions, 13 joints labelled by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.datasets.dataset_reader import DatasetReader, RawFiles, ReadResult, option
from kerasmooth.datasets.mat_file import read_mat
from kerasmooth.datasets.published_boxes import in_grid, published_boxes
from kerasmooth.datasets.raw_files import (
    MAX_COORDINATE,
    check_numbers,
    check_positions,
    list_files,
    malformed,
    shown,
)
from kerasmooth.sample.penn_action_files import penn_action_files
from kerasmooth.skeletons import BOULDERING_25, PENN_ACTION_13, Skeleton, convert

PUBLISHED_ACTIONS = ("baseball_pitch", "bench_press")
INTENDED_ACTIONS = (*PUBLISHED_ACTIONS, "situp")
SELECTIONS: dict[str, tuple[str, ...] | None] = {
    "published": PUBLISHED_ACTIONS,
    "intended": INTENDED_ACTIONS,
    "all": None,
}
"""Actions by selection; None is every action. The study wanted sit-ups too, but looked for another spelling."""

OCCLUDED = ("drop", "keep")
FIELDS = ("action", "x", "y", "visibility", "train", "dimensions", "nframes")
REMEDY = "restore the file from the Penn Action download"


@dataclass(frozen=True)
class PennAction(DatasetReader):
    """Reads `raw_dir/labels/<number>.mat`; one clip a file, frames numbered from 1 as its images are.

    - A joint counts as visible where its `visibility` flag is set. Where it is not, the position is the guess of an
      annotator (`occluded`) or a mark for "not annotated" (x == y < 2, the rescaled pixel (1, 1)), which is never a
      position, even if the flag were set.
    - Four files (0979, 1021, 1024, 1032) have visible joints far beyond their `dimensions`, which are wrong: the
      joints are kept, and `image_size` is None.
    - Boxes are the published ones, around the joints whose flag is set; a frame with fewer than two has none. A joint
      outside the grid of its box is not visible. `bbox`, which has faults of its own, is not read, and neither is the
      value of `nframes`, which may have overflowed.

    Attributes:
      raw_dir: folder that holds `labels/`.
      actions: "published" (307 clips), "intended" (407 clips: with situp) or "all"; frames of other actions are
        dropped as `other_action`.
      occluded: "drop" discards joints whose flag is not set, as the thesis says; "keep" counts them as visible where
        they lie in the grid, as the published code does.
      size: (height, width) of the heatmap grid that the boxes are for.

    Reference: Zhang, Zhu, Derpanis, From Actemes to Action, ICCV 2013.
    """

    actions: str = option("intended", tuple(SELECTIONS), "which actions to take")
    occluded: str = option("drop", OCCLUDED, "occluded joints; the published code keeps them")
    size: Size = (56, 56)

    name: ClassVar[str] = "penn_action"
    licence: ClassVar[str] = "no licence stated; free for research, the authors ask for citation"
    citation: ClassVar[str] = (
        "W. Zhang, M. Zhu, K. Derpanis: From Actemes to Action: A Strongly-supervised Representation for Detailed "
        "Action Understanding, ICCV 2013"
    )
    obtain: ClassVar[str] = (
        "get Penn_Action.tar.gz from http://dreamdragon.github.io/PennAction/ and pass the folder that holds labels/"
    )
    skeleton: ClassVar[Skeleton] = PENN_ACTION_13
    constant_shift: ClassVar[bool] = True
    raw_files: ClassVar[RawFiles | None] = staticmethod(penn_action_files)

    def list_sources(self) -> list[str]:
        return list_files(Path(self.raw_dir), "labels", "*.mat", self.obtain)

    def read(self, source: str) -> ReadResult:
        path = Path(self.raw_dir) / source
        fields = read_mat(path, FIELDS, REMEDY)
        action = _action(path, fields["action"])
        split = _official_split(path, fields["train"])
        image_size = _image_size(path, fields["dimensions"])
        keypoints, annotated, visibility = _keypoints(path, fields)
        frames = len(keypoints)
        wanted = SELECTIONS[self.actions]
        if wanted is not None and action not in wanted:
            return ReadResult([], {"other_action": frames})
        beyond = np.any(keypoints[visibility] > image_size[::-1])
        frame_boxes = published_boxes(keypoints, visibility, self.size)
        if self.occluded == "keep":
            visibility = annotated & boxes.has_area(frame_boxes)[:, None]
        visibility = visibility & in_grid(keypoints, frame_boxes, self.size)
        keypoints = np.where(visibility[..., None], keypoints, 0.0)
        clip_id = f"{self.name}/{path.stem}"
        clip = PoseClip(
            clip_id=clip_id,
            video_id=clip_id,
            keypoints=convert(keypoints, PENN_ACTION_13, BOULDERING_25, 0.0),
            visibility=convert(visibility, PENN_ACTION_13, BOULDERING_25, False),
            boxes=frame_boxes,
            frame_numbers=np.arange(1, frames + 1, dtype=np.int64),
            image_size=None if beyond else image_size,
            label=action,
            official_split=split,
        )
        return ReadResult([clip])


def _keypoints(path: Path, fields: Mapping[str, object]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints float64 [T, 13, 2], 0 where not annotated; which are annotated, and visible besides: bool [T, 13]."""
    joints = PENN_ACTION_13.num_keypoints
    x = check_numbers(path, "x", fields["x"], (None, joints), REMEDY)
    y = check_numbers(path, "y", fields["y"], (len(x), joints), REMEDY)
    flags = check_numbers(path, "visibility", fields["visibility"], (len(x), joints), REMEDY)
    unknown = (flags != 0) & (flags != 1)
    if unknown.any():
        raise malformed(path, "visibility", "be 0 or 1", f"{flags[unknown][0]}", REMEDY)
    believable = (np.abs(x) <= MAX_COORDINATE) & (np.abs(y) <= MAX_COORDINATE)
    mark = (x == y) & (x >= 0) & (x < 2)
    visibility = (flags == 1) & ~mark
    check_positions(path, "x", x, visibility, REMEDY)
    check_positions(path, "y", y, visibility, REMEDY)
    annotated = believable & ~mark
    return np.where(annotated[..., None], np.stack([x, y], axis=-1), 0.0), annotated, visibility


def _action(path: Path, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise malformed(path, "action", "be one printable text", shown(value), REMEDY)
    return value.strip()


def _official_split(path: Path, value: object) -> str:
    flag = check_numbers(path, "train", value, (1, 1), REMEDY).item()
    if flag not in (1, -1):
        raise malformed(path, "train", "be 1 or -1", f"{flag}", REMEDY)
    return "train" if flag == 1 else "test"


def _image_size(path: Path, value: object) -> Size:
    """(height, width): `dimensions` is rows, columns, frames; the last may have overflowed and is not used."""
    rows, columns, _ = check_numbers(path, "dimensions", value, (1, 3), REMEDY)[0]
    if not (1 <= rows <= MAX_COORDINATE and 1 <= columns <= MAX_COORDINATE):
        raise malformed(path, "dimensions", "be positive numbers of pixels", f"{rows} x {columns}", REMEDY)
    return int(rows), int(columns)
