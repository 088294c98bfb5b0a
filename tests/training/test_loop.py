import contextlib
import csv
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console
from small_records import SIZE, WINDOW, write_records
from tensorflow.python.framework import config as tf_config

from kerasmooth import input_pipeline
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.metrics import pck_counts
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord import reader
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training import checkpoint, devices, learner, report, run_folder
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import Batches, open_records
from kerasmooth.training.learner import Learner, loss_value
from kerasmooth.training.loop import train as train_run
from kerasmooth.training.loop import verifies
from kerasmooth.training.state import RunState
from kerasmooth.training.trainer import Interrupted, Trainer

SMALL_DECIWATCH = {"hidden_dim": 8, "num_layers": 1}


@pytest.fixture(autouse=True)
def _determinism_ends_with_the_test() -> Iterator[None]:
    yield
    tf_config.disable_op_determinism()


@pytest.fixture(autouse=True)
def _no_curves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the epochs here; the fixture `finished`, made once, has them."""
    request.getfixturevalue("finished")
    monkeypatch.setattr(report, "draw_curves", lambda *_: None)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    write_records(folder, windows=(40, 20))
    return folder


def config_for(records: Path, **changes: Any) -> TrainingConfig:
    base = TrainingConfig(records_dir=str(records), datasets=("sample",), shifting_scalar=0.5, max_epochs=2, jit="off")
    return base.replace(**changes)


@contextlib.contextmanager
def recording() -> Iterator[Console]:
    with open(os.devnull, "w") as nowhere:
        yield Console(width=200, record=True, file=nowhere)


def placed(config: TrainingConfig, run_dir: Path) -> TrainingConfig:
    return config.replace(runs_dir=str(run_dir.parent), run_name=run_dir.name)


def train(config: TrainingConfig, run_dir: Path) -> tuple[RunState, str]:
    with recording() as console:
        return train_run(placed(config, run_dir), console=console), console.export_text()


def arrays(run_dir: Path) -> dict[str, np.ndarray]:
    with np.load(run_dir / "checkpoint.npz") as archive:
        return {name: archive[name] for name in archive.files if name != "state"}


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = arrays(one), arrays(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name].tobytes() != second[name].tobytes()] == []
    assert (one / "best.keras").read_bytes() == (other / "best.keras").read_bytes()
    assert (one / "best.json").read_bytes() == (other / "best.json").read_bytes()


@pytest.fixture(scope="module")
def finished(records: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunState, str]:
    """A run of two epochs: its folder, its state, and what it said."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    state, said = train(config_for(records), run_dir)
    tf_config.disable_op_determinism()
    return run_dir, state, said


def test_the_run_folder_tells_its_story(finished: tuple[Path, RunState, str]) -> None:
    run_dir, state, said = finished
    names = {path.name for path in run_dir.iterdir()} - {"tensorboard"}
    assert names == {
        "flags.cfg",
        "config.json",
        "environment.json",
        "history.csv",
        "checkpoint.npz",
        "best.keras",
        "best.json",
        "curves.png",
    }
    config = TrainingConfig.load(run_dir)
    assert (config.window, config.size, config.datasets) == (WINDOW, SIZE, ("sample",))
    environment = json.loads((run_dir / "environment.json").read_text())
    assert environment["keras"] == keras.__version__
    with (run_dir / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_loss"]) == state.rows[1]["val_loss"]
    assert (run_dir / "curves.png").read_bytes().startswith(b"\x89PNG")
    for words in ("no smoothing: pck@0.05", "Best epoch", "kerasmooth.evaluate --run="):
        assert words in said


def test_the_best_model_has_the_score_that_was_noted(finished: tuple[Path, RunState, str], records: Path) -> None:
    """Judged again without the compiled steps: noise, rendering, decoding in NumPy, and the reloaded model."""
    run_dir, state, _ = finished
    sets = RecordSets(records, ("sample",))
    batch = next(iter(input_pipeline.evaluation_batches(sets, "validation", batch_size=20)))
    windows = {name: tensor.numpy()[0] for name, tensor in batch.items()}
    codec, truth, shown = HeatmapCodec(SIZE), windows["keypoints"], windows["visibility"]
    keys = (windows["clip_key"], windows["frame_numbers"])
    seen = DetectorNoise(shifting_scalar=0.5).simulate(truth, shown, *keys, SIZE, epoch=0)
    heatmaps = codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"])
    model = keras.saving.load_model(run_dir / "best.keras", compile=False)
    smoothed = model.predict({"heatmaps": heatmaps}, verbose=0)["heatmaps"]
    best = json.loads((run_dir / "best.json").read_text())
    thresholds = (0.05, 0.1, 0.2)
    expected = pck_counts(truth, codec.decode(smoothed)[0], shown, thresholds).total()
    identity = pck_counts(truth, seen["keypoints"], shown, thresholds).total()
    for threshold, mine, theirs in zip(thresholds, expected, identity, strict=True):
        # One keypoint of 2,500 may lie on a tie that rounding decides.
        assert best[f"val_pck@{threshold}"] == pytest.approx(mine, abs=5e-4)
        assert best["identity"][f"val_pck@{threshold}"] == pytest.approx(theirs, abs=1e-9)
    squares = np.where(shown[:, :, None, None], smoothed - codec.encode(truth, shown, 0), 0) ** 2
    loss = squares.sum() / (shown.sum() * SIZE[0] * SIZE[1])
    assert state.rows[state.best_epoch(config_for(records)) - 1]["val_loss"] == pytest.approx(loss, rel=1e-5)


def test_the_same_settings_give_the_same_bytes(
    finished: tuple[Path, RunState, str], records: Path, tmp_path: Path
) -> None:
    train(config_for(records), tmp_path / "again")
    assert_same_weights(finished[0], tmp_path / "again")


@contextlib.contextmanager
def at_call(number: int, target: Any, name: str, happens: Callable[[], None]) -> Iterator[None]:
    """Something happens at the end of the given call of a function."""
    original, calls = getattr(target, name), []

    def wrapped(*arguments: Any) -> Any:
        result = original(*arguments)
        calls.append(name)
        if len(calls) == number:
            happens()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, wrapped)
        yield


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_anywhere_a_run_ends_as_if_it_had_not_been(
    finished: tuple[Path, RunState, str], records: Path, tmp_path: Path
) -> None:
    moments = [
        (Learner, "train_step", 2, "in epoch 1 after step 2 of 3"),
        (Learner, "train_step", 1, "in epoch 1 after step 3 of 3"),
        (Learner, "validation_step", 3, "in epoch 2 after step 3 of 3"),
    ]
    for target, name, call, where in moments:
        with at_call(call, target, name, press_ctrl_c), recording() as console, pytest.raises(Interrupted):
            train_run(placed(config_for(records), tmp_path / "run"), console=console)
        assert f"Interrupted {where}: run the same command again to continue" in console.export_text()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(config_for(records), tmp_path / "run")
    assert_same_weights(finished[0], tmp_path / "run")


class KilledError(Exception):
    pass


def die() -> None:
    raise KilledError


def test_killed_while_an_epoch_is_filed_a_run_ends_as_if_it_had_not_been(
    finished: tuple[Path, RunState, str], records: Path, tmp_path: Path
) -> None:
    """The second save is the one of the epoch's end. The second epoch is added afterwards."""
    for target, name, call in ((run_folder, "save_model", 1), (checkpoint, "save", 1), (report, "write_history", 1)):
        with at_call(call, target, name, die), pytest.raises(KilledError):
            train(config_for(records, max_epochs=1), tmp_path / "run")
    _, said = train(config_for(records), tmp_path / "run")
    assert "Continuing in epoch 2 after step 0" in said
    assert_same_weights(finished[0], tmp_path / "run")
    assert (tmp_path / "run" / "history.csv").read_text().count("\n") == 3


def make_learner(records: Path, **changes: Any) -> tuple[Learner, RecordSets]:
    config, sets = open_records(config_for(records, **changes), lambda _: None)
    keras.utils.set_random_seed(config.seed)
    return Learner(config, devices.build("single")), sets


@pytest.mark.parametrize(
    ("verify", "begun", "worker", "hashes"),
    [
        ("first", False, 0, True),
        ("first", True, 0, False),
        ("always", True, 0, True),
        ("never", False, 0, False),
        ("first", False, 1, False),
    ],
)
def test_checksums_are_compared_when_a_run_begins_and_by_the_first_worker(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verify: str, begun: bool, worker: int, hashes: bool
) -> None:
    files: set[Path] = set()
    real = reader.sha256_of
    monkeypatch.setattr(reader, "sha256_of", lambda path: (files.add(path), real(path))[1])
    if begun:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / checkpoint.CHECKPOINT_FILE).write_bytes(b"")
    config = config_for(records, verify_records=verify, runs_dir=str(tmp_path), run_name="run")
    cluster = devices.Cluster(worker=worker, num_workers=2)
    open_records(config, lambda _: None, verifies(config, cluster))
    assert bool(files) == hashes


def numbers_of(batch: dict[str, Any]) -> dict[str, Any]:
    """The only replica's part of a batch, without what steps do not take."""
    return {name: value[0] for name, value in batch.items() if name != "clip_id"}


def test_a_batch_that_some_devices_would_have_nothing_of_is_refused(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "build", lambda *_: devices.Cluster(num_workers=8, local_replicas=8))
    with pytest.raises(InputError, match="--batch_size=16 is less than the 64 devices that share a batch"):
        train_run(placed(config_for(records), tmp_path / "run"), console=Console(quiet=True))
    assert not (tmp_path / "run").exists()


def test_another_seed_is_another_start(records: Path) -> None:
    first, second, third = (make_learner(records, seed=seed)[0].model.get_weights()[0] for seed in (0, 1, 0))
    np.testing.assert_array_equal(first, third)
    assert (first != second).any()


def test_loss_and_score_do_not_depend_on_the_split_into_batches(records: Path) -> None:
    results = []
    for batch_size in (20, 16, 3):
        one, sets = make_learner(records, batch_size=batch_size)
        results.append(Trainer(one, sets, (), Console(quiet=True))._validate())
    for row in results[1:]:
        assert row.pop("val_loss") == pytest.approx(results[0]["val_loss"], rel=1e-6)
        assert row.items() <= results[0].items()


def test_padding_changes_no_step(records: Path) -> None:
    """A batch of 40 in 41 rows: the weights after a step are those without the padding."""
    weights = []
    for batch_size in (40, 41):
        one, sets = make_learner(records, batch_size=batch_size)
        batches = input_pipeline.training_batches(sets, seed=0, batch_size=batch_size, first_step=0, num_steps=1)
        batch = numbers_of(next(iter(batches)))
        assert len(batch["keypoints"]) == batch_size
        one.train_step(batch, 1)
        weights.append([np.array(weight) for weight in one.model.get_weights()])
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-6)


def test_a_step_is_adams_step_on_the_masked_mean_square(records: Path) -> None:
    """The first step of Adam moves each weight by the learning rate against its gradient's sign."""
    one, sets = make_learner(records, batch_size=8)
    batches = input_pipeline.training_batches(sets, seed=0, batch_size=8, first_step=0, num_steps=1)
    batch = numbers_of(next(iter(batches)))
    before = [np.array(weight) for weight in one.model.get_weights()]
    terms = one.train_step(batch, 1).numpy()
    moved = np.concatenate([(a - b).ravel() for a, b in zip(one.model.get_weights(), before, strict=True)])
    assert np.abs(moved).max() == pytest.approx(1e-3, rel=1e-3)
    shown = batch["visibility"].numpy().sum()
    assert terms[0, 1] == shown * SIZE[0] * SIZE[1]
    assert loss_value(terms) == pytest.approx(terms[0, 0] / terms[0, 1])


def test_the_average_of_the_weights_is_judged_and_kept(records: Path, tmp_path: Path) -> None:
    state, _ = train(config_for(records, ema=0.9, max_epochs=1), tmp_path / "run")
    kept = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False).get_weights()
    stored = arrays(tmp_path / "run")
    averages = [stored[f"average/convolution_{name}_average"] for name in ("kernel", "bias")]
    assert stored["average/sum_of_shares"] == pytest.approx(1 + 0.9 + 0.81)  # three steps
    last = [stored[f"model/convolution/{name}"] for name in ("kernel", "bias")]
    assert all(np.array_equal(a, b) for a, b in zip(kept, averages, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(kept, last, strict=True))
    assert state.best_epoch(config_for(records)) == 1


def test_the_budget_of_minutes_ends_a_run_after_an_epoch(records: Path, tmp_path: Path) -> None:
    state, said = train(config_for(records, max_minutes=1e-4, max_epochs=50), tmp_path / "run")
    assert len(state.rows) == 1
    assert "--max_minutes" in said
    state, said = train(config_for(records, max_minutes=1e-4, max_epochs=50), tmp_path / "run")
    assert "is finished" in said
    assert len(state.rows) == 1


def test_a_plateau_lowers_the_rate_and_then_stops(records: Path, tmp_path: Path) -> None:
    """A rate of next to nothing leaves the validation loss as it is."""
    config = config_for(records, learning_rate=1e-30, patience_lr=1, patience_stop=2, max_epochs=50, steps_per_epoch=1)
    state, said = train(config, tmp_path / "run")
    assert [row["learning_rate"] for row in state.rows] == pytest.approx([1e-30, 1e-30, 1e-31], rel=1e-6)
    assert state.best_epoch(config_for(records)) == 1
    assert "--patience_stop" in said


def test_the_rate_rises_over_the_first_steps_of_a_run(records: Path, tmp_path: Path) -> None:
    rates: list[float] = []
    original = Learner.train_step

    def noting(one: Learner, batch: Any, epoch: int) -> Any:
        rates.append(float(one.optimizer.learning_rate.numpy()))
        return original(one, batch, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "train_step", noting)
        train(config_for(records, warmup_steps=4, steps_per_epoch=3), tmp_path / "run")
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_finetuning_starts_from_the_best_weights(finished: tuple[Path, RunState, str], records: Path) -> None:
    one, _ = make_learner(records, finetune_from=str(finished[0]), learning_rate=1e-4)
    best = keras.saving.load_model(finished[0] / "best.keras", compile=False).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(one.model.get_weights(), best, strict=True))


HEADS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "sum": ({"model": "bi_conv_lstm", "model_options": {"filters": 4}}, {"forward_5", "backward_5"}),
    "concat": ({"model": "bi_conv_lstm", "model_options": {"filters": 4, "merge_mode": "concat"}}, {"combiner_2"}),
    "deciwatch": ({"model": "deciwatch", "model_options": SMALL_DECIWATCH}, {"recover_head"}),
}


@pytest.mark.parametrize("model", HEADS)
def test_only_a_new_head_is_trained_when_the_rest_is_frozen(records: Path, tmp_path: Path, model: str) -> None:
    settings, head = HEADS[model]
    pretrained, _ = make_learner(records, **settings, seed=1)
    run_folder.save_model(pretrained.model, tmp_path / "best.keras")
    settings = settings | {"finetune_from": str(tmp_path), "freeze_but_last": True, "weight_decay": 1e-3}
    one, sets = make_learner(records, **settings, augment_rotation=45.0, augment_flip=True)
    weights = {variable.path: variable for variable in one.model.trainable_variables}
    start = {path: np.array(variable.numpy()) for path, variable in weights.items()}
    source = {variable.path: variable.numpy() for variable in pretrained.model.trainable_variables}
    one.train_step(next(Batches(one.config, sets, one.cluster).training(1, 0)), 1)
    changed = {path for path, variable in weights.items() if not np.array_equal(variable.numpy(), start[path])}
    renewed = {path for path in weights if not np.array_equal(start[path], source[path])}
    kernels = {f"{layer}/kernel" for layer in head}
    assert renewed == kernels  # a bias starts at 0 anyway
    assert kernels <= changed <= kernels | {f"{layer}/bias" for layer in head}


def test_a_model_that_is_all_head_is_not_finetuned_by_its_head(
    finished: tuple[Path, RunState, str], records: Path
) -> None:
    with pytest.raises(InputError, match="--freeze_but_last: the head of conv3d is all of it"):
        make_learner(records, finetune_from=str(finished[0]), freeze_but_last=True)


def test_mixed_precision_keeps_float32_weights(records: Path) -> None:
    one, sets = make_learner(records, precision="mixed_bfloat16")
    assert {layer.compute_dtype for layer in one.model.layers if layer.weights} == {"bfloat16"}
    batch = next(iter(input_pipeline.training_batches(sets, seed=0, batch_size=16, first_step=0, num_steps=1)))
    assert np.isfinite(loss_value(one.train_step(numbers_of(batch), 1).numpy()))
    assert {str(weight.dtype) for weight in one.model.weights} == {"float32"}


def test_weight_decay_is_decoupled_and_leaves_biases_alone(records: Path) -> None:
    config = config_for(records, weight_decay=0.1, learning_rate=0.01)
    layer = keras.layers.Dense(2, bias_initializer="ones", kernel_initializer="ones")
    layer.build((None, 3))
    optimizer = learner.build_optimizer(config)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([keras.ops.zeros_like(v) for v in layer.trainable_variables], layer.trainable_variables)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(kernel, 1 - 0.1 * 0.01, rtol=1e-6)  # w - lr * decay * w, for no gradient
    np.testing.assert_array_equal(bias, 1)
    assert not isinstance(learner.build_optimizer(config_for(records)), keras.optimizers.AdamW)


def test_tensorboard_shows_each_epoch_once(finished: tuple[Path, RunState, str]) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    found: dict[str, list[int]] = {}
    for path in (finished[0] / "tensorboard").rglob("events.*"):
        for event in loader.LegacyEventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found.setdefault(f"{path.parent.name}/{value.tag}", []).append(event.step)
    assert found["train/epoch_loss"] == found["validation/epoch_pck@0.2"] == [0, 1]
    assert found["train/epoch_learning_rate"] == [0, 1]


class Noting(keras.callbacks.Callback):
    """Notes what it is told, and stops after an epoch."""

    def __init__(self, stop_after: int) -> None:
        super().__init__()
        self.stop_after, self.told, self.logs = stop_after, [], {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.told.append(f"train of {self.params['epochs']} x {self.params['steps']}")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.told.append(f"epoch {epoch}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.told.append(f"batch {batch}")
        assert np.isfinite(logs["loss"])

    def on_test_begin(self, logs: Any = None) -> None:
        self.told.append("test")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs = logs
        self.model.stop_training = epoch + 1 == self.stop_after

    def on_train_end(self, logs: Any = None) -> None:
        self.told.append("end")


def test_callbacks_are_told_what_fit_would_tell_them_and_may_stop(records: Path, tmp_path: Path) -> None:
    noting, early = Noting(1), keras.callbacks.EarlyStopping(monitor="val_pck@0.2", mode="max", patience=9)
    config = placed(config_for(records), tmp_path / "run")
    state = train_run(config, [noting, early], Console(quiet=True))
    assert noting.told == ["train of 2 x 3", "epoch 0", "batch 0", "batch 1", "batch 2", "test", "end"]
    assert {"loss", "val_loss", "val_pck@0.05", "learning_rate"} <= noting.logs.keys()
    assert (len(state.rows), noting.logs["val_loss"]) == (1, state.rows[0]["val_loss"])
    assert early.best == state.rows[0]["val_pck@0.2"]
    assert "a callback" in train(config, tmp_path / "run")[1]


def test_callbacks_change_nothing_by_being_there(
    finished: tuple[Path, RunState, str], records: Path, tmp_path: Path
) -> None:
    train_run(placed(config_for(records), tmp_path / "run"), [Noting(9)], Console(quiet=True))
    assert_same_weights(finished[0], tmp_path / "run")
