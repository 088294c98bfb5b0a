"""Every filter beside bare SciPy doing the same, and inside `smooth_keypoints`."""

import numpy as np
from benchmarks._one_core import FPS, KEYPOINTS, Way, motion, rates
from benchmarks._smooth_bare import BARE, WEIGHTED

import kerasmooth
from kerasmooth.filters import FILTERS

HEADING = f"""Filters: one person x {KEYPOINTS} keypoints, {FPS:.0f} frames/s, float64; person-frames/s of one core

"filter" is the bare function on the array, "SciPy" is SciPy's on the same array in turns, and their ratio is the claim
(at least 0.7; 0.4 for the median, which pandas computes). "weighted" is the filter with a confidence on every
measurement, "SciPy, weighted" what one would write with SciPy and NumPy for that (for gaussian a mean, ours fits a
line); "call" is `smooth_keypoints` (checks, units, gaps, report) and "call, mended" with outliers and swaps as well."""

FRAMES = 10_000
SLOW = {"auto": 1_000, "kalman": 2_000}
"""Frames where all would take minutes."""
SPLINE_FRAMES = 400
"""Frames of one coordinate that SciPy's cross-validated spline gets; the rate is that of all coordinates."""


def measure(seconds: float) -> list[dict[str, object]]:
    """A row a method, `auto` last."""
    return [_row(name, seconds) for name in [*FILTERS, "auto"]]


def _row(name: str, seconds: float) -> dict[str, object]:
    positions = motion(SLOW.get(name, FRAMES))
    frames = len(positions)
    weights = np.random.default_rng(1).uniform(0.2, 1.0, positions.shape[:2])
    ways = {
        "call": Way(lambda: _smooth(positions, name, mended=False), frames),
        "call, mended": Way(lambda: _smooth(positions, name, mended=True), frames),
    }
    if name in FILTERS:
        ways["filter"] = Way(lambda: FILTERS[name](positions, fps=FPS), frames)
        ways["weighted"] = Way(lambda: FILTERS[name](positions, weights=weights, fps=FPS), frames)
    if name in BARE:
        spline = name == "gcv_spline"
        given = (positions[:SPLINE_FRAMES], weights[:SPLINE_FRAMES]) if spline else (positions, weights)
        count = len(given[0]) / (2 * KEYPOINTS if spline else 1)
        ways["SciPy"] = Way(lambda: BARE[name](given[0]), count)
        ways["SciPy, weighted"] = Way(lambda: WEIGHTED[name](*given), count)
    agree(name, positions[:SPLINE_FRAMES])
    found = rates(ways, seconds)
    cells: dict[str, object] = {"method": name}
    for ours, bare in (("filter", "SciPy"), ("weighted", "SciPy, weighted")):
        ratio = f"{found[ours] / found[bare]:.2f}" if bare in found else "-"
        cells |= {ours: found.get(ours, "-"), bare: found.get(bare, "-"), f"{ours} / {bare}": ratio}
    return cells | {key: found[key] for key in ("call", "call, mended")}


def _smooth(positions: np.ndarray, method: str, mended: bool) -> object:
    return kerasmooth.smooth_keypoints(
        positions, fps=FPS, method=method, skeleton="bouldering_25", outliers=mended, swaps=mended
    )


def agree(name: str, positions: np.ndarray) -> None:
    """Raises ValueError unless the filter and SciPy's give the same, far from the edges, without weights and with."""
    if name not in BARE:
        return
    # The default is more cautious than SciPy's choice of smoothness, and fits a line where that takes a mean.
    parameters = {"gcv_spline": {"caution": 1.0}}.get(name, {})
    weighed = {"gaussian": {"line": False}}.get(name, parameters)
    weights = np.random.default_rng(1).uniform(0.2, 1.0, positions.shape[:2])
    pairs = (
        (BARE[name](positions), FILTERS[name](positions, fps=FPS, **parameters)),
        (WEIGHTED[name](positions, weights), FILTERS[name](positions, weights=weights, fps=FPS, **weighed)),
    )
    for bare, filtered in pairs:
        ours = filtered.positions[:, 0, 0] if bare.ndim == 1 else filtered.positions
        if not np.allclose(bare[60:-60], ours[60:-60], atol=0.02):
            raise ValueError(f"{name} and SciPy's disagree by {np.abs(bare - ours)[60:-60].max()} pixels")
