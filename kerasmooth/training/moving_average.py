"""A moving average of a model's weights, to evaluate and keep instead of the last ones.

Keras's optimizers have `use_ema`, but start the average at the weights after the first step and let these count
decay^(n - 1) after n steps: with a decay of 0.999 and 300 steps, three quarters of the "average" are the
initialisation. Here every average is a true weighted mean of the weights that were seen, the correction that Adam
makes for its moments (Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 3).
"""

import contextlib
import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops


class MovingAverage:
    """Exponential moving average of weights.

    After n updates, with weights w_1 .. w_n, the average is sum_i d^(n - i) w_i / sum_i d^(n - i). A decay d of 1 is
    the mean of all of them (stochastic weight averaging, Izmailov et al., "Averaging Weights Leads to Wider Optima
    and Better Generalization", UAI 2018). With `bias_correction=False` it starts at the weights of this call, w_0,
    and is d average + (1 - d) w at each update, as in tensorflow-addons.

    Make it in the scope of the strategy that made the weights, and after these have their initial values. Weights
    that are not given (the statistics of a normalisation layer, for instance) are not averaged.

    Args:
      weights: Keras variables, usually `model.trainable_variables`.
      decay: d, in (0, 1]; about one over 1 - d updates count.
      bias_correction: see above.

    Raises:
      ValueError: a decay outside (0, 1], a decay of 1 without the correction (it would never move), no weights.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float = 0.999, bias_correction: bool = True) -> None:
        if not 0 < decay <= 1 or (decay == 1 and not bias_correction):
            raise ValueError(
                "decay must lie in (0, 1], below 1 without bias_correction. "
                f"Received: decay={decay}, bias_correction={bias_correction}"
            )
        if not weights:
            raise ValueError(f"there is nothing to average. Received: weights={weights}")
        self.decay = decay
        self.bias_correction = bias_correction
        self._weights = list(weights)
        self._num_updates = keras.Variable(0, dtype="int32", trainable=False, name="num_updates")
        self._averages = [
            keras.Variable(
                ops.convert_to_numpy(weight),
                dtype=weight.dtype,
                trainable=False,
                name=f"{weight.path.replace('/', '_')}_average",
            )
            for weight in self._weights
        ]

    @property
    def variables(self) -> list[keras.Variable]:
        """The whole state, for a checkpoint: the number of updates, int32, then one average for each weight."""
        return [self._num_updates, *self._averages]

    def update(self) -> None:
        """Takes the weights of now into the average: once after each step of the optimizer.

        It may stand in a compiled function and in `strategy.run`, where every replica updates its own copy of the
        same numbers.
        """
        num_updates = self._num_updates + 1
        share = self._share_of_newest(ops.cast(num_updates, "float32"))
        self._num_updates.assign(num_updates)
        for weight, average in zip(self._weights, self._averages, strict=True):
            # The first one replaces what was there, to the last bit; after that, steps towards the newest keep a weight
            # that rests where it is, which a sum of two shares, rounded apart, would not.
            before = ops.where(share == 1, weight, average)
            average.assign(before + ops.cast(share, average.dtype) * (weight - before))

    def _share_of_newest(self, num_updates: keras.KerasTensor) -> keras.KerasTensor | float:
        """What the newest of n weights counts: (1 - d) / (1 - d^n), exactly 1 for the first."""
        if not self.bias_correction:
            return 1 - self.decay
        if self.decay == 1:
            return 1 / num_updates
        log_decay = np.float32(math.log(self.decay))
        return ops.expm1(log_decay * ops.ones_like(num_updates)) / ops.expm1(log_decay * num_updates)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Puts the averages into the model for the length of a `with` block, and the weights back bit for bit after it.

        Evaluate and save the model inside; neither `update` nor write a checkpoint of the weights there. Called
        outside compiled functions and `strategy.run`. Before the first update the averages are the weights at the
        start.
        """
        last = [np.array(ops.convert_to_numpy(weight)) for weight in self._weights]
        try:
            for weight, average in zip(self._weights, self._averages, strict=True):
                weight.assign(ops.convert_to_numpy(average))
            yield
        finally:
            for weight, value in zip(self._weights, last, strict=True):
                weight.assign(value)
