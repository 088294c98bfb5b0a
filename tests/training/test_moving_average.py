"""The moving average of weights: its numbers, swap, resume and two replicas. test_addons_golden.py has more."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerasmooth.training.moving_average import MovingAverage


def variables(seed: int = 0) -> list[keras.Variable]:
    generator = np.random.default_rng(seed)
    return [keras.Variable(generator.normal(size=shape).astype(np.float32)) for shape in ((3, 2), (4,))]


def values(weights: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(ops.convert_to_numpy(weight)) for weight in weights]


def test_average_of_three_by_hand() -> None:
    weight = keras.Variable(100.0)
    average = MovingAverage([weight], decay=0.5)
    for value in (8.0, 4.0, 2.0):
        weight.assign(value)
        average.update()
    # 8, 4, 2 count 1, 2, 4 of 7; the 100 of the start counts nothing.
    assert float(ops.convert_to_numpy(average.variables[1])) == pytest.approx((8 * 1 + 4 * 2 + 2 * 4) / 7, rel=1e-6)
    assert float(ops.convert_to_numpy(average.variables[0])) == 1 + 0.5 + 0.25


def test_a_long_average_is_the_weighted_mean() -> None:
    """Also where decay^n is close to 1 (rounding) and close to 0."""
    sequence = np.random.default_rng(1).normal(size=2000).astype(np.float32) + 3
    weight = keras.Variable(-50.0)
    average = MovingAverage([weight], decay=0.999)
    update = tf.function(average.update)
    for n, value in enumerate(sequence, start=1):
        weight.assign(value)
        update()
        if n in (1, 2, 10, 300, 2000):
            expected = np.average(sequence[:n], weights=0.999 ** np.arange(n - 1, -1, -1.0))
            assert float(ops.convert_to_numpy(average.variables[1])) == pytest.approx(expected, rel=3e-6)


def test_weights_that_rest_keep_their_bits() -> None:
    weights = variables()
    average = MovingAverage(weights, decay=0.9999)
    update = tf.function(average.update)
    for _ in range(500):
        update()
    for value, expected in zip(values(average.variables[1:]), values(weights), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_why_not_the_average_of_keras() -> None:
    """Keras's own average still shows the initial weights after 300 steps; ours does not."""
    weight = keras.Variable(0.0)
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.999)
    optimizer.build([weight])
    average = MovingAverage([weight], decay=0.999)
    for step in range(300):
        weight.assign(float(step > 0))  # at the initialisation at first, trained from then on
        optimizer.apply([ops.convert_to_tensor(0.0)])
        average.update()
    optimizer.finalize_variable_values([weight])
    assert float(ops.convert_to_numpy(weight)) == pytest.approx(1 - 0.999**299, abs=1e-4)  # 0.26
    assert float(ops.convert_to_numpy(average.variables[1])) == pytest.approx(1, abs=0.005)


def test_applied_swaps_in_and_restores_every_bit_even_after_an_error() -> None:
    weights = variables()
    average = MovingAverage(weights, decay=0.9)
    average.update()
    averaged = values(average.variables[1:])
    for weight in weights:
        weight.assign(weight * 1.7 + 0.1)
    last = values(weights)

    def inside() -> None:
        with average.applied():
            for weight, expected in zip(values(weights), averaged, strict=True):
                np.testing.assert_array_equal(weight, expected)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inside()
    for weight, expected in zip(values(weights), last, strict=True):
        np.testing.assert_array_equal(weight, expected)
    for value, expected in zip(values(average.variables[1:]), averaged, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_evaluation_and_saved_model_use_the_averaged_weights(tmp_path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    average = MovingAverage(model.trainable_variables, decay=1.0)
    average.update()
    model.set_weights([np.full((2, 1), 3.0)])
    average.update()
    ones = np.ones((1, 2), np.float32)
    with average.applied():
        assert model(ones).numpy().item() == pytest.approx(4)  # mean of the weights 1 and 3, twice
        model.save(tmp_path / "best.keras")
    assert model(ones).numpy().item() == pytest.approx(6)
    assert keras.models.load_model(tmp_path / "best.keras")(ones).numpy().item() == pytest.approx(4)


def test_resumed_from_its_variables_it_goes_on_to_the_same_bits() -> None:
    steps = [np.random.default_rng(step).normal(size=6).astype(np.float32) for step in range(7)]

    def run(average: MovingAverage, weight: keras.Variable, part: list[np.ndarray]) -> list[np.ndarray]:
        update = tf.function(average.update)
        for value in part:
            weight.assign(value)
            update()
        return values(average.variables)

    weight = keras.Variable(np.zeros(6, np.float32))
    whole = run(MovingAverage([weight], 0.99), weight, steps)
    first_half = run(MovingAverage([weight], 0.99), weight, steps[:3])
    resumed = MovingAverage([weight], 0.99)
    for variable, value in zip(resumed.variables, first_half, strict=True):
        variable.assign(value)
    for value, expected in zip(run(resumed, weight, steps[3:]), whole, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_two_replicas_keep_the_average_of_one() -> None:
    """In a process of its own: the number of devices is fixed when TensorFlow starts."""
    program = """
        import keras, numpy as np, tensorflow as tf
        from kerasmooth.training.moving_average import MovingAverage
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

        def train(strategy):
            with strategy.scope():
                weight = keras.Variable(np.arange(5, dtype=np.float32))
                optimizer = keras.optimizers.Adam(0.1)
                optimizer.build([weight])
                average = MovingAverage([weight], 0.9)
            replicas = strategy.num_replicas_in_sync

            def step(gradient):
                optimizer.apply([gradient / replicas])  # Keras sums over the replicas
                average.update()

            compiled = tf.function(lambda gradient: strategy.run(step, args=(gradient,)))
            for n in range(6):
                compiled(tf.constant(np.random.default_rng(n).normal(size=5), tf.float32))
            copies = [copy.numpy() for v in average.variables for copy in strategy.experimental_local_results(v.value)]
            with average.applied():
                inside = [copy.numpy() for copy in strategy.experimental_local_results(weight.value)]
            after = [copy.numpy() for copy in strategy.experimental_local_results(weight.value)]
            return copies, inside, after

        one = train(tf.distribute.get_strategy())
        two = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
        for single, mirrored in zip(one, two):
            assert len(mirrored) == 2 * len(single)
            for index, value in enumerate(mirrored):
                np.testing.assert_allclose(value, single[index // 2], rtol=1e-6)
        assert not np.allclose(two[1][1], two[2][1])
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


@pytest.mark.parametrize("settings", [{"decay": 0.0}, {"decay": 1.5}, {"decay": float("nan")}])
def test_bad_decay(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"decay={settings['decay']}"):
        MovingAverage(variables(), **settings)
