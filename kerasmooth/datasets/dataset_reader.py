"""What a reader of a dataset's raw files is, and what it gives."""

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from kerasmooth.clip import PoseClip
from kerasmooth.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class ReadResult:
    """What one raw file holds.

    Attributes:
      clips: stretches of consecutive frames; several where the frame numbers jump, none if nothing is usable.
      dropped: number of frames that are in no clip, by reason.
    """

    clips: list[PoseClip]
    dropped: dict[str, int] = field(default_factory=dict)


class DatasetReader(Protocol):
    """Raw files of one dataset -> `PoseClip`. Constructed as `Reader(raw_dir, **options)`; readers can be pickled.

    Attributes:
      name: of the dataset, the first part of its clip and video ids.
      licence: terms of the data, in a line.
      citation: what to cite.
      obtain: how to get the data, and the layout that `raw_dir` must have.
      skeleton: what it annotates; clips hold these keypoints in BOULDERING_25's order, the others never visible.
    """

    name: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]
    obtain: ClassVar[str]
    skeleton: ClassVar[Skeleton]

    def list_sources(self) -> list[str]:
        """Sorted paths, relative to `raw_dir`, of the files to `read`. Raises InputError if the layout is not there."""

    def read(self, source: str) -> ReadResult:
        """Reads one of `list_sources`. Raises InputError, one line, if the file is malformed."""
