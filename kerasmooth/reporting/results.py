"""What is kept of a finished run: one small JSON file, from which the report is made without records or weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kerasmooth import __version__, files
from kerasmooth.errors import InputError
from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.predictor import Row
from kerasmooth.evaluation.scores import Accuracies
from kerasmooth.reporting.breakdown import Breakdown
from kerasmooth.settings import Settings

Shares = tuple[float | None, ...]
"""PCK at the published thresholds, or along a curve, as shares; None where nothing was judged."""


class Example(Settings):
    """A keypoint of one video that moves much: what was annotated, y in image pixels; None where it is not visible."""

    video: str
    keypoint: str
    truth: Shares


class RowResult(Settings):
    """One row of a table on the test split.

    Attributes:
      kind, settings: see `evaluation.predictor.Row`.
      windows: PCK by space over every frame of every window; None of filters, which smooth whole tracks.
      tracks: PCK by space, every frame once.
      by_keypoint: PCK in cells of the tracks by the name of a pair.
      curve: PCK in cells of the tracks at `evaluation.scores.CURVE_THRESHOLDS`.
      acceleration, acceleration_error: of the tracks, in px/frame^2.
      by_speed, by_gap: mean error of the tracks in torso diameters, see `breakdown`.
      example: a keypoint over a few seconds, y in image pixels, see `Example`.
      videos: keypoints within the published shares, and keypoints judged, by video, of the tracks in cells.
    """

    kind: str
    settings: str = ""
    windows: dict[str, Shares] | None
    tracks: dict[str, Shares]
    by_keypoint: dict[str, Shares]
    curve: Shares
    acceleration: float | None
    acceleration_error: float | None
    by_speed: Shares
    by_gap: Shares
    example: Shares
    videos: dict[str, tuple[int, ...]]


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


class Result(Settings):
    """Scores of a run, or of all that needs no training, in one cell of the grid.

    Attributes:
      schema_version: of this format.
      name: of the run, and of its file.
      table: which table of the report it is for.
      smoother: its row there, runs that differ in seed only share it; "" of baselines.
      scalar, experiment, seed: of the grid; experiment may be "".
      config: settings of the run, by their flags.
      records: fingerprint of the records.
      kerasmooth: version of the package.
      split, num_windows: what was judged.
      judged, published_judged: share of frames in windows that PCK judged, by either rule.
      bound: see `evaluation.bound`.
      example: what the examples of the rows are of.
      rows: by name; a run has its own, by decoder, beside `identity`.
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
    split: str
    num_windows: int
    judged: float | None
    published_judged: float | None
    bound: Shares | None
    example: Example
    rows: dict[str, RowResult]
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


def load_results(folder: Path) -> list[Result]:
    """All results in a folder and below, by name. Raises InputError where one is damaged."""
    return [
        Result.from_json(path.read_bytes(), str(path), "remove it, and the study makes it again")
        for path in sorted(folder.rglob("*.json"))
    ]


def finished(path: Path, config: Mapping[str, Any], records: str) -> Result | None:
    """The result in a file; None where there is none.

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
    if changed := sorted(k for k in {*config, *result.config} if config.get(k) != result.config.get(k)):
        raise InputError(f"{path} was made with other settings ({', '.join(changed)}): {remedy}, or change them back")
    return result


def described_rows(evaluation: Evaluation) -> dict[str, Any]:
    """`rows` and `example` of a result."""
    tracks = [track for of_dataset in evaluation.tracks.values() for track in of_dataset]
    breakdown = Breakdown(tracks, evaluation.rows[0].name)
    video, keypoint = breakdown.example_of
    example = Example(video=video, keypoint=keypoint, truth=shares(breakdown.example("", evaluation.setting.size)))
    return {"rows": {row.name: _row_result(evaluation, row, breakdown) for row in evaluation.rows}, "example": example}


def _row_result(evaluation: Evaluation, row: Row, breakdown: Breakdown) -> RowResult:
    score, counts = evaluation.total(row.name), evaluation.by_video(row.name)
    cells = score.tracks["cells"]
    return RowResult(
        kind=row.kind,
        settings=row.settings,
        windows=None if score.windows is None else _spaces(score.windows),
        tracks=_spaces(score.tracks),
        by_keypoint={name: shares(values) for name, values in cells.pck_by_name().items()},
        curve=shares(cells.curve.total()),
        acceleration=shares([score.jitter.predicted.mean()])[0],
        acceleration_error=shares([score.jitter.error.mean()])[0],
        by_speed=shares(breakdown.by_speed(row.name)),
        by_gap=shares(breakdown.by_gap(row.name)),
        example=shares(breakdown.example(row.name, evaluation.setting.size)),
        videos={
            video: (*map(int, hits), int(total))
            for video, hits, total in zip(counts.videos, counts.hits, counts.totals, strict=True)
        },
    )


def shares(values: Any) -> Shares:
    """Plain numbers of six digits behind the point, None for NaN."""
    return tuple(round(float(value), 6) if np.isfinite(value) else None for value in values)


def _spaces(accuracies: Accuracies) -> dict[str, Shares]:
    return {space: shares(accuracy.pck()) for space, accuracy in accuracies.items()}
