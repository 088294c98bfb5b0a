"""The main job, whole, on generated data: records, training, evaluation, export, one clip smoothed, a picture of it.

Usage: python3 tools/quickstart.py

Needs only Python 3.11-3.13 and a package index; at most ten minutes on two cores. Makes .venv and quickstart/ beside
the code; what is finished is not made again, so that an interrupted run continues.
"""

import subprocess
import sys
import time

from environment import ROOT, announce, prepare

FOLDER = "quickstart"
TRAINING_MINUTES = 4


def stages(python: str) -> list[tuple[str, list[str], str]]:
    """(title, command, where to look) of each stage."""
    records, runs, exports = f"{FOLDER}/records", f"{FOLDER}/runs", f"{FOLDER}/exports"
    clip, smoothed = f"{FOLDER}/clip.npz", f"{FOLDER}/smoothed.npz"
    return [
        (
            "1/6 Records: a generated person moves; windows of heatmap keypoints are written",
            [python, "tools/make_records.py", f"--records_dir={records}"],
            f"{records}/sample/manifest.json",
        ),
        (
            f"2/6 Training: Conv3D, experiment 1, at most {TRAINING_MINUTES} minutes",
            [python, "-m", "kerasmooth.train", "--flagfile=flags/exp1.cfg", f"--records_dir={records}"]
            + [f"--runs_dir={runs}", "--run_name=quickstart", f"--max_minutes={TRAINING_MINUTES}"],
            f"{runs}/quickstart/curves.png",
        ),
        (
            "3/6 Evaluation: the model beside no smoothing",
            [python, "-m", "kerasmooth.evaluate", f"--runs_dir={runs}"],
            f"{runs}/quickstart/evaluation/",
        ),
        (
            "4/6 Export: a SavedModel that TF Serving serves",
            [python, "-m", "kerasmooth.export", f"--runs_dir={runs}", f"--export_dir={exports}"],
            f"{exports}/",
        ),
        (
            "5/6 A jittery clip: what a detector might give for a climber",
            [python, "tools/make_demo_clip.py", f"--output={clip}"],
            clip,
        ),
        (
            "6/6 Smoothing: the clip through the trained model, and its picture",
            [python, "-m", "kerasmooth.smooth", clip, f"--output={smoothed}", f"--model={runs}/quickstart"]
            + [f"--plot={FOLDER}/plots"],
            f"{smoothed} and {FOLDER}/plots/",
        ),
    ]


def main() -> int:
    start = time.monotonic()
    python = prepare(extras="tensorboard")
    for title, command, made in stages(python):
        announce(title)
        print("$ " + " ".join(["python", *command[1:]]), flush=True)
        began = time.monotonic()
        if code := subprocess.run(command, cwd=ROOT, check=False).returncode:
            print(f"stopped: this stage ended with status {code}; run the same command again to continue", flush=True)
            return code
        print(f"-> {made} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\nDone in {(time.monotonic() - start) / 60:.1f} minutes. Everything it made is in {FOLDER}/.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
