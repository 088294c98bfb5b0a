"""What is kept of a finished run: one small JSON file, from which the report is made without records or weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kerasmooth import __version__, files
from kerasmooth.errors import InputError
from kerasmooth.evaluation.results import Scores, Shares
from kerasmooth.noise import PUBLISHED
from kerasmooth.settings import Settings
from kerasmooth.training.config import TrainingConfig

PLACES = (
    *("runs_dir", "run_name", "records_dir", "finetune_from", "checkpoint_seconds", "checkpoint_steps"),
    *("verify_records", "worker_timeout"),
)
"""Settings that say where and how safely a run is made, and not what it is."""


class Training(Settings):
    """How a run was trained.

    Attributes:
      epochs, best_epoch: counted from 1.
      windows: training windows that it saw, repeats counted, and until its best epoch.
      windows_to_best: those until its best epoch.
      minutes: of wall time.
      ended: why it stopped.
      history: name -> a value for each epoch.
    """

    epochs: int
    best_epoch: int
    windows: int
    windows_to_best: int
    minutes: float
    ended: str
    history: dict[str, Shares]


class Result(Scores):
    """Scores of a run, or of all that needs no training, in one cell of the grid; rows of a run are its own by decoder
    and `identity`.

    Attributes:
      schema_version: of this format.
      name: of the run, and of its file.
      table: which table of the report it is for.
      smoother: its row there, runs that differ in seed only share it; "" of baselines.
      scalar, experiment, seed: of the grid; experiment may be "".
      config: settings of the run, by their flags.
      records: fingerprint of the records.
      kerasmooth: version of the package.
      training: None of baselines.
    """

    schema_version: Literal[1] = 1
    name: str
    table: str
    smoother: str
    scalar: float
    experiment: str
    seed: int
    config: dict[str, Any]
    records: str
    kerasmooth: str = __version__
    training: Training | None

    @property
    def cell(self) -> str:
        """The study's name of the column, such as "1.3"."""
        return f"{self.scalar:g}.{self.experiment}".rstrip(".")

    def save(self, folder: Path) -> Path:
        """Writes <folder>/<name>.json whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        files.write_text(path, self.to_json(indent=1))
        return path


def load_results(folder: Path, table: str = "*") -> list[Result]:
    """All results, <folder>/<table>/<name>.json, or those of a table. Raises InputError where one is damaged."""
    return [
        Result.from_json(path.read_bytes(), str(path), "remove it, and the study makes it again")
        for path in sorted(folder.glob(f"{table}/*.json"))
    ]


def finished(path: Path, config: Mapping[str, Any], records: str) -> Result | None:
    """The result in a file; None where there is none.

    A setting that came later than the file has its default there, which is what was done before there was that setting.

    Raises:
      InputError: it is of other records, of another version of the package or of other settings.
    """
    if not path.exists():
        return None
    remedy = "remove it, and the study makes it again"
    result = Result.from_json(path.read_bytes(), str(path), remedy)
    if result.records != records:
        raise InputError(f"{path} is of other records: {remedy}, or name another --results_dir")
    if result.kerasmooth != __version__:
        raise InputError(f"{path} was made by kerasmooth {result.kerasmooth}, this is {__version__}: {remedy}")
    defaults = TrainingConfig().model_dump(mode="json")
    wanted, made_with = _complete(dict(config), defaults), _complete(result.config, defaults)
    if changed := sorted(k for k in {*wanted, *made_with} if wanted.get(k) != made_with.get(k)):
        raise InputError(f"{path} was made with other settings ({', '.join(changed)}): {remedy}, or change them back")
    return result


def _complete(config: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Settings with the defaults of those that are missing, but for settings that decide no score."""
    complete = defaults | config
    for name in {"noise_profile", "judged_noise_profile"} & set(complete):
        complete[name] = PUBLISHED.model_dump(mode="json") | complete[name]
    return {name: value for name, value in complete.items() if name not in PLACES}
