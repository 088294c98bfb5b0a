"""What every smoother has in common."""

import inspect
from typing import Any, ClassVar, Literal

import keras
import numpy as np

from kerasmooth.boxes import Size


class Smoother(keras.Model):
    """A functional model that corrects a window of a single-frame detector's output.

    The batch and time axes are dynamic: `window` says what the model is made for, and any other length is accepted.

    Input, by `takes`: {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2], (x, y) in heatmap cells,
    "visibility": [B, T, K], 1 where the detector found the keypoint, else 0, and, for a model that asks for it,
    "boxes": [B, T, 4], x1 y1 x2 y2 of each frame's grid in image pixels}. Output, always float32:
    {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2] in heatmap cells, ...}.

    A subclass gives every layer that has weights a name, so that checkpoints know them, `dtype` to every layer that may
    compute in it, and keeps its own keyword arguments, see `options`, as attributes.

    Attributes:
      takes: which of the two inputs the model has.
      default_loss: the name in `kerasmooth.losses.LOSSES` that the model is trained with.
      xla_pays_after: training steps after which compiling with XLA on a CPU has paid its time back (measured); None is
        never.
    """

    takes: ClassVar[Literal["heatmaps", "keypoints"]]
    default_loss: ClassVar[str] = "mse"
    xla_pays_after: ClassVar[int | None] = None

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        window: int,
        size: Size,
        num_keypoints: int,
        dtype: Any,
        name: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        if dtype is not None:
            self.dtype_policy = keras.dtype_policies.get(dtype)
        self.window = window
        self.size = tuple(size)
        self.num_keypoints = num_keypoints

    @classmethod
    def options(cls) -> dict[str, Any]:
        """What the class takes beside window, size, num_keypoints, dtype and name: its keyword-only arguments, with
        their defaults.
        """
        parameters = inspect.signature(cls.__init__).parameters.values()
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in ("dtype", "name")]
        return {parameter.name: parameter.default for parameter in keywords}

    def call(self, inputs: dict[str, Any], training: Any = None, mask: Any = None) -> dict[str, Any]:
        """As Keras has it; what the model does not ask for may be there too."""
        return super().call({name: inputs[name] for name in self.input}, training=training, mask=mask)

    @property
    def head_layers(self) -> list[str]:
        """Names of the layers that give the output: what regularised finetuning trains, started anew. Without any it is
        refused.
        """
        return []

    @property
    def head(self) -> list[keras.Variable]:
        """Trainable variables of the head."""
        return [variable for name in self.head_layers for variable in self.get_layer(name).trainable_variables]

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As Keras has it; targets that are one array, true keypoints, are those of the refined output alone."""
        return super().compute_loss(x, y, self._refined(y, y_pred), *args, **kwargs)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """As `compute_loss`."""
        return super().compute_metrics(x, y, self._refined(y, y_pred), sample_weight)

    def _refined(self, y: Any, y_pred: Any) -> Any:
        return y_pred if isinstance(y, dict) else y_pred[self.takes]

    def get_config(self) -> dict[str, Any]:
        return {
            "window": self.window,
            "size": list(self.size),
            "num_keypoints": self.num_keypoints,
            "dtype": self.dtype_policy.name,
            "name": self.name,
            "trainable": self.trainable,
            **{name: getattr(self, name) for name in self.options()},
        }


def checked_dimensions(window: int, size: Size, num_keypoints: int) -> dict[str, Any]:
    """The arguments by name. Raises ValueError unless all are positive (frames, (rows, columns), keypoints)."""
    check_positive(window=window, num_keypoints=num_keypoints)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be a positive (height, width). Received: size={size}")
    return {"window": window, "size": size, "num_keypoints": num_keypoints}


def check_positive(**values: int) -> None:
    """Raises ValueError for the first of the named values that is not a whole number of at least 1."""
    for name, value in values.items():
        if type(value) is not int or value < 1:  # a bool is an int too
            raise ValueError(f"{name} must be a whole number of at least 1. Received: {name}={value!r}")


def grid_scale(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Cells (x, y) of half a grid (height, width), and of its centre: scaled by them, its edges lie at -1 and 1."""
    height, width = size
    half = np.array([width, height], "float32") / 2
    return half, half - 0.5
