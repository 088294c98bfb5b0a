"""Small records with a test split and small run folders, for tests of evaluation and export."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from small_records import KEYPOINTS, SIZE, WINDOW, write_clips

from kerasmooth import models
from kerasmooth.datasets import Sample
from kerasmooth.tfrecord.parts import PreparedClip
from kerasmooth.training import run_folder
from kerasmooth.training.config import TrainingConfig

FRAMES = {"train": (14,), "validation": (9,), "test": (13, 8)}
"""Frames of each clip by split: 10, 5 and 9 + 4 windows at frame step 1."""


def moving_clip(name: str, frames: int, dataset: str = "sample") -> PreparedClip:
    """A person that sways in a box that drifts; some keypoints are hidden, and in frame 3 a hip, so its torso."""
    random = np.random.default_rng([ord(letter) for letter in name])
    height, width = SIZE
    centre = random.uniform((4, 3), (width - 5, height - 4), (KEYPOINTS, 2))
    phase = random.uniform(0, 2 * np.pi, (KEYPOINTS, 2))
    time = np.arange(frames)[:, None, None]
    keypoints = (centre + 2 * np.sin(0.2 * time + phase)).astype(np.float32)
    visibility = random.uniform(size=(frames, KEYPOINTS)) < 0.9
    visibility[:, [3, 4, 15, 16]] = True
    visibility[3, 15] = False
    keypoints[~visibility] = 0
    boxes = np.array([10, 20, 170, 140], np.float32) + np.arange(frames, dtype=np.float32)[:, None]
    return PreparedClip(
        clip_id=f"{dataset}/{name}",
        video_id=f"{dataset}/{name}",
        official_split="",
        keypoints=keypoints,
        visibility=visibility,
        boxes=boxes,
        frame_numbers=np.arange(1, frames + 1),
        has_box=np.ones(frames, bool),
        size=SIZE,
    )


def write_records(
    records_dir: Path,
    dataset: str = "sample",
    frames: dict[str, tuple[int, ...]] | None = None,
    frame_step: int = 1,
    window: int = WINDOW,
) -> list[PreparedClip]:
    """Writes `<records_dir>/<dataset>/` of clips with so many frames by split; returns the clips of `test`."""
    frames = FRAMES if frames is None else frames
    clips = {s: [moving_clip(f"{s}{i}", n, dataset) for i, n in enumerate(frames[s])] for s in frames}
    write_clips(records_dir / dataset, clips, window=window, frame_step=frame_step)
    return clips.get("test", [])


SMALL_OPTIONS: dict[str, dict[str, Any]] = {
    "conv3d": {},
    "bi_conv_lstm": {"filters": 4},
    "deciwatch": {"hidden_dim": 8, "num_layers": 1},
    "gated_splines": {"width": 16, "rounds": 1},
}


def write_run(folder: Path, model: str = "conv3d", records_dir: Path = Path("records"), **settings: Any) -> Path:
    """A run folder as training leaves it, with a model of random weights."""
    config = TrainingConfig(
        model=model,
        model_options=SMALL_OPTIONS[model] | settings.pop("model_options", {}),
        records_dir=str(records_dir),
        datasets=("sample",),
        window=WINDOW,
        size=SIZE,
        annotated=Sample.annotated(),
    )
    config = config.replace(**settings)
    folder.mkdir(parents=True)
    config.save(folder)
    keras.utils.set_random_seed(len(model))
    built = models.build(model, window=config.window, size=config.size, dtype=config.precision, **config.model_options)
    run_folder.save_model(built, folder / run_folder.BEST_MODEL_FILE)
    return folder
