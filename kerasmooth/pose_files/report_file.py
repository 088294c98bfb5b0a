"""The file that --report writes: what was chosen and done, keypoint by keypoint."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.safe_files import write_bytes
from kerasmooth.pose_files.job import Outcome
from kerasmooth.pose_files.person_report import PersonReport, quantiles


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes JSON, an entry an input."""
    text = json.dumps([_as_json(outcome) for outcome in outcomes], indent=1, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.encode())


def _as_json(outcome: Outcome) -> dict[str, Any]:
    """NaN is null."""
    return {
        "input": str(outcome.job.source),
        "unit": outcome.unit,
        "jumps": outcome.jumps,
        "cuts": outcome.cuts,
        "notes": list(outcome.notes),
        "people": [_plain(_person(report)) for report in outcome.reports],
    }


def _person(report: PersonReport) -> dict[str, Any]:
    found = {name: getattr(report, name) for name in ("frames", "replaced", "filled", "left", "removed", "exchanged")}
    found |= {"person": report.name, "frames_added": report.added, "lag_ms": report.lag, "segments": report.segments}
    found |= dict(zip(("jitter_before", "jitter_after"), report.jitter, strict=True))
    for name in ("moved", "moved_of_torso"):
        found[name] = dict(zip(("median", "99_percent"), quantiles(getattr(report, name)), strict=True))
    return found | {"cutoff_limited": list(report.limited)}


def _plain(value: Any) -> Any:
    """Arrays, numbers and dicts of NumPy as those of Python; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()] if value.ndim else _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
