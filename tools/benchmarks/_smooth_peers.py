"""Filters that people install from the package index today, on the same array. Those that are there are measured."""

import importlib
import warnings
from collections.abc import Callable

import numpy as np
from benchmarks._one_core import FPS, KEYPOINTS, Way, motion, rates

from kerasmooth.filters import FILTERS

HEADING = f"""Beside packages of the index: one person x {KEYPOINTS} keypoints, person-frames/s of one core

Each package smooths all coordinates as its own documentation shows, one after the other where it knows no more; ours is
the filter of the same kind with the same parameters, given and not fitted."""

FRAMES = 300
CUTOFF = 2.0
RATIO = (2 * np.pi * CUTOFF / FPS) ** 4
"""Process noise over measurement noise of a Kalman filter that passes half of the amplitude at CUTOFF."""
NOISE = RATIO * np.array([[1 / 3, 1 / 2], [1 / 2, 1]])
MOTION = np.array([[1.0, 1.0], [0.0, 1.0]])


def _columns(positions: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(positions.reshape(len(positions), -1).T)


def _one_euro(positions: np.ndarray) -> object:
    from OneEuroFilter import OneEuroFilter

    filters = [OneEuroFilter(FPS, 1.0, 0.5, 1.0) for _ in range(2 * KEYPOINTS)]
    flat = positions.reshape(len(positions), -1).tolist()
    return [[one(value) for one, value in zip(filters, frame, strict=True)] for frame in flat]


def _whittaker(positions: np.ndarray) -> object:
    from whittaker_eilers import WhittakerSmoother

    stiffness = (np.sqrt(2) - 1) / (2 * np.sin(np.pi * CUTOFF / FPS)) ** 4
    smoother = WhittakerSmoother(float(stiffness), 2, len(positions))
    return [smoother.smooth(column) for column in _columns(positions)]


def _pykalman(positions: np.ndarray) -> object:
    from pykalman import KalmanFilter

    settings = {
        "transition_matrices": MOTION,
        "observation_matrices": [[1.0, 0.0]],
        "transition_covariance": NOISE,
        "observation_covariance": [[1.0]],
        "initial_state_covariance": np.eye(2) * 1e6,
    }
    return [
        KalmanFilter(initial_state_mean=[column[0], 0.0], **settings).smooth(column) for column in _columns(positions)
    ]


def _filterpy(positions: np.ndarray) -> object:
    from filterpy.kalman import KalmanFilter

    smoothed = []
    for column in _columns(positions):
        one = KalmanFilter(dim_x=2, dim_z=1)
        one.F, one.H, one.Q, one.R = MOTION, np.array([[1.0, 0.0]]), NOISE, np.eye(1)
        one.P, one.x = np.eye(2) * 1e6, np.array([[column[0]], [0.0]])
        means, covariances, _, _ = one.batch_filter(column)
        smoothed.append(one.rts_smoother(means, covariances)[0])
    return smoothed


def _tsmoothie(positions: np.ndarray) -> object:
    from tsmoothie.smoother import KalmanSmoother

    noise = {"level": RATIO / 3, "trend": RATIO}
    return KalmanSmoother(component="level_trend", component_noise=noise).smooth(_columns(positions))


PEERS: tuple[tuple[str, str, Callable[[np.ndarray], object], int, str, dict[str, float]], ...] = (
    ("OneEuroFilter", "OneEuroFilter", _one_euro, FRAMES, "one_euro", {"min_cutoff": 1.0, "beta": 0.5}),
    ("whittaker-eilers", "whittaker_eilers", _whittaker, 10 * FRAMES, "whittaker", {"cutoff": CUTOFF}),
    ("tsmoothie", "tsmoothie", _tsmoothie, FRAMES, "kalman", {"cutoff": CUTOFF}),
    ("filterpy", "filterpy", _filterpy, FRAMES, "kalman", {"cutoff": CUTOFF}),
    ("pykalman", "pykalman", _pykalman, FRAMES, "kalman", {"cutoff": CUTOFF}),
)
"""Package, its module, what it does, on how many frames, and our filter of the same kind."""


def present(module: str) -> bool:
    """Whether it can be imported: old packages may not, though they are installed."""
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def measure(seconds: float) -> list[dict[str, object]]:
    """A row a package; those that are missing are named with how to get them."""
    rows: list[dict[str, object]] = []
    for package, module, call, frames, name, parameters in PEERS:
        row: dict[str, object] = {"package": package, "our filter": name}
        if not present(module):
            rows.append(row | {"package's": f"missing: pip install {package}", "ours": "-", "ours / package's": "-"})
            continue
        positions, longer = motion(frames), motion(10 * FRAMES)
        ways = {
            "theirs": Way(lambda call=call, positions=positions: call(positions), frames),
            "ours": Way(
                lambda name=name, given=parameters, longer=longer: FILTERS[name](longer, fps=FPS, **given), len(longer)
            ),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = rates(ways, seconds)
        ratio = f"{found['ours'] / found['theirs']:.1f}"
        rows.append(row | {"package's": found["theirs"], "ours": found["ours"], "ours / package's": ratio})
    return rows
