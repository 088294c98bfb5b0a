"""Estimates how a detector errs, for --noise_model, from its detections beside the truth.

    python tools/fit_noise.py --detections=FILE --truth=FILE --output=mine.json     two pose files of the same frames
    python tools/fit_noise.py --dataset=climbalong --raw_dir=DIR --output=mine.json
    python tools/fit_noise.py --dataset=shelf --raw_dir=DIR --output=mine.json      holds shelf_pairs.npz

Writes the profile as JSON and a picture of it beside, and prints what was found. Training takes it as
--noise_model=mine.json, with --shifting_scalar=1: its deviation is that of the detector.
"""

from pathlib import Path

import numpy as np
from absl import flags

from kerasmooth import files
from kerasmooth.command_line import run
from kerasmooth.datasets import ClimbAlong
from kerasmooth.errors import InputError
from kerasmooth.formats import read_poses
from kerasmooth.noise.fit import NoiseFit, fit_noise
from kerasmooth.noise.pairs import Pairs, pairs_of_clip, pairs_of_pixels, pairs_of_tables
from kerasmooth.reporting.noise_picture import draw_noise
from kerasmooth.skeletons import BOULDERING_25, convert, skeleton_named

DATASET = flags.DEFINE_enum("dataset", "files", ["files", "climbalong", "shelf"], "Where the pairs are.")
RAW_DIR = flags.DEFINE_string("raw_dir", "", "Folder of the raw files of climbalong or shelf.")
DETECTIONS = flags.DEFINE_string("detections", "", "Pose file of the detector, in any format that is read.")
TRUTH = flags.DEFINE_string("truth", "", "Pose file of the truth; people keep their ids.")
OUTPUT = flags.DEFINE_string("output", "", "JSON file to write; the picture gets the same name with .png.")


def shelf(raw_dir: Path) -> list[Pairs]:
    """Each person in front of each camera of Shelf."""
    path = raw_dir / "shelf_pairs.npz"
    if not path.is_file():
        raise InputError(f"{path} does not exist: --raw_dir must hold shelf_pairs.npz")
    pairs = []
    with np.load(path) as data:
        for camera in range(3):
            for seen, true in zip(data[f"det_{camera}"], data[f"gt_{camera}"], strict=True):
                found = seen[..., 2] > 0
                detected = np.where(found[..., None], seen[..., :2], np.nan).astype(np.float64)
                confidence = np.where(found, seen[..., 2], np.nan).astype(np.float64)
                body, other = skeleton_named("body_25"), skeleton_named("shelf_15")
                pairs.append(
                    pairs_of_pixels(
                        convert(detected, body, BOULDERING_25, np.nan),
                        convert(true.astype(np.float64), other, BOULDERING_25, np.nan),
                        convert(confidence, body, BOULDERING_25, np.nan),
                    )
                )
    return pairs


def pairs() -> list[Pairs]:
    """As the flags say."""
    if DATASET.value == "files":
        if not (DETECTIONS.value and TRUTH.value):
            raise InputError("name both --detections and --truth, or a --dataset and its --raw_dir")
        return pairs_of_tables(read_poses(DETECTIONS.value), read_poses(TRUTH.value))
    if not RAW_DIR.value:
        raise InputError(f"--raw_dir is empty: name the folder of {DATASET.value}")
    if DATASET.value == "shelf":
        return shelf(Path(RAW_DIR.value))
    reader = ClimbAlong(Path(RAW_DIR.value), outside_box="drop")
    return [pairs_of_clip(clip) for source in reader.list_sources() for clip in reader.read(source).clips]


def summary(fit: NoiseFit) -> str:
    """What was found, for people."""
    profile, lines = fit.profile, [f"{len(fit.lengths):,} detections of known keypoints"]
    lines.append(
        f"deviation {profile.deviation:.2f} cells along one axis: s = {profile.deviation / 2.95:.2f} of the study"
    )
    lines.append(
        f"correlation from frame to frame {profile.correlation:.2f}; {profile.width_factor:.2f} a step of width"
    )
    for kind, words in (("burst", "bursts"), ("dropout", "not found"), ("exchange", "exchanged")):
        share, frames = getattr(profile, f"{kind}_probability"), getattr(profile, f"{kind}_frames")
        lines.append(f"{words}: {100 * share:.2f} % of the frames" + f", {frames} frames at a time" * (share > 0))
    offsets = np.hypot(*fit.bias.T)
    worst = int(np.nanargmax(offsets))
    lines.append(f"bias, which no profile holds: up to {offsets[worst]:.2f} cells ({BOULDERING_25.keypoints[worst]})")
    return "\n".join(lines)


def main() -> None:
    """Fits, writes and prints."""
    if not OUTPUT.value.endswith(".json"):
        raise InputError(f"--output must name a .json file to write, received {OUTPUT.value!r}")
    try:
        fit = fit_noise(pairs())
    except ValueError as error:
        raise InputError(f"nothing to fit: {error}") from None
    path = Path(OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, fit.profile.to_json())
    files.save_figure(draw_noise(fit, path.stem), path.with_suffix(".png"), dpi=80)
    print(f"{summary(fit)}\nwrote {path} and {path.with_suffix('.png').name}")


if __name__ == "__main__":
    run(main)
