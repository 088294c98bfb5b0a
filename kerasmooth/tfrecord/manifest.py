"""manifest.json: what a folder of records holds. Written last, so that a folder with a manifest is whole."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from kerasmooth import storage
from kerasmooth.errors import InputError
from kerasmooth.settings import Settings
from kerasmooth.skeletons import BOULDERING_25

SCHEMA_VERSION: Literal[2] = 2
MANIFEST_NAME = "manifest.json"
Encoding = Literal["keypoints", "dense"]
Compression = Literal["none", "GZIP"]
HeatmapSource = Literal["none", "detector", "simulated"]
MAKE = "make the records with python tools/make_records.py"
REMAKE = "make the records again with python tools/make_records.py --overwrite"

Counts = dict[str, NonNegativeInt]
Cells = Annotated[int, Field(ge=2)]


class Shard(Settings):
    """One TFRecord file: its name, split, number of windows, size in bytes, and SHA-256.

    `largest_record` is in bytes before compression: what memory must hold.
    """

    name: str = Field(pattern=r"^[^/\\]+\.tfrecord$")
    split: str
    windows: PositiveInt
    bytes: PositiveInt
    sha256: str
    largest_record: PositiveInt


class Manifest(Settings):
    """What one folder of records holds.

    Attributes:
      schema_version: the version of this format.
      dataset: its name.
      window: frames in a window, T.
      frame_step: clip frames from one frame of a window to the next.
      stride: clip frames between the starts of neighbouring windows.
      size: (height, width) of the heatmaps in cells.
      encoding: "keypoints", or "dense" where literal heatmaps are stored beside the keypoints.
      compression: of the shards, "none" or "GZIP".
      heatmaps: where the stored input heatmaps come from: "none" (there are none), "detector" or "simulated".
      clips, frames, windows: counts by split. A frame counts even if no window shows it; a clip that the published
        rules cut between two splits counts in both.
      dropped: frames that no window shows, by reason.
      dropped_windows: windows that could be cut but are in no split, by reason.
      annotated: names of the keypoints that the dataset annotates; of others nothing can be learnt from it.
      shards: the files, in reading order.
      flags: what the records were made with; the same flags on the same raw files make the same bytes.
      licence, citation: of the dataset.
      tool_version: the version of kerasmooth that wrote the records.
      skipped_files: bad raw files that `--skip_bad` passed over.
      skeleton, keypoints: name of the skeleton, and its keypoints in index order.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    dataset: str
    window: PositiveInt
    frame_step: PositiveInt
    stride: PositiveInt
    size: tuple[Cells, Cells]
    encoding: Encoding
    compression: Compression
    heatmaps: HeatmapSource
    clips: Counts
    frames: Counts
    windows: Counts
    dropped: Counts
    dropped_windows: Counts
    annotated: tuple[str, ...]
    shards: tuple[Shard, ...]
    flags: dict[str, Any]
    licence: str
    citation: str
    tool_version: str
    skipped_files: tuple[str, ...] = ()
    skeleton: str = BOULDERING_25.name
    keypoints: tuple[str, ...] = BOULDERING_25.keypoints

    @field_validator("skeleton", "keypoints")
    @classmethod
    def _keypoints_are_ours(cls, value: Any) -> Any:
        if value not in (BOULDERING_25.name, BOULDERING_25.keypoints):
            raise ValueError(f"must be those of {BOULDERING_25.name}, got {value}")
        return value

    @model_validator(mode="after")
    def _shards_add_up(self) -> Self:
        if strange := {shard.split for shard in self.shards} - set(self.windows):
            raise ValueError(f"shards: split must be one of {list(self.windows)}, got {sorted(strange)}")
        for split, windows in self.windows.items():
            if sum(shard.windows for shard in self.shards_of(split)) != windows:
                raise ValueError(f"windows of {split} must be the sum over its shards, got {windows}")
        if unknown := set(self.annotated) - set(self.keypoints):
            raise ValueError(f"annotated must be keypoints, got {sorted(unknown)}")
        return self

    @property
    def num_keypoints(self) -> int:
        return len(self.keypoints)

    @property
    def compression_type(self) -> str:
        """What `tf.data.TFRecordDataset(compression_type=...)` wants."""
        return "" if self.compression == "none" else self.compression

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.windows)

    def shards_of(self, split: str) -> tuple[Shard, ...]:
        """The shards of one split, in reading order."""
        return tuple(shard for shard in self.shards if shard.split == split)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_manifest(folder: Path | str) -> Manifest:
    """Reads `<folder>/manifest.json`.

    Raises:
      InputError: there are no records, the file is damaged, or another schema version wrote it.
    """
    path = storage.path(folder) / MANIFEST_NAME
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file, so no finished records here: {MAKE}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): {REMAKE}") from None
    return Manifest.from_json(text, str(path), REMAKE)
