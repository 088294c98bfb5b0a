"""Prints what each rule for the torso does to PCK on Penn Action (Markdown): share of frames judged, and no smoothing.

    python tools/torso_rules.py --raw_dir=DIR

Every frame of every clip once, detections simulated as for evaluation; whole-cell truth where the rule is the published
one. Takes a minute.
"""

from pathlib import Path

import numpy as np
from absl import flags

from kerasmooth import boxes
from kerasmooth.clip import PoseClip
from kerasmooth.command_line import run
from kerasmooth.datasets import PennAction
from kerasmooth.errors import InputError
from kerasmooth.metrics import TORSO_RULES, PckCounts, pck_counts
from kerasmooth.noise import DetectorNoise, clip_key

RAW_DIR = flags.DEFINE_string("raw_dir", None, "Folder that holds labels/ of Penn Action.")
SIZE = (56, 56)
SCALARS = (1.0, 2.0)


def counted(clip: PoseClip, scalar: float, torso: str) -> PckCounts:
    """The detector's own keypoints of one clip, judged by a rule."""
    usable = boxes.has_area(clip.boxes)
    visibility = clip.visibility[usable]
    cells = boxes.to_heatmap(clip.keypoints[usable], clip.boxes[usable], SIZE)
    truth = np.where(visibility[..., None], cells, 0.0)[None]
    keys, numbers = np.array([clip_key(clip.clip_id)], np.uint32), clip.frame_numbers[usable][None]
    seen = DetectorNoise(shifting_scalar=scalar).simulate(truth, visibility[None], keys, numbers, SIZE)
    truth = np.rint(truth) if torso == "published" else truth
    return pck_counts(truth, seen["keypoints"], visibility[None], torso=torso)


def main() -> None:
    """Prints the table."""
    if RAW_DIR.value is None:
        raise InputError("--raw_dir is missing: name the folder that holds labels/")
    print("| actions | occluded joints | rule | frames judged | s = 1 | s = 2 |\n|---|---|---|---|---|---|")
    for actions in ("intended", "published"):
        for occluded in ("drop", "keep"):
            reader = PennAction(Path(RAW_DIR.value), actions=actions, occluded=occluded)
            clips = [clip for source in reader.list_sources() for clip in reader.read(source).clips]
            for torso in TORSO_RULES:
                cells = []
                for scalar in SCALARS:
                    counts = sum((counted(clip, scalar, torso) for clip in clips), PckCounts.zero())
                    cells.append(" / ".join(f"{100 * share:.1f}" for share in counts.total()))
                share = f"{100 * counts.judged_share:.1f} %"
                print(f"| {actions} | {occluded} | {torso} | {share} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    run(main)
