"""One step and one validation of a learner, and the weights that it starts from."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console
from short_runs import Finished, config_for, make_learner, numbers_of
from small_records import SIZE

from kerasmooth import input_pipeline
from kerasmooth.errors import InputError
from kerasmooth.training import learner, run_folder
from kerasmooth.training.data import Batches
from kerasmooth.training.learner import loss_value
from kerasmooth.training.loop import Trainer

SMALL_DECIWATCH = {"hidden_dim": 8, "num_layers": 1}


def test_loss_and_score_do_not_depend_on_the_split_into_batches(short_records: Path) -> None:
    results = []
    for batch_size in (20, 16, 3):
        one, sets = make_learner(short_records, batch_size=batch_size)
        results.append(Trainer(one, sets, (), Console(quiet=True))._validate())
    for row in results[1:]:
        assert row.pop("val_loss") == pytest.approx(results[0]["val_loss"], rel=1e-6)
        assert row.items() <= results[0].items()


def test_padding_changes_no_step(short_records: Path) -> None:
    """A batch of 40 in 41 rows: the weights after a step are those without the padding."""
    weights = []
    for batch_size in (40, 41):
        one, sets = make_learner(short_records, batch_size=batch_size)
        batches = input_pipeline.training_batches(sets, seed=0, batch_size=batch_size, first_step=0, num_steps=1)
        batch = numbers_of(next(iter(batches)))
        assert len(batch["keypoints"]) == batch_size
        one.train_step(batch, 1)
        weights.append([np.array(weight) for weight in one.model.get_weights()])
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-6)


def test_a_step_is_adams_step_on_the_masked_mean_square(short_records: Path) -> None:
    """The first step of Adam moves each weight by the learning rate against its gradient's sign."""
    one, sets = make_learner(short_records, batch_size=8)
    batches = input_pipeline.training_batches(sets, seed=0, batch_size=8, first_step=0, num_steps=1)
    batch = numbers_of(next(iter(batches)))
    before = [np.array(weight) for weight in one.model.get_weights()]
    terms = one.train_step(batch, 1).numpy()
    moved = np.concatenate([(a - b).ravel() for a, b in zip(one.model.get_weights(), before, strict=True)])
    assert np.abs(moved).max() == pytest.approx(1e-3, rel=1e-3)
    shown = batch["visibility"].numpy().sum()
    assert terms[0, 1] == shown * SIZE[0] * SIZE[1]
    assert loss_value(terms) == pytest.approx(terms[0, 0] / terms[0, 1])


def test_finetuning_starts_from_the_best_weights(finished: Finished, short_records: Path) -> None:
    one, _ = make_learner(short_records, finetune_from=str(finished[0]), learning_rate=1e-4)
    best = keras.saving.load_model(finished[0] / "best.keras", compile=False).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(one.model.get_weights(), best, strict=True))


HEADS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "sum": ({"model": "bi_conv_lstm", "model_options": {"filters": 4}}, {"forward_5", "backward_5"}),
    "concat": ({"model": "bi_conv_lstm", "model_options": {"filters": 4, "merge_mode": "concat"}}, {"combiner_2"}),
    "deciwatch": ({"model": "deciwatch", "model_options": SMALL_DECIWATCH}, {"recover_head"}),
}


@pytest.mark.parametrize("model", HEADS)
def test_only_a_new_head_is_trained_when_the_rest_is_frozen(short_records: Path, tmp_path: Path, model: str) -> None:
    settings, head = HEADS[model]
    pretrained, _ = make_learner(short_records, **settings, seed=1)
    run_folder.save_model(pretrained.model, tmp_path / "best.keras")
    settings = settings | {"finetune_from": str(tmp_path), "freeze_but_last": True, "weight_decay": 1e-3}
    one, sets = make_learner(short_records, **settings, augment_rotation=45.0, augment_flip=True)
    weights = {variable.path: variable for variable in one.model.trainable_variables}
    start = {path: np.array(variable.numpy()) for path, variable in weights.items()}
    source = {variable.path: variable.numpy() for variable in pretrained.model.trainable_variables}
    one.train_step(next(Batches(one.config, sets, one.cluster).training(1, 0)), 1)
    changed = {path for path, variable in weights.items() if not np.array_equal(variable.numpy(), start[path])}
    renewed = {path for path in weights if not np.array_equal(start[path], source[path])}
    kernels = {f"{layer}/kernel" for layer in head}
    assert renewed == kernels  # a bias starts at 0 anyway
    assert kernels <= changed <= kernels | {f"{layer}/bias" for layer in head}


def test_a_model_that_is_all_head_is_not_finetuned_by_its_head(finished: Finished, short_records: Path) -> None:
    with pytest.raises(InputError, match="--freeze_but_last: the head of conv3d is all of it"):
        make_learner(short_records, finetune_from=str(finished[0]), freeze_but_last=True)


def test_mixed_precision_keeps_float32_weights(short_records: Path) -> None:
    one, sets = make_learner(short_records, precision="mixed_bfloat16")
    assert {layer.compute_dtype for layer in one.model.layers if layer.weights} == {"bfloat16"}
    batch = next(iter(input_pipeline.training_batches(sets, seed=0, batch_size=16, first_step=0, num_steps=1)))
    assert np.isfinite(loss_value(one.train_step(numbers_of(batch), 1).numpy()))
    assert {str(weight.dtype) for weight in one.model.weights} == {"float32"}


def test_weight_decay_leaves_learned_positions_alone(short_records: Path) -> None:
    one, _ = make_learner(short_records, model="deciwatch_vit", model_options=SMALL_DECIWATCH, weight_decay=0.1)
    spared = {v.path for v in one.trained if not one.optimizer._use_weight_decay(v)}
    assert "patch_positions/vectors" in spared
    kinds = {path.rsplit("/")[-1] for path in spared}
    assert kinds == {"vectors", "bias", "beta", "gamma"}


def test_weight_decay_is_decoupled_and_leaves_biases_alone(short_records: Path) -> None:
    config = config_for(short_records, weight_decay=0.1, learning_rate=0.01)
    layer = keras.layers.Dense(2, bias_initializer="ones", kernel_initializer="ones")
    layer.build((None, 3))
    optimizer = learner.build_optimizer(config)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([keras.ops.zeros_like(v) for v in layer.trainable_variables], layer.trainable_variables)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(kernel, 1 - 0.1 * 0.01, rtol=1e-6)  # w - lr * decay * w, for no gradient
    np.testing.assert_array_equal(bias, 1)
    assert not isinstance(learner.build_optimizer(config_for(short_records)), keras.optimizers.AdamW)
