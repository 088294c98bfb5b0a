"""A moving average of a model's weights, to evaluate and keep instead of the last ones.

Keras's optimizers have `use_ema`, but start the average at the weights after the first step and let these count
decay^(n - 1) after n steps: with a decay of 0.999 and 300 steps, three quarters of the "average" are the
initialisation. Here every average is a true weighted mean of the weights that were seen, the correction that Adam
makes for its moments (Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, section 3).
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops


class MovingAverage:
    """After n updates, with weights w_1 .. w_n, the average is sum_i d^(n - i) w_i / sum_i d^(n - i).

    A decay d of 1 is the mean of all (stochastic weight averaging, Izmailov et al., "Averaging Weights Leads to Wider
    Optima and Better Generalization", UAI 2018). Make it in the scope of the strategy that made the weights.

    Args:
      weights: Keras variables, usually `model.trainable_variables`; others are not averaged.
      decay: d, in (0, 1]; about one over 1 - d updates count.

    Attributes:
      variables: the whole state, for a checkpoint: the sum of d^(n - i), then one average for each weight.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float) -> None:
        if not 0 < decay <= 1:
            raise ValueError(f"decay must lie in (0, 1]. Received: decay={decay}")
        self.decay, self._weights = decay, list(weights)
        self.variables = [keras.Variable(0.0, trainable=False, name="sum_of_shares")]
        for weight in weights:
            name = f"{weight.path.replace('/', '_')}_average"
            start = ops.convert_to_numpy(weight)
            self.variables.append(keras.Variable(start, dtype=weight.dtype, trainable=False, name=name))

    def update(self) -> None:
        """Takes the weights of now into the average: once after each step of the optimizer.

        It may stand in a compiled function and in `strategy.run`, where every replica updates its own copy of the
        same numbers.
        """
        sum_of_shares, *averages = self.variables
        total = self.decay * sum_of_shares.value + 1
        sum_of_shares.assign(total)
        for weight, average in zip(self._weights, averages, strict=True):
            # The first one replaces what was there, to the last bit; after that, steps towards the newest keep a weight
            # that rests where it is, which a sum of two shares, rounded apart, would not.
            before = ops.where(total == 1, weight, average)
            average.assign(before + (weight - before) / ops.cast(total, average.dtype))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Puts the averages into the model for the length of a `with` block, and the weights back bit for bit after it.

        Evaluate and save the model inside; neither `update` nor write a checkpoint of the weights there.
        """
        last = [np.array(ops.convert_to_numpy(weight)) for weight in self._weights]
        try:
            for weight, average in zip(self._weights, self.variables[1:], strict=True):
                weight.assign(ops.convert_to_numpy(average))
            yield
        finally:
            for weight, value in zip(self._weights, last, strict=True):
                weight.assign(value)
