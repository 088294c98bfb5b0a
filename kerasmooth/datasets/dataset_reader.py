"""What a dataset says of itself, and what a reader of its raw files gives."""

import abc
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from kerasmooth import splits
from kerasmooth.clip import PoseClip
from kerasmooth.skeletons import BOULDERING_25, Skeleton, index_map

RawFiles = Callable[[int, int, int], Iterator[tuple[str, bytes]]]
"""(num_videos, frames_per_video, seed) -> (relative path, content) of generated files."""


@dataclass(frozen=True, eq=False)
class ReadResult:
    """What one raw file holds.

    Attributes:
      clips: segments of consecutive frames; several where the frame numbers jump, none if nothing is usable.
      dropped: number of frames that are in no clip, by reason.
    """

    clips: list[PoseClip]
    dropped: dict[str, int] = field(default_factory=dict)


def option(default: str, choices: tuple[str, ...], text: str) -> Any:
    """A field of a reader that its user may choose; `text` is its help."""
    return field(default=default, metadata={"choices": choices, "text": text})


@dataclass(frozen=True)
class DatasetReader(abc.ABC):
    """Base of readers: raw files of one dataset -> `PoseClip`. A frozen dataclass, which can be pickled.

    `datasets.register` makes a reader known by its name; records, training and evaluation ask it for all else.

    Attributes:
      raw_dir: folder of the raw files.
      name: of the dataset, the first part of its clip and video ids.
      licence: terms of the data, in a line.
      citation: what to cite.
      obtain: how to get the data, and the layout that `raw_dir` must have.
      skeleton: what it annotates; clips hold these keypoints in BOULDERING_25's order, the others never visible.
      purpose: "pretraining" datasets are what `--datasets=auto` takes, else the "sample"; "finetuning" ones are asked
        for by name.
      has_detector: clips hold a detector's heatmaps. Otherwise the reader has a field `size`, the grid of its boxes.
      constant_shift: the published code drew one noise shift for a whole clip of it (`--constant_shift`).
      default_split: the rule of `--splits` unless it is given.
      published_split: the rule "published", (clips, span of a window) -> plan.
      raw_files: generates raw files in its layout for tests and the sample; None where nobody wrote that.
    """

    raw_dir: Path

    name: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]
    obtain: ClassVar[str]
    skeleton: ClassVar[Skeleton]
    purpose: ClassVar[Literal["pretraining", "finetuning", "sample"]] = "pretraining"
    has_detector: ClassVar[bool] = False
    constant_shift: ClassVar[bool] = False
    default_split: ClassVar[str] = "video"
    published_split: ClassVar[splits.Rule] = staticmethod(splits.published)
    raw_files: ClassVar[RawFiles | None] = None

    def __post_init__(self) -> None:
        for name, choices in self.options().items():
            if getattr(self, name) not in choices.metadata["choices"]:
                allowed = choices.metadata["choices"]
                raise ValueError(f"{name} must be one of {allowed}. Received: {name}={getattr(self, name)!r}")

    @classmethod
    def options(cls) -> dict[str, "dataclasses.Field[Any]"]:
        """The fields that were made by `option`, by name."""
        return {each.name: each for each in dataclasses.fields(cls) if "choices" in each.metadata}

    @classmethod
    def annotated(cls) -> tuple[str, ...]:
        """Names of the keypoints of BOULDERING_25 that the dataset annotates."""
        known = index_map(cls.skeleton, BOULDERING_25) >= 0
        return tuple(name for name, is_known in zip(BOULDERING_25.keypoints, known, strict=True) if is_known)

    @abc.abstractmethod
    def list_sources(self) -> list[str]:
        """Sorted paths, relative to `raw_dir`, of the files to `read`. Raises InputError if the layout is not there."""

    @abc.abstractmethod
    def read(self, source: str) -> ReadResult:
        """Reads one of `list_sources`. Raises InputError, one line, if the file is malformed."""


DATASETS: dict[str, type[DatasetReader]] = {}
"""Readers by the name of their dataset: `DATASETS[name](raw_dir, **options)`."""


def register(reader: type[DatasetReader]) -> type[DatasetReader]:
    """Makes a dataset known by its name; a decorator of readers, also of those outside this package."""
    DATASETS[reader.name] = reader
    return reader
