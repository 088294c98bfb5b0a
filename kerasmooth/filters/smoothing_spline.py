"""Natural cubic smoothing splines of many curves at the same times, with the smoothness chosen by cross-validation.

The second derivatives at the knots solve a system of five bands (Reinsch, Smoothing by spline functions, Numerische
Mathematik 1967). The trace that generalised cross-validation needs (Craven and Wahba, 1979) is the derivative of the
system's log determinant by the log of the stiffness. All curves share it, and it is smooth: LAPACK's Cholesky of the
bands gives the log determinants of a grid, and a spline through them the derivative.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpbtrf, dpbtrs
from scipy.optimize import minimize_scalar

LEAST_STIFFNESS = 1e-5
"""The softest that is tried: as good as through all points, where knots are 1 apart."""
MOST_STIFFNESS = 1e8
"""The stiffest: it halves a wave of 600 knots."""
_GRID_STEP = 1.5
"""Of the log of the stiffness, in which a change of smoothness spans about eight."""
_LEAST_WEIGHT = 1e-6
_PRECISION = 1e-4
_LEAST_LEFT = 1e-12


@dataclass(frozen=True, eq=False)
class _System:
    """The bands of a spline through n knots.

    Attributes:
      knots: [n], ascending.
      bending: [3, n - 2], lower bands of R, the integral of the squared second derivative.
      fit: [3, n - 2], lower bands of Q' W^-1 Q.
      scatter: [n], 1 / weights.
    """

    knots: np.ndarray
    bending: np.ndarray
    fit: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, knots: np.ndarray, weights: np.ndarray | None) -> "_System":
        steps = np.diff(knots)
        scatter = np.ones(len(knots)) if weights is None else 1 / np.maximum(weights, _LEAST_WEIGHT)
        # As LAPACK wants it: nothing is copied.
        bending = np.zeros((3, len(knots) - 2), order="F")
        bending[0] = (steps[:-1] + steps[1:]) / 3
        bending[1, :-1] = steps[1:-1] / 6
        left, right = 1 / steps[:-1], 1 / steps[1:]
        middle = -(left + right)
        fit = np.zeros_like(bending)
        fit[0] = left**2 * scatter[:-2] + middle**2 * scatter[1:-1] + right**2 * scatter[2:]
        fit[1, :-1] = middle[:-1] * left[1:] * scatter[1:-2] + right[:-1] * middle[1:] * scatter[2:-1]
        fit[2, :-2] = right[:-2] * left[2:] * scatter[2:-2]
        return cls(knots, bending, fit, scatter)

    def differences(self, values: np.ndarray) -> np.ndarray:
        """Q'y [n - 2, C]: how the slope changes at the inner knots."""
        return np.diff(np.diff(values, axis=0) / np.diff(self.knots)[:, None], axis=0)

    def residuals(self, bends: np.ndarray, stiffness: float) -> np.ndarray:
        """y - f [n, C], from the second derivatives at the inner knots."""
        slopes = np.diff(bends, axis=0, prepend=0, append=0) / np.diff(self.knots)[:, None]
        return stiffness * self.scatter[:, None] * np.diff(slopes, axis=0, prepend=0, append=0)

    def factor(self, stiffness: float) -> np.ndarray:
        factor, failed = dpbtrf(self.bending + stiffness * self.fit, lower=1, overwrite_ab=1)
        if failed:
            raise LinAlgError(f"stiffness is too large for the weights. Received: stiffness={stiffness}")
        return factor

    def second_derivatives(self, stiffness: float, right: np.ndarray) -> np.ndarray:
        """At the inner knots, [n - 2, C]. right: `differences`."""
        return np.asarray(dpbtrs(self.factor(stiffness), right, lower=1)[0])


def smoothing_spline(
    knots: np.ndarray,
    values: np.ndarray,
    weights: np.ndarray | None,
    at: np.ndarray,
    stiffness: float | None = None,
    caution: float = 1.0,
) -> np.ndarray:
    """The splines that minimise sum(weights * (values - f)^2) + stiffness * integral(f''^2), [len(at), C].

    Without `stiffness` each curve gets the one of the best generalised cross-validation, by the measure of
    `scipy.interpolate.make_smoothing_spline` (unweighted residuals).

    Args:
      knots: [n], ascending, at least 5; about 1 apart, for the chosen stiffness.
      values: [n, C].
      weights: [n], positive; None is 1.
      at: where to evaluate; beyond the knots the spline is straight.
      stiffness: not negative.
      caution: what a degree of freedom counts for in cross-validation.
    """
    system = _System.of(knots, weights)
    right = system.differences(values)
    if stiffness is not None:
        bends = system.second_derivatives(stiffness, right)
        return _evaluate(knots, values - system.residuals(bends, stiffness), bends, at)
    fitted, bends = np.empty_like(values), np.empty_like(right)
    for curve, chosen in enumerate(_choose(system, right, caution)):
        one = slice(curve, curve + 1)
        bends[:, one] = system.second_derivatives(chosen, right[:, one])
        fitted[:, one] = values[:, one] - system.residuals(bends[:, one], chosen)
    return _evaluate(knots, fitted, bends, at)


def _choose(system: _System, right: np.ndarray, caution: float) -> list[float]:
    """The stiffness of each curve: the best of a grid, then between its neighbours.

    The stiffest halves a wave as long as the recording. The measure often falls once more towards a curve through all
    points, which is not what smoothing is for: that end is taken only where there is no other minimum.
    """
    count = len(system.knots)
    longest = max(count, (count / (2 * math.pi)) ** 4)
    low, high = math.log(LEAST_STIFFNESS), math.log(min(longest, MOST_STIFFNESS))
    logs = np.linspace(low, high, 2 * math.ceil((high - low) / _GRID_STEP) + 1)
    sizes = [2 * float(np.log(system.factor(math.exp(log))[0]).sum()) for log in logs]
    left = make_interp_spline(logs, sizes, k=5).derivative()

    def score(log: float, curves: np.ndarray) -> np.ndarray:
        """[C]: the mean squared residual over the square of what is left of the degrees of freedom."""
        errors = system.residuals(system.second_derivatives(math.exp(log), curves), math.exp(log))
        used = 1 - float(left(log)) / count
        return np.asarray(np.mean(errors**2, axis=0) / max(1 - caution * used, _LEAST_LEFT) ** 2)

    grid = logs[::2]
    scores = np.array([score(log, right) for log in grid])
    beside = np.pad(scores, ((1, 1), (0, 0)), constant_values=np.inf)
    lowest = (scores <= beside[:-2]) & (scores <= beside[2:])
    lowest[0] &= lowest.sum(axis=0) == 1
    chosen = []
    for curve, best in enumerate(np.where(lowest, scores, np.inf).argmin(axis=0).tolist()):
        one = right[:, curve : curve + 1]
        found = minimize_scalar(
            lambda log, one=one: float(score(log, one)[0]),
            bounds=(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]),
            method="bounded",
            options={"xatol": _PRECISION},
        )
        chosen.append(math.exp(found.x if found.fun <= scores[best, curve] else grid[best]))
    return chosen


def _evaluate(knots: np.ndarray, fitted: np.ndarray, bends: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Splines of values `fitted` [n, C] and second derivatives [n - 2, C] at the inner knots."""
    if np.array_equal(knots, at):
        return fitted
    bends = np.pad(bends, ((1, 1), (0, 0)))
    place = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    step = np.diff(knots)[place][:, None]
    after = at[:, None] - knots[place][:, None]
    before = step - after
    start, end = fitted[place], fitted[place + 1]
    line = (after * end + before * start) / step
    bent = after * before / 6 * ((1 + after / step) * bends[place + 1] + (1 + before / step) * bends[place])
    slope_in = (fitted[1] - fitted[0]) / (knots[1] - knots[0]) - (knots[1] - knots[0]) / 6 * bends[1]
    slope_out = (fitted[-1] - fitted[-2]) / (knots[-1] - knots[-2]) + (knots[-1] - knots[-2]) / 6 * bends[-2]
    inside = np.where((at < knots[0])[:, None], fitted[0] + (at[:, None] - knots[0]) * slope_in, line - bent)
    return np.where((at > knots[-1])[:, None], fitted[-1] + (at[:, None] - knots[-1]) * slope_out, inside)
