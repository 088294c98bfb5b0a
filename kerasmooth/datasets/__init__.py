"""Readers of raw datasets: raw files -> `PoseClip`. No TensorFlow here."""

from kerasmooth.datasets.brace import Brace
from kerasmooth.datasets.climbalong import ClimbAlong
from kerasmooth.datasets.dataset_reader import DATASETS, DatasetReader, ReadResult, option, register
from kerasmooth.datasets.penn_action import PennAction
from kerasmooth.datasets.sample import Sample, write_raw

AUTO = ("auto",)
"""In place of names of datasets: every pretraining one that is there, else the sample."""

for _reader in (PennAction, Brace, ClimbAlong, Sample):
    register(_reader)

__all__ = ["AUTO", "DATASETS", "Brace", "ClimbAlong", "DatasetReader", "PennAction", "ReadResult", "Sample"]
__all__ += ["option", "register", "write_raw"]
