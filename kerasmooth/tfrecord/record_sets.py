"""The records of one or several datasets: which there are, and reading them as one set."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kerasmooth import storage
from kerasmooth.boxes import Size
from kerasmooth.datasets import AUTO, DATASETS
from kerasmooth.errors import InputError
from kerasmooth.tfrecord import reader
from kerasmooth.tfrecord.manifest import MANIFEST_NAME, Manifest, load_manifest


def resolve_datasets(
    records_dir: str | Path,
    datasets: Sequence[str] = AUTO,
    frame_step: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[str, ...]:
    """Names of the record sets to use; one name may come as plain text.

    `auto` is every pretraining dataset that is there, else the sample records, which `say` is told about. Other names
    need records only: whoever made them may know a dataset that is not registered here.

    Raises InputError with the command that makes records where there are none.
    """
    folder = storage.path(records_dir, "records_dir")
    names = (datasets,) if isinstance(datasets, str) else tuple(datasets)
    if names == AUTO:
        names = _present(folder, "pretraining")
        if not names and (names := _present(folder, "sample")):
            say(f"No real dataset in {folder}: using the generated sample records ({folder / names[0]}).")
        if not names:
            command = make_records_command(folder, frame_step)
            raise InputError(f"no records in {folder}: make them first with `{command}`")
    if not names or len(set(names)) < len(names):
        raise InputError(f"--datasets must name each dataset once, got {','.join(names) or 'nothing'!r}")
    for name in names:
        if _has_records(folder, name):
            continue
        if name not in DATASETS:
            raise InputError(f"--datasets: {name!r} is unknown; there are auto, {', '.join(DATASETS)}")
        command = make_records_command(folder, frame_step, name)
        raise InputError(f"no records of {name} in {folder}: make them first with `{command}`")
    return names


def make_records_command(folder: str | Path, frame_step: int = 1, dataset: str = "sample") -> str:
    """The command that makes the records that are missing."""
    words = ["python tools/make_records.py"]
    words += [f"--dataset={dataset} --raw_dir=DIR"] if DATASETS[dataset].purpose != "sample" else []
    words += [f"--frame_step={frame_step}"] if frame_step != 1 else []
    words += [f"--records_dir={folder}"] if str(folder) != "records" else []
    return " ".join(words)


def _present(folder: Path, purpose: str) -> tuple[str, ...]:
    return tuple(name for name, reader in DATASETS.items() if reader.purpose == purpose and _has_records(folder, name))


def _has_records(folder: Path, name: str) -> bool:
    return bool(name) and (folder / name / MANIFEST_NAME).is_file()


class RecordSets:
    """The records of one or several datasets, read as one set.

    Args:
      records_dir: the folder that tools/make_records.py filled.
      datasets: names of the datasets, folders of it.

    Raises:
      InputError: records are absent or damaged, or the datasets' windows do not agree.
    """

    def __init__(self, records_dir: str | Path, datasets: tuple[str, ...]) -> None:
        self.folders = [storage.path(records_dir, "records_dir") / name for name in datasets]
        self.manifests: list[Manifest] = [load_manifest(folder) for folder in self.folders]
        self._checked: set[str] = set()
        for name in ("window", "size", "frame_step", "encoding", "heatmaps", "compression"):
            values = {
                str(folder): getattr(manifest, name)
                for folder, manifest in zip(self.folders, self.manifests, strict=True)
            }
            if len(set(values.values())) > 1:
                raise InputError(f"records of different {name} cannot be trained on together: {values}; make them anew")

    @property
    def window(self) -> int:
        """T, frames in a window."""
        return self.manifests[0].window

    @property
    def size(self) -> Size:
        """(height, width) of the heatmaps."""
        return self.manifests[0].size

    @property
    def frame_step(self) -> int:
        return self.manifests[0].frame_step

    @property
    def heatmaps(self) -> str:
        """Where the stored input heatmaps come from: "none", "detector" or "simulated"."""
        return self.manifests[0].heatmaps

    @property
    def annotated(self) -> tuple[str, ...]:
        """Names of the keypoints that one of the datasets at least annotates."""
        known = {name for manifest in self.manifests for name in manifest.annotated}
        return tuple(name for name in self.manifests[0].keypoints if name in known)

    def num_windows(self, split: str) -> int:
        """Windows of a split over all datasets."""
        return sum(manifest.windows.get(split, 0) for manifest in self.manifests)

    def check_split(self, split: str) -> None:
        """Raises InputError where there is no window of a split."""
        if not self.num_windows(split):
            there = sorted({name for manifest in self.manifests for name, count in manifest.windows.items() if count})
            where = ", ".join(map(str, self.folders))
            raise InputError(f"the records in {where} have no {split} windows; there are {', '.join(there)}")

    def largest_record(self, split: str) -> int:
        """Bytes of the largest record of a split."""
        return max(shard.largest_record for manifest in self.manifests for shard in manifest.shards_of(split))

    def shards(self, split: str, verify: bool = False) -> list[tuple[str, int]]:
        """(path, number of windows) of a split's shards in a fixed order.

        Raises InputError where one is absent or has another size, or, with `verify`, other bytes than it should; this
        is looked at once.
        """
        holders = [(f, m) for f, m in zip(self.folders, self.manifests, strict=True) if m.windows.get(split, 0) > 0]
        if verify or split not in self._checked:
            for folder, _ in holders:
                reader.shard_paths(folder, split, verify)
            self._checked.add(split)
        return [(str(folder / shard.name), shard.windows) for folder, m in holders for shard in m.shards_of(split)]

    @property
    def compression_type(self) -> str:
        """What `tf.data.TFRecordDataset` wants."""
        return self.manifests[0].compression_type

    @property
    def fingerprint(self) -> str:
        """Identifies the records: equal fingerprints are equal bytes."""
        shards = [shard.sha256 for manifest in self.manifests for shard in manifest.shards]
        return hashlib.sha256(" ".join(shards).encode()).hexdigest()

    def parse(self, serialized: Any) -> dict[str, Any]:
        """Serialized windows, string [B] -> a batch."""
        return reader.parse_batch(serialized, self.manifests[0])
