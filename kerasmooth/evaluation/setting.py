"""What a table judges on: records, a split of them, and the simulated detector."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kerasmooth.boxes import Size
from kerasmooth.datasets import Sample
from kerasmooth.errors import InputError
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.record_sets import RecordSets, resolve_datasets
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import simulated_detector


@dataclass(frozen=True)
class Setting:
    """What must be equal for models to stand in one table.

    Attributes:
      records_dir, datasets, split: the windows.
      window, size, frame_step: what they are like.
      noise: the simulated detector; the default where a real one made heatmaps, as nothing is simulated then.
    """

    records_dir: str
    datasets: tuple[str, ...]
    split: str
    window: int
    size: Size
    frame_step: int
    noise: DetectorNoise

    def records(self) -> RecordSets:
        """Those of the datasets."""
        return RecordSets(self.records_dir, self.datasets)

    @property
    def is_sample(self) -> bool:
        """Whether any of the windows are of the generated person."""
        return Sample.name in self.datasets


def setting_of(
    config: TrainingConfig, *, records_dir: str = "", datasets: Sequence[str] = (), split: str = "test"
) -> Setting:
    """What a run of these settings is judged on: the records it was trained from, unless others are named.

    Raises:
      InputError: there are no such records, they have no such split, or they do not fit the model.
    """
    folder = records_dir or config.records_dir
    names = resolve_datasets(folder, datasets or config.datasets, config.frame_step)
    records = RecordSets(folder, names)
    for what in ("window", "size", "frame_step"):
        received, expected = getattr(records, what), getattr(config, what)
        if received != expected:
            raise InputError(
                f"the records of {', '.join(names)} in {folder} have {what} {received}, but {config.run_dir} was "
                f"trained with {expected}: name the records it was trained from by --records_dir, or make such"
            )
    records.check_split(split)
    # Evaluation's noise is that of epoch 0 whether training's is fresh or not.
    noise = DetectorNoise() if records.heatmaps == "detector" else replace(simulated_detector(config), fresh=True)
    return Setting(str(folder), names, split, records.window, records.size, records.frame_step, noise)
