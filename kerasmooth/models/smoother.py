"""What every smoother has in common."""

from typing import Any, ClassVar, Literal

import keras

from kerasmooth.boxes import Size


class Smoother(keras.Model):
    """A functional model that corrects a window of a single-frame detector's output.

    The batch and time axes are dynamic: `window` says what the model is made for, and any other length is accepted.

    Input, by `takes`: {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2], (x, y) in heatmap cells,
    "visibility": [B, T, K], 1 where the detector found the keypoint, else 0}. Output, always float32:
    {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2] in heatmap cells, ...}.

    Attributes:
      takes: which of the two inputs the model has.
      default_loss: the name in `kerasmooth.losses.LOSSES` that the model is trained with.
      jit_compile_cpu: whether XLA makes the model faster on a CPU (measured).
    """

    takes: ClassVar[Literal["heatmaps", "keypoints"]]
    default_loss: ClassVar[str]
    jit_compile_cpu: ClassVar[bool]

    def __init__(
        self, inputs: Any, outputs: Any, *, window: int, size: Size, num_keypoints: int, name: str | None, **kwargs: Any
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        self.window = window
        self.size = tuple(size)
        self.num_keypoints = num_keypoints

    def get_config(self) -> dict[str, Any]:
        return {
            "window": self.window,
            "size": list(self.size),
            "num_keypoints": self.num_keypoints,
            "name": self.name,
            "trainable": self.trainable,
        }


def check_dimensions(window: int, size: Size, num_keypoints: int) -> None:
    """Raises ValueError unless every argument is a positive number (of frames, of (rows, columns), of keypoints)."""
    check_positive(window=window, num_keypoints=num_keypoints)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be a positive (height, width). Received: size={size}")


def check_positive(**values: int) -> None:
    """Raises ValueError for the first of the named values that is not a whole number of at least 1."""
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1. Received: {name}={value!r}")
