"""One person between two jumps: smoothed by filters, or by a trained model with filters for what it does not know."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.lengths import all_finite
from kerasmooth.pose_table import MEASURED, MISSING, PREDICTED
from kerasmooth.skeletons import BOULDERING_25, Skeleton, index_map
from kerasmooth.smoothing import report as smoothing_report
from kerasmooth.smoothing.keypoints import Smoothed, smooth_person
from kerasmooth.smoothing.mending import mend
from kerasmooth.smoothing.settings import SmoothingSettings


class Smoother(Protocol):
    """A trained model: see `pose_files.model_smoother.ModelSmoother`."""

    @property
    def name(self) -> str: ...

    @property
    def supervised(self) -> np.ndarray:
        """bool [25]: keypoints that it was trained on."""

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        """float64 [T, 25, 2] of keypoints [T, 25, 2] and confidence [T, 25] of skeletons.BOULDERING_25."""


def check_model(skeleton: Skeleton, name: str) -> None:
    """Raises InputError where a model could not see the person: without shoulders and hips."""
    if skeleton.torso is None:
        raise InputError(
            f"{name}: skeleton {skeleton.name} must have left and right shoulder and hip for --model, received "
            f"{', '.join(skeleton.keypoints[:6])}, ...: use --method instead"
        )


def smooth_segment(
    keypoints: np.ndarray,
    confidence: np.ndarray,
    fps: float,
    skeleton: Skeleton,
    settings: SmoothingSettings,
    model: Smoother | None = None,
    depth: np.ndarray | None = None,
) -> Smoothed:
    """Smooths one person; what is measured but too uncertain to be smoothed stays as it is.

    Args:
      keypoints: [T, K, 2], y downwards; NaN is missing.
      confidence: [T, K]; 0 and below is missing, NaN unknown.
      fps: frames per second.
      skeleton: of the K keypoints.
      settings: how.
      model: smooths x and y of those of the 25 keypoints of the study that the skeleton has.
      depth: [T, K], see `smoothing.keypoints.smooth_keypoints`; models know none.
    """
    scores = np.where(confidence < 0, 0.0, confidence)
    measured = all_finite(keypoints) & (confidence != 0) & ~(scores < settings.min_confidence)
    done = smooth_person(keypoints, scores, fps, skeleton, settings, depth)
    if model is not None and settings.strength > 0:
        done = _through_model(keypoints, scores, done, fps, skeleton, settings, model)
    left = measured & ~all_finite(done.keypoints)
    done.keypoints[left] = keypoints[left]
    done.provenance[left] = MEASURED
    unknown = np.isnan(confidence)
    if measured.any() and unknown[measured].all():
        # In a file that says no confidence none is made up.
        done.confidence[done.confidence > 0] = np.nan
    kept = left | (measured & unknown)
    done.confidence[kept] = confidence[kept]
    if depth is not None and done.depth is not None:
        done = replace(done, depth=np.where(np.isnan(done.depth), depth, done.depth))
    return done


def _through_model(
    keypoints: np.ndarray,
    scores: np.ndarray,
    done: Smoothed,
    fps: float,
    skeleton: Skeleton,
    settings: SmoothingSettings,
    model: Smoother,
) -> Smoothed:
    """What filters made of a person, with what the model knows replaced by what it says."""
    person = mend(keypoints, scores, fps, skeleton, settings)
    shown = person.alive & ~np.isin(done.provenance, (MISSING, PREDICTED))
    clean = np.where(shown[..., None], person.positions * person.size + person.origin, np.nan)
    indices = index_map(skeleton, BOULDERING_25)
    # Datasets annotate different keypoints: what a model says of the others means nothing.
    has = indices >= 0
    columns, trained = indices[has], model.supervised[has]
    asked = np.full((len(keypoints), BOULDERING_25.num_keypoints, 2), np.nan)
    asked[:, has] = clean[:, columns]
    answer = model.smooth(asked, np.isfinite(asked).all(axis=-1).astype(np.float64), fps)[:, has]
    answer[:, ~trained] = np.nan
    share = min(settings.strength, 1.0)
    answer = clean[:, columns] + share * (answer - clean[:, columns])
    answered = np.isfinite(answer).all(axis=-1)
    positions, deviation = np.array(done.keypoints), np.array(done.deviation)
    positions[:, columns] = np.where(answered[..., None], answer, positions[:, columns])
    deviation[:, columns] = np.where(answered, np.nan, deviation[:, columns])
    report = {name: np.array(values) for name, values in done.report.items()}
    changed = columns[trained]
    report["method"][changed] = "model"
    for column in changed:
        report["parameters"][column] = {}
    report["jitter_after"] = smoothing_report.jitter(positions, person.measured)
    max_lag = int(smoothing_report.MAX_LAG_SECONDS * fps)
    smooth = np.where(shown[..., None], (positions - person.origin) / person.size, 0.0)
    lag = smoothing_report.lag_frames(person.positions, smooth, max_lag, person.known & shown)
    report["lag_ms"][changed] = lag[changed] * 1000 / fps
    return replace(done, keypoints=positions, deviation=deviation, report=report)
