"""How a detector errs, estimated from its detections beside the truth: a `NoiseProfile`, which explains its fields.

The study's author wished for noise "estimated from the finetuning data" in place of the independent shifts of the
published recipe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from kerasmooth.lengths import all_finite, lengths
from kerasmooth.noise.mixture import LEAST, LEAST_DEVIATION, ErrorMixture, lasting
from kerasmooth.noise.pairs import Pairs
from kerasmooth.noise.profile import NoiseProfile
from kerasmooth.skeletons import BOULDERING_25

LAGS = 12
STEPS = 5
"""Steps of a heatmap's width, narrow to wide: of confidence, high to low."""
_MIDDLE = (STEPS - 1) / 2
_MEDIAN_RADIUS = np.sqrt(2 * np.log(2))
"""Median length of a normal error of two axes, in its deviations."""


@dataclass(frozen=True, eq=False)
class NoiseFit:
    """A profile and what it was read from.

    Attributes:
      profile: what `--noise_model` takes.
      bias: float64 [K, 2], the median error in cells, taken off before; NaN where a keypoint has too few errors.
      deviation: float64 [K], in cells, of errors that are in no burst; NaN as in `bias`.
      correlation: float64 [1 + LAGS], of these errors from frame to frame.
      by_step: float64 [STEPS], deviation by confidence, high to low, in parts of the mean; NaN without confidence.
      lengths: float64 [N], all errors in these deviations.
    """

    profile: NoiseProfile
    bias: np.ndarray
    deviation: np.ndarray
    correlation: np.ndarray
    by_step: np.ndarray
    lengths: np.ndarray


def fit_noise(pairs: Sequence[Pairs]) -> NoiseFit:
    """Estimates a profile.

    - Exchanges: the two of a pair are much nearer to each other's true places than to their own. They are put right
      before the rest is estimated.
    - The median error of each keypoint is a bias, of which the profile knows nothing: it is taken off.
    - Confidence is cut into five equal shares, for each keypoint by itself; deviation is a line over them.
    - Of the errors in units of this a mixture of two normals is fitted (EM), bursts and all others.
    - What is on whole cells was rounded: the variance of rounding, 1/12, is not counted.
    - All pairs count as one: how their sizes differ, the profile's `spread`, is not estimated.

    Raises:
      ValueError: no keypoint has 30 detections beside a truth.
    """
    errors, exchange = _straightened(pairs)
    bias = _by_keypoint(errors, lambda values: np.median(values, axis=0))
    errors = [one - bias for one in errors]
    rough = _by_keypoint(errors, lambda values: np.repeat(np.median(lengths(values)) / _MEDIAN_RADIUS, 2))[:, 0]
    rough = np.maximum(rough, LEAST_DEVIATION)
    if np.isnan(rough).all():
        raise ValueError(f"no keypoint has {LEAST} detections beside a truth. Received: {len(pairs)} pairs")
    steps = _steps(pairs)
    by_step, width_factor = _widths([lengths(one) / rough for one in errors], steps)
    growth = [1 + width_factor * np.nan_to_num(of_one - _MIDDLE) for of_one in steps]
    mixture = ErrorMixture.of(errors, growth, rough)
    of_keypoint = np.sqrt(mixture.variance)
    calm = [mixture.calm(one, factor) / factor[..., None] for one, factor in zip(errors, growth, strict=True)]
    rounding = 1 / 12 if all(_is_whole(one.detected) for one in pairs) else 0.0
    deviation = np.sqrt(np.maximum(mixture.variance - rounding, 1e-6))
    correlation = _correlation([one / of_keypoint[:, None] for one in calm], rounding / mixture.variance)
    mean = float(np.sqrt(np.nanmean(deviation**2)))
    profile = NoiseProfile(
        deviation=round(mean, 3),
        scale=tuple(np.round(np.nan_to_num(deviation / mean, nan=1.0), 3).tolist()),
        correlation=round(float(np.clip(np.nan_to_num(correlation[1]), 0, 0.99)), 3),
        width_factor=round(width_factor, 3),
        **mixture.bursts([one / of_keypoint[:, None] for one in errors], mean, 1 + width_factor),
        **_dropout(pairs).settings("dropout"),
        **exchange.settings("exchange"),
    )
    sizes = [lengths(one) / (of_keypoint * factor) for one, factor in zip(errors, growth, strict=True)]
    of_all = np.concatenate(sizes, axis=None)
    return NoiseFit(profile, bias, deviation, correlation, by_step, of_all[np.isfinite(of_all)])


@dataclass(frozen=True)
class _Events:
    """What strikes runs of frames: its share of the frames, and how long it lasts where that could be seen."""

    share: float
    stays: float

    @classmethod
    def of(cls, struck: Sequence[np.ndarray], possible: Sequence[np.ndarray]) -> "_Events":
        """Of bool [T, K] for each person: where it is, and where it could be."""
        number, in_all = (sum(int(one.sum()) for one in many) for many in (struck, possible))
        before = sum(int((one[:-1] & can[1:]).sum()) for one, can in zip(struck, possible, strict=True))
        on = sum(int((one[:-1] & one[1:]).sum()) for one in struck)
        return cls(number / max(in_all, 1), on / before if before >= LEAST else np.nan)

    def settings(self, name: str) -> dict[str, Any]:
        """Of a profile. A segment of n frames is followed by one that is struck with p: it ends with (1 - p) / n."""
        found: dict[str, Any] = {f"{name}_probability": round(self.share, 4)}
        if np.isfinite(self.stays):
            found[f"{name}_frames"] = lasting(1 - (1 - self.stays) / max(1 - self.share, 1e-3))
        return found


def _dropout(pairs: Sequence[Pairs]) -> _Events:
    """Keypoints that the detector never gives, as its skeleton lacks them, are none that it misses."""
    found = [all_finite(one.detected) for one in pairs]
    given = np.any([one.any(axis=0) for one in found], axis=0)
    known = [all_finite(one.truth) & given for one in pairs]
    return _Events.of([has & ~seen for has, seen in zip(known, found, strict=True)], known)


def _straightened(pairs: Sequence[Pairs]) -> tuple[list[np.ndarray], _Events]:
    """Errors [T, K, 2] with exchanged pairs put right, and the exchanges."""
    errors = [one.detected - one.truth for one in pairs]
    of_all = np.concatenate([lengths(error) for error in errors], axis=None)
    usual = np.nanmedian(of_all) if np.isfinite(of_all).any() else np.nan
    struck, possible = [], []
    left, right = np.array(BOULDERING_25.pairs).T
    for one, error in zip(pairs, errors, strict=True):
        sides = (left, right), (right, left)
        straight = [lengths(error[:, own]) for own, _ in sides]
        crossed = [one.detected[:, other] - one.truth[:, own] for own, other in sides]
        across = [lengths(crossed_error) for crossed_error in crossed]
        far = lengths(one.truth[:, left] - one.truth[:, right]) > 4 * usual
        could = np.isfinite(straight[0] + straight[1]) & far
        is_exchanged = could & (across[0] + across[1] < (straight[0] + straight[1]) / 2)
        for number, (own, _) in enumerate(sides):
            # Of a pair of which one was not found, the other one at its place is no error of position.
            lone = far & ~could & (across[1 - number] < straight[number] / 4)
            error[:, own] = np.where(is_exchanged[..., None], crossed[number], error[:, own])
            error[:, own] = np.where(lone[..., None], np.nan, error[:, own])
        struck.append(is_exchanged)
        possible.append(could)
    return errors, _Events.of(struck, possible)


def _is_whole(keypoints: np.ndarray) -> bool:
    return np.array_equal(keypoints, np.rint(keypoints), equal_nan=True)


def _by_keypoint(errors: Sequence[np.ndarray], measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """[K, 2]: `measure` of the errors [N, 2] of each keypoint; NaN where there are too few."""
    together = np.concatenate(errors)
    result = np.full(together.shape[1:], np.nan)
    for keypoint, values in enumerate(together.swapaxes(0, 1)):
        there = values[all_finite(values)]
        if len(there) >= LEAST:
            result[keypoint] = measure(there)
    return result


def _steps(pairs: Sequence[Pairs]) -> list[np.ndarray]:
    """float64 [T, K] of each person: 0 for the highest confidence to STEPS - 1 for the lowest; NaN where none is said.

    The shares of a keypoint are equal, or its own where it has STEPS confidences or fewer.
    """
    nothing = [np.full(one.truth.shape[:2], np.nan) for one in pairs]
    confidence = np.concatenate(
        [none if one.confidence is None else one.confidence for one, none in zip(pairs, nothing, strict=True)]
    )
    steps = np.full(confidence.shape, np.nan)
    for keypoint, values in enumerate(confidence.T):
        there = np.isfinite(values)
        levels, level = np.unique(-values[there], return_inverse=True)
        if len(levels) > STEPS:
            level = rankdata(-values[there], "ordinal") - 1
            level = level * STEPS // len(level)
        steps[there, keypoint] = level
    return np.split(steps, np.cumsum([len(one.truth) for one in pairs])[:-1])


def _widths(sizes: Sequence[np.ndarray], steps: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """Deviation by step in parts of the middle, and how much of that it grows from one to the next."""
    of_all, step = (np.concatenate(one, axis=None) for one in (sizes, steps))
    found = [of_all[(step == number) & np.isfinite(of_all)] for number in range(STEPS)]
    enough = min(map(len, found)) >= LEAST
    deviation = np.array([np.median(values) if enough else 0.0 for values in found]) / _MEDIAN_RADIUS
    if not deviation.any():
        return np.full(STEPS, np.nan), 0.0
    slope, middle = np.polyfit(np.arange(STEPS) - _MIDDLE, deviation, 1)
    return deviation / middle, float(np.clip(slope / middle, 0, 0.49))


def _correlation(calm: Sequence[np.ndarray], rounding: np.ndarray) -> np.ndarray:
    """float64 [1 + LAGS] of errors in deviations; `rounding` [K] is a part of their variance."""
    found = [1.0]
    for lag in range(1, LAGS + 1):
        pairs = [(one[:-lag], one[lag:]) for one in calm if len(one) > lag]
        product = np.concatenate([np.sum(a * b, axis=-1) for a, b in pairs] or [np.empty((0, len(rounding)))])
        square = [(lengths(a) ** 2 + lengths(b) ** 2) / 2 - 2 * rounding for a, b in pairs]
        there = np.isfinite(product)
        total = np.concatenate(square)[there].sum() if there.sum() >= LEAST else 0.0
        found.append(float(product[there].sum() / total) if total > 0 else np.nan)
    return np.array(found)
