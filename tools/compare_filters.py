"""Compares `auto`, every filter and the streams where the truth is known, and prints tables (Markdown).

    python tools/compare_filters.py --dataset=motion --csv=PATH             generated motion, needs nothing
    python tools/compare_filters.py --dataset=motion --model=DIR            and a trained model, by its keypoints
    python tools/compare_filters.py --picture=PATH.png
    python tools/compare_filters.py --dataset=penn_action --raw_dir=PATH    holds labels/
    python tools/compare_filters.py --dataset=shelf --raw_dir=PATH          holds shelf_pairs.npz

Each dataset is a module of tools/comparisons, which says what is measured.
"""

import sys
from pathlib import Path

from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parent))

from comparisons import motion, penn_action, pictures, shelf

from kerasmooth.command_line import run
from kerasmooth.errors import InputError

DATASET = flags.DEFINE_enum("dataset", "motion", ["motion", "penn_action", "shelf"], "What to compare on.")
RAW_DIR = flags.DEFINE_string("raw_dir", None, "Folder of the raw data of penn_action or shelf.")
CSV = flags.DEFINE_string("csv", None, "File to write every number of motion to.")
PICTURE = flags.DEFINE_string("picture", None, "PNG of fast motion before and after; nothing else is done then.")
KINDS = flags.DEFINE_multi_enum("kind", list(motion.KINDS), list(motion.KINDS), "Kinds of motion.")
RATES = flags.DEFINE_list("rates", list(map(str, motion.RATES)), "Frame rates of motion.")
LEVELS = flags.DEFINE_list("levels", list(map(str, motion.LEVELS)), "Noise of motion in per cent of the torso.")
SEEDS = flags.DEFINE_integer(
    "seeds", 4, "Recordings of each kind of motion: the first by all, more by auto.", lower_bound=1
)
MODEL = flags.DEFINE_string("model", None, "A model for a row of motion and shelf, as kerasmooth-smooth takes it.")
WORKERS = flags.DEFINE_integer("workers", 2, "Processes for motion.", lower_bound=1)
MAX_CLIPS = flags.DEFINE_integer("max_clips", None, "Compare on so many clips only.", lower_bound=1)
SPLIT = flags.DEFINE_enum("split", "test", ["train", "validation", "test"], "Videos of penn_action.")
ACTIONS = flags.DEFINE_enum("actions", "intended", ["published", "intended", "all"], "Actions of penn_action.")
METHODS = flags.DEFINE_list("methods", None, "Only rows of penn_action and shelf whose name starts so.")


def main() -> None:
    if PICTURE.value:
        pictures.draw(Path(PICTURE.value))
        return
    if MODEL.value and DATASET.value == "penn_action":
        raise InputError("--model is for motion and shelf: leave it out, or judge it by kerasmooth-evaluate")
    if DATASET.value == "motion":
        rates, levels = [int(rate) for rate in RATES.value], [float(level) for level in LEVELS.value]
        path = Path(CSV.value) if CSV.value else None
        motion.compare(KINDS.value, rates, levels, SEEDS.value, WORKERS.value, path, MODEL.value)
        return
    if RAW_DIR.value is None:
        raise InputError("--raw_dir is missing: name the folder of the raw data")
    raw_dir = Path(RAW_DIR.value)
    if DATASET.value == "shelf":
        shelf.compare(raw_dir, MAX_CLIPS.value, METHODS.value, MODEL.value)
    else:
        penn_action.compare(raw_dir, ACTIONS.value, SPLIT.value, MAX_CLIPS.value, METHODS.value)


if __name__ == "__main__":
    run(main)
