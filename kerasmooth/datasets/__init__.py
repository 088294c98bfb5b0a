"""Readers of raw datasets: raw files -> `PoseClip`. No TensorFlow here."""

from kerasmooth.datasets.brace import Brace
from kerasmooth.datasets.climbalong import ClimbAlong
from kerasmooth.datasets.dataset_reader import DatasetReader, ReadResult
from kerasmooth.datasets.penn_action import PennAction

DATASETS: dict[str, type[PennAction] | type[Brace] | type[ClimbAlong]] = {
    reader.name: reader for reader in (PennAction, Brace, ClimbAlong)
}
"""Readers by the name of their dataset: `DATASETS[name](raw_dir, **options)`."""

__all__ = ["DATASETS", "Brace", "ClimbAlong", "DatasetReader", "PennAction", "ReadResult"]
