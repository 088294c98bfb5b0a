"""Writes a pose file as a detector might give it for a climber: python tools/make_demo_clip.py --output=clip.npz.

The person is generated, and so is what a detector does to it: errors that last and errors that are new in every frame,
keypoints that are missed for some frames, a wrist that is hidden for longer, frames in which nobody is found, a few
wild positions, and once the two legs exchanged. The same flags give the same bytes.
"""

from pathlib import Path

import numpy as np
from absl import flags

from kerasmooth import formats
from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.pose_table import PoseTable
from kerasmooth.sample.motion import KINDS, sequence
from kerasmooth.sample.randomness import bursts, correlated, generator
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing.person_scale import person_size

_OUTPUT = flags.DEFINE_string("output", "", "File to write, our own NPZ.")
_SECONDS = flags.DEFINE_float("seconds", 8.0, "Length of the clip.", lower_bound=0.1, upper_bound=3600.0)
_FPS = flags.DEFINE_float("fps", 30.0, "Frames per second.", lower_bound=1.0, upper_bound=1000.0)
_SEED = flags.DEFINE_integer("seed", 0, "The same seed gives the same bytes.")

DRIFT = 0.03
"""Standard deviation of the error that lasts, in torso lengths per axis."""
DRIFT_SECONDS = 0.2
JITTER = 0.02
"""Standard deviation of the error that is new in every frame, in torso lengths per axis."""
MISSED_SHARE, MISSED_SECONDS = 0.03, 0.12
WILD_SHARE = 0.004
HIDDEN_SECONDS, NOBODY_SECONDS, SWAP_SECONDS = 0.8, 0.1, 0.2
_HARD = {"wrist": 1.3, "pinky": 1.5, "index": 1.5, "thumb": 1.5, "heel": 1.2, "shoulder": 0.8, "hip": 0.9, "ear": 0.7}


def detect(truth: np.ndarray, fps: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [T, 25, 2] in pixels, NaN where missed, and their confidence [T, 25], of true positions [T, 25, 2]."""
    shown = np.ones(truth.shape[:2], bool)
    torso = person_size(truth, shown, BOULDERING_25)
    rng = generator(seed, "demo", "noise")
    hard = np.array([_HARD.get(name.split("_")[-1], 1.0) for name in BOULDERING_25.keypoints])[:, None]
    error = correlated(rng, truth.shape, DRIFT, float(np.exp(-1 / (fps * DRIFT_SECONDS))))
    error = (error + JITTER * rng.standard_normal(truth.shape)) * hard
    confidence = np.clip(0.95 - 2.0 * np.linalg.norm(error, axis=-1) - 0.05 * rng.random(shown.shape), 0.1, 1.0)
    keypoints = truth + torso * error
    rng = generator(seed, "demo", "wild")
    wild = rng.random(shown.shape) < WILD_SHARE
    keypoints[wild] += torso * rng.choice([-1, 1], (int(wild.sum()), 2)) * rng.uniform(0.5, 1.2, (int(wild.sum()), 2))
    confidence[wild] = rng.uniform(0.3, 0.7, int(wild.sum()))
    _swap_legs(keypoints, fps)
    rng = generator(seed, "demo", "missed")
    missed = bursts(rng, shown.shape, MISSED_SHARE, max(1.0, MISSED_SECONDS * fps))
    missed[_part(len(truth), 0.7, HIDDEN_SECONDS, fps), BOULDERING_25.index("left_wrist")] = True
    keypoints[missed], confidence[missed] = np.nan, 0.0
    return keypoints, confidence


def _swap_legs(keypoints: np.ndarray, fps: float) -> None:
    frames = _part(len(keypoints), 0.45, SWAP_SECONDS, fps)
    hip = BOULDERING_25.index("left_hip")
    for left, right in (pair for pair in BOULDERING_25.pairs if pair[0] > hip):
        keypoints[frames, left], keypoints[frames, right] = (
            keypoints[frames, right].copy(),
            keypoints[frames, left].copy(),
        )


def _part(num_frames: int, share: float, seconds: float, fps: float) -> slice:
    """The frames of `seconds` that begin at `share` of the clip."""
    first = int(share * num_frames)
    return slice(first, first + max(1, round(seconds * fps)))


def make_clip(seconds: float, fps: float, seed: int) -> PoseTable:
    """The clip, person 0; frames in which nobody is found are known but have no row."""
    num_frames = max(1, round(seconds * fps))
    keypoints, confidence = detect(sequence("climbing", num_frames, fps, seed), fps, seed)
    found = np.ones(num_frames, bool)
    if num_frames > 2:
        found[_part(num_frames, 0.25, NOBODY_SECONDS, fps)] = False
    return PoseTable(
        frames=np.flatnonzero(found),
        people=np.zeros(int(found.sum()), np.int64),
        keypoints=keypoints[found],
        confidence=confidence[found],
        frame_numbers=np.arange(num_frames),
        skeleton=BOULDERING_25,
        fps=fps,
        image_size=KINDS["climbing"].image_size,
    )


def main() -> None:
    if not _OUTPUT.value:
        raise InputError("--output is empty: name the file to write, --output=clip.npz")
    output = Path(_OUTPUT.value)
    if output.suffix != ".npz" or output.is_dir():
        raise InputError(f"--output={output}: the clip is written as our own NPZ: name a file that ends in .npz")
    table = make_clip(_SECONDS.value, _FPS.value, _SEED.value)
    formats.write(table, output, to="npz")
    missing = np.isnan(table.keypoints).any(axis=-1).mean()
    print(
        f"{output}: {len(table.frame_numbers)} frames at {_FPS.value:g} fps of a generated climber, nobody found in "
        f"{len(table.frame_numbers) - len(table.frames)} of them, {missing:.1%} of the other keypoints missed"
    )


if __name__ == "__main__":
    run(main)
