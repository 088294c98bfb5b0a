"""The models that the harness tests: every registered one as it comes, and variants; small, and height != width."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasmooth import models

BATCH, WINDOW, SIZE, KEYPOINTS = 3, 5, (6, 8), 3

# What makes a registered model small enough for tests; one without an entry is tested with its defaults.
SMALL: dict[str, dict[str, Any]] = {
    "bi_conv_lstm": {"filters": 8},
    "deciwatch": {"hidden_dim": 16, "num_layers": 1},
    "deciwatch_vit": {"hidden_dim": 16, "num_layers": 1, "patch": 4},
    "gated_splines": {"width": 16, "rounds": 1},
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("conv3d", {"kernel": 3}),
    ("bi_conv_lstm", {"merge_mode": "concat", "dropout": 0.2}),
    ("deciwatch", {"sample_interval": 1, "encoder_norm": False}),
]


@dataclass(frozen=True)
class Case:
    model: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return "-".join([self.model, *(f"{k}={v}" for k, v in self.options.items())])

    def build(self, dtype: str | None = None) -> models.Smoother:
        options = SMALL.get(self.model, {}) | self.options
        return models.build(self.model, window=WINDOW, size=SIZE, num_keypoints=KEYPOINTS, dtype=dtype, **options)


CASES = [Case(name) for name in models.MODELS] + [Case(name, options) for name, options in VARIANTS]


def inputs_for(takes: str, batch: int = BATCH, window: int = WINDOW, seed: int = 0) -> dict[str, np.ndarray]:
    """What a detector could have given: heatmaps of sum about 255, or whole-numbered positions, a fifth missing."""
    rng = np.random.default_rng(seed)
    height, width = SIZE
    if takes == "heatmaps":
        maps = rng.gamma(0.3, size=(batch, window, height, width, KEYPOINTS))
        return {"heatmaps": (255 * maps / maps.sum(axis=(2, 3), keepdims=True)).astype("float32")}
    shape = (batch, window, KEYPOINTS)
    keypoints = np.stack([rng.integers(width, size=shape), rng.integers(height, size=shape)], axis=-1)
    low = rng.uniform(0, 50, (batch, window, 2))
    return {
        "keypoints": keypoints.astype("float32"),
        "visibility": (rng.random(shape) > 0.2).astype("float32"),
        "boxes": np.concatenate([low, low + rng.uniform(80, 120, low.shape)], axis=-1).astype("float32"),
    }


def targets_for(batch: int = BATCH, window: int = WINDOW) -> dict[str, np.ndarray]:
    seen = inputs_for("keypoints", batch, window, seed=1)
    heatmaps = inputs_for("heatmaps", batch, window, seed=1)
    return {"keypoints": seen["keypoints"] + 0.25, "visibility": seen["visibility"] > 0.5, **heatmaps}
