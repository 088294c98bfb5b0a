"""The learned smoothers, by name. Keras 3 layers and `keras.ops` only: they run on every backend of Keras."""

from collections.abc import Callable
from typing import Any

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.models.bi_conv_lstm import BiConvLSTM
from kerasmooth.models.conv3d import Conv3D
from kerasmooth.models.deciwatch import DeciWatch
from kerasmooth.models.deciwatch_vit import DeciWatchViT
from kerasmooth.models.gated_splines import GatedSplines
from kerasmooth.models.smoother import Smoother

MODELS: dict[str, type[Smoother]] = {}


def register(name: str) -> Callable[[type[Smoother]], type[Smoother]]:
    """Makes a model known by a name; a decorator of smoothers, also of those outside this package.

    Its class is to be registered with `keras.saving.register_keras_serializable` too, which loads saved ones.
    """

    def add(model: type[Smoother]) -> type[Smoother]:
        MODELS[name] = model
        return model

    return add


register("conv3d")(Conv3D)
register("bi_conv_lstm")(BiConvLSTM)
register("deciwatch")(DeciWatch)
register("deciwatch_vit")(DeciWatchViT)
register("gated_splines")(GatedSplines)

__all__ = [
    "MODELS",
    "BiConvLSTM",
    "Conv3D",
    "DeciWatch",
    "DeciWatchViT",
    "GatedSplines",
    "Smoother",
    "build",
    "register",
]


def build(
    name: str, *, window: int, size: Size = (56, 56), num_keypoints: int = 25, dtype: Any = None, **options: Any
) -> Smoother:
    """A new model with random weights (`keras.utils.set_random_seed` makes them repeatable).

    Args:
      name: a key of `MODELS`.
      window: T, frames in a window.
      size: (height, width) of the heatmap grid.
      num_keypoints: K.
      dtype: dtype or policy of its layers; None is Keras's own.
      **options: what the model's class takes beside these, for example `merge_mode="concat"`.

    Raises:
      InputError: no model of that name, or the model has no such option.
      ValueError: an option has a value that the model refuses.
    """
    if name not in MODELS:
        raise InputError(f"unknown model, choose one of {', '.join(MODELS)}. Received: model={name!r}")
    known = MODELS[name].options()
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no such option, it has {', '.join(known) or 'none'}. Received: {option!r}")
    return MODELS[name](window=window, size=size, num_keypoints=num_keypoints, dtype=dtype, **options)
