"""manifest.json: what a folder of records holds. Written last, so that a folder with a manifest is whole."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.skeletons import BOULDERING_25

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
ENCODINGS = ("keypoints", "dense")
COMPRESSIONS = ("none", "GZIP")
HEATMAP_SOURCES = ("none", "detector", "simulated")
MAKE = "make the records with python tools/make_records.py"
REMAKE = "make the records again with python tools/make_records.py --overwrite"


@dataclass(frozen=True)
class Shard:
    """One TFRecord file: its name, split, number of windows, size in bytes and SHA-256."""

    name: str
    split: str
    windows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What one folder of records holds.

    Attributes:
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
      skipped_files: bad raw files that `--skip_bad` passed over.
      shards: the files, in reading order.
      flags: what the records were made with; the same flags on the same raw files make the same bytes.
      licence, citation: of the dataset.
      skeleton, keypoints: name of the skeleton, and its keypoints in index order.
      tool_version: the version of kerasmooth that wrote the records.
      schema_version: the version of this format.
    """

    dataset: str
    window: int
    frame_step: int
    stride: int
    size: Size
    encoding: str
    compression: str
    heatmaps: str
    clips: dict[str, int]
    frames: dict[str, int]
    windows: dict[str, int]
    dropped: dict[str, int]
    dropped_windows: dict[str, int]
    shards: tuple[Shard, ...]
    flags: dict[str, object]
    licence: str
    citation: str
    tool_version: str
    skipped_files: tuple[str, ...] = ()
    skeleton: str = BOULDERING_25.name
    keypoints: tuple[str, ...] = BOULDERING_25.keypoints
    schema_version: int = SCHEMA_VERSION

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

    def to_json(self) -> str:
        """Text; the manifests of equal records are equal bytes."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_manifest(folder: Path | str) -> Manifest:
    """Reads `<folder>/manifest.json`.

    Raises:
      InputError: there are no records, the file is damaged, or another schema version wrote it.
    """
    path = Path(folder) / MANIFEST_NAME
    try:
        values = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file, so no finished records here: {MAKE}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}): {REMAKE}") from None
    try:
        return manifest_from(values)
    except ValueError as error:
        raise InputError(f"{path}: {error}: {REMAKE}") from None


def manifest_from(values: object) -> Manifest:
    """A manifest from parsed JSON. Raises ValueError naming the first field that does not fit."""
    if not isinstance(values, dict):
        raise ValueError(f"must hold a mapping of fields, received {type(values).__name__}")
    version = values.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}, received {version!r}")
    _check_fields(values, _MANIFEST_FIELDS)
    for shard in values["shards"]:
        _check_fields(shard, _SHARD_FIELDS, "shards: ")
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    manifest = Manifest(**values | lists | {"shards": tuple(Shard(**shard) for shard in values["shards"])})
    if strange := {shard.split for shard in manifest.shards} - set(manifest.windows):
        raise ValueError(f"shards: split must be one of {list(manifest.windows)}, received {sorted(strange)}")
    for split, windows in manifest.windows.items():
        if sum(shard.windows for shard in manifest.shards_of(split)) != windows:
            raise ValueError(f"windows of {split} must be the sum over its shards, received {windows}")
    return manifest


def _check_fields(values: object, fields: "Mapping[str, _Kind]", where: str = "") -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{where}must be a mapping, received {values!r}")
    if unknown := sorted(set(values) - set(fields)):
        raise ValueError(f"{where}unknown fields {unknown}")
    if missing := sorted(set(fields) - set(values)):
        raise ValueError(f"{where}missing fields {missing}")
    for name, kind in fields.items():
        if not kind.fits(values[name]):
            raise ValueError(f"{where}{name} must be {kind.words}, received {values[name]!r}")


class _Kind(NamedTuple):
    """What a field of the JSON must be: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list_of(value: object, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(fits(item) for item in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _one_of(*words: str) -> _Kind:
    return _Kind(f"one of {words}", lambda value: value in words)


_TEXT = _Kind("text", _is_text)
_AT_LEAST_ONE = _Kind("a whole number from 1", lambda value: _is_count(value) and value >= 1)
_COUNTS = _Kind(
    "a mapping to whole numbers from 0", lambda value: isinstance(value, dict) and all(map(_is_count, value.values()))
)
_MANIFEST_FIELDS = {
    "dataset": _TEXT,
    "window": _AT_LEAST_ONE,
    "frame_step": _AT_LEAST_ONE,
    "stride": _AT_LEAST_ONE,
    "size": _Kind("[height, width] from 2", lambda v: _is_list_of(v, _is_count) and len(v) == 2 and min(v) >= 2),
    "encoding": _one_of(*ENCODINGS),
    "compression": _one_of(*COMPRESSIONS),
    "heatmaps": _one_of(*HEATMAP_SOURCES),
    "clips": _COUNTS,
    "frames": _COUNTS,
    "windows": _COUNTS,
    "dropped": _COUNTS,
    "dropped_windows": _COUNTS,
    "shards": _Kind("a list", lambda value: isinstance(value, list)),
    "flags": _Kind("a mapping", lambda value: isinstance(value, dict)),
    "licence": _TEXT,
    "citation": _TEXT,
    "tool_version": _TEXT,
    "skipped_files": _Kind("a list of texts", lambda value: _is_list_of(value, _is_text)),
    "skeleton": _one_of(BOULDERING_25.name),
    "keypoints": _Kind("the names of " + BOULDERING_25.name, lambda value: value == list(BOULDERING_25.keypoints)),
    "schema_version": _AT_LEAST_ONE,
}
_SHARD_FIELDS = {
    "name": _Kind("the name of a file", lambda v: _is_text(v) and v.endswith(".tfrecord") and not set(v) & set("/\\")),
    "split": _TEXT,
    "windows": _AT_LEAST_ONE,
    "bytes": _AT_LEAST_ONE,
    "sha256": _TEXT,
}
