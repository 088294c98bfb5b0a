"""Each setting of a run is seen to do what it says, and nothing else."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from small_records import SIZE, WINDOW, write_records
from tensorflow.python.framework import config as tf_config

from kerasmooth.training import devices, loop, run_folder
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.loop import Trainer
from kerasmooth.training.state import RunState

SMALL = {"hidden_dim": 8, "num_layers": 1}


@pytest.fixture(autouse=True)
def _determinism_ends_with_the_test() -> Iterator[None]:
    yield
    tf_config.disable_op_determinism()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wiring")
    write_records(path / "records", windows=(40, 20))
    write_records(path / "records", dataset="brace", windows=(30, 10), seed=3)
    write_records(path / "half", windows=(40, 20), frame_step=2)
    return path


def trainer_of(folder: Path, **settings: Any) -> Trainer:
    """What `train` makes before it starts."""
    base = {"records_dir": str(folder / "records"), "datasets": ("sample",), "shifting_scalar": 0.5, "jit": "off"}
    config = TrainingConfig(**base | {"runs_dir": str(folder / "runs"), "run_name": "run"} | settings)
    shutil.rmtree(config.run_dir, ignore_errors=True)
    made: list[Trainer] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "run", lambda trainer: made.append(trainer))
        loop.train(config, console=Console(quiet=True))
    return made[0]


def digest(arrays: dict[str, Any]) -> dict[str, str]:
    return {name: hashlib.sha256(np.asarray(value).tobytes()).hexdigest()[:8] for name, value in arrays.items()}


def history(losses: list[float]) -> RunState:
    """Epochs of a minute; by PCK at 0.05 the first is best, at 0.1 the second, at 0.2 the third."""
    state = RunState("")
    for number, loss in enumerate(losses):
        scores = {f"val_pck@{a}": float(number == i) for i, a in enumerate((0.05, 0.1, 0.2))}
        state.end_epoch({"val_loss": loss, "seconds": 60.0, **scores})
    return state


def first_batch(trainer: Trainer, records: Path) -> dict[str, Any]:
    """A batch that does not depend on the settings, with a real detector's heatmaps beside."""
    (part,) = sorted((records / "records" / "sample").glob("validation-00000*"))
    serialized = tf.stack(list(tf.data.TFRecordDataset(str(part)).take(4)))
    batch = trainer.batches.records.parse(serialized)
    heatmaps = np.random.default_rng(0).gamma(0.3, size=(4, WINDOW, *SIZE, 25)).astype(np.float32)
    detected = dict(batch) | {"heatmaps": tf.constant(heatmaps)}
    return {"simulated": {**batch, "constant_shift": tf.fill([4], True)}, "detected": detected}


def numbers(batches: Iterator[Any]) -> list[list[int]]:
    return [batch["frame_numbers"].numpy()[:, 0].tolist() for batch in batches]


def plan_of(trainer: Trainer) -> dict[str, Any]:
    """What follows from the settings for the length of a run, its rates, its best epoch and its checkpoints."""
    config, warmed = trainer.config, trainer.config.replace(warmup_steps=0)
    ended = next(n for n in range(1, 99) if history([1.0] * n).why_finished(config))
    trainer._saved_at, due, warm = time.monotonic() - 100, [], []
    for trainer.state.step in range(4):
        due.append(trainer._checkpoint_is_due())
        warm.append(trainer.state.learning_rate(config, 9) / config.learning_rate)
    return {
        "end": ended,
        "rates": [history([1.0] * n).learning_rate(warmed, 9) for n in range(12)],
        "warm-up": warm,
        "best": history([1.0] * 4).best_epoch(config),
        "checkpoints": due,
    }


def seen(trainer: Trainer, records: Path) -> dict[str, Any]:
    """Everything that settings may change, by name; equal where nothing changed."""
    one, batches = trainer.learner, trainer.batches
    optimizer = {name: value for name, value in one.optimizer.get_config().items() if name != "name"}
    batch = first_batch(trainer, records)
    found: dict[str, Any] = {
        "place": str(trainer.run_dir),
        "model": type(one.model).__name__ + json.dumps(one.model.get_config()),
        "weights": digest({weight.path: weight.numpy() for weight in one.model.trainable_variables}),
        "trained": [variable.path for variable in one.trained],
        "loss": one.loss.name,
        "optimizer": {type(one.optimizer).__name__: optimizer},
        "average": one.average and one.average.decay,
        "compiled": one._train._jit_compile,
        "compiled validation": one._validate._jit_compile,
        "devices": type(one.cluster.strategy).__name__,
        "deterministic": tf_config.is_op_determinism_enabled(),
        "records": [str(path) for path in batches.records.folders],
        "epoch 1": numbers(batches.training(1, 0)),
        "epoch 2": numbers(batches.training(2, 0)),
        "validation": numbers(batches.validation()),
    }
    for epoch in (1, 2):
        inputs, targets = one.training_pair(batch["simulated"], one.epoch_key(epoch))
        found |= {f"inputs {epoch}": digest(inputs), f"targets {epoch}": digest(targets)}
    inputs, targets = one.pair(batch["simulated"])
    found |= {"validation inputs": digest(inputs), "validation targets": digest(targets)}
    found["real detections"] = digest(one.pair(batch["detected"], takes="keypoints")[0])
    found["decoded"] = digest({"keypoints": one.keypoints({"heatmaps": batch["detected"]["heatmaps"]})})
    return found | plan_of(trainer)


@pytest.fixture(scope="module")
def usual(folder: Path) -> dict[str, Any]:
    found = seen(trainer_of(folder), folder)
    tf_config.disable_op_determinism()
    return found


NOISE = {"inputs 1", "inputs 2", "validation inputs"}
TRAINING = {"inputs 1", "inputs 2", "targets 1", "targets 2"}
BATCHES = {"epoch 1", "epoch 2"}
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "runs_dir": ({"runs_dir": "{folder}/elsewhere"}, {"place"}),
    "run_name": ({"run_name": "other"}, {"place"}),
    "experiment": ({"run_name": "", "experiment": "7"}, {"place"}),
    "model": ({"model": "bi_conv_lstm", "model_options": {"filters": 2}}, {"model", "weights", "trained"}),
    "model_options": ({"model": "deciwatch", "model_options": SMALL | {"sample_interval": 1}}, {"model"}),
    "loss": ({"model": "deciwatch", "model_options": SMALL, "loss": "mse"}, {"loss"}),
    "sub_pixel_targets": ({"sub_pixel_targets": True}, {"targets 1", "targets 2", "validation targets"}),
    "decoder": ({"decoder": "dark"}, {"real detections", "decoded"}),
    "records_dir": ({"records_dir": "{folder}/copy"}, {"records"}),
    "datasets": ({"datasets": ("brace",)}, {"records", "epoch 1", "epoch 2", "validation"}),
    "frame_step": ({"frame_step": 2, "records_dir": "{folder}/half"}, {"records"}),
    "validation_windows": ({"validation_windows": 5}, {"validation"}),
    "shifting_scalar": ({"shifting_scalar": 1.0}, NOISE),
    "random_sigma": ({"random_sigma": False}, NOISE),
    "noise": ({"noise": "fixed"}, {"inputs 1", "inputs 2"}),
    "noise_model": ({"noise_model": "mixture"}, NOISE),
    "noise_seed": ({"noise_seed": 5}, NOISE),
    "noise_dropout": ({"noise_dropout": 0.5}, NOISE),
    "noise_swap": ({"noise_swap": 0.5}, NOISE),
    "constant_shift": ({"constant_shift": True}, NOISE),
    "augment_rotation": ({"augment_rotation": 30.0}, TRAINING),
    "augment_translation": ({"augment_translation": 2.0}, TRAINING),
    "augment_flip": ({"augment_flip": True}, TRAINING),
    "augment_scale": ({"augment_scale": 0.5}, TRAINING),
    "augment_reverse": ({"augment_reverse": True}, TRAINING),
    "augment_slowdown": ({"augment_slowdown": 0.5}, TRAINING),
    "augment_dropout": ({"augment_dropout": 0.5}, {"inputs 1", "inputs 2"}),
    "batch_size": ({"batch_size": 10}, {"epoch 1", "epoch 2", "validation"}),
    "learning_rate": ({"learning_rate": 0.5}, {"optimizer", "rates"}),
    "warmup_steps": ({"warmup_steps": 3}, {"warm-up"}),
    "beta_1": ({"beta_1": 0.5}, {"optimizer"}),
    "beta_2": ({"beta_2": 0.5}, {"optimizer"}),
    "weight_decay": ({"weight_decay": 0.1}, {"optimizer"}),
    "ema": ({"ema": 0.9}, {"average"}),
    "lr_factor": ({"lr_factor": 0.5}, {"rates"}),
    "patience_lr": ({"patience_lr": 2}, {"rates"}),
    "patience_stop": ({"patience_stop": 3}, {"end"}),
    "best_by": ({"best_by": 0.05}, {"best"}),
    "steps_per_epoch": ({"steps_per_epoch": 2}, BATCHES),
    "max_epochs": ({"max_epochs": 4}, {"end"}),
    "max_minutes": ({"max_minutes": 4.5}, {"end"}),
    "finetune_from": ({"finetune_from": "{folder}/source"}, {"weights"}),
    "freeze_but_last": ({"model": "deciwatch", "model_options": SMALL}, {"trained", "weights"}),
    "seed": ({"seed": 1}, {"weights", *BATCHES, "inputs 1", "inputs 2"}),
    "strategy": ({"strategy": "mirrored"}, {"devices"}),
    "verify_records": ({"verify_records": "never"}, set()),  # what is hashed: see test_data
    "worker_timeout": ({"worker_timeout": 5.0}, set()),  # for several processes only: see below
    "precision": ({"precision": "mixed_bfloat16"}, {"model"}),
    "jit": ({"jit": "on"}, {"compiled", "compiled validation"}),
    "deterministic": ({"deterministic": False}, {"deterministic"}),
    "checkpoint_seconds": ({"checkpoint_seconds": 200.0}, {"checkpoints"}),
    "checkpoint_steps": ({"checkpoint_steps": 2, "checkpoint_seconds": 0.0}, {"checkpoints"}),
}
"""Setting -> a change, and exactly what it changes. Beside the usual settings, or those of `besides`."""


def besides(setting: str, folder: Path) -> dict[str, Any]:
    """What a change is compared with where that is not the usual trainer."""
    if setting == "experiment":
        return {"run_name": ""}
    if setting in ("model_options", "loss"):
        return {"model": "deciwatch", "model_options": SMALL}
    if setting == "freeze_but_last":
        return {"model": "deciwatch", "model_options": SMALL, "finetune_from": str(folder / "source-deciwatch")}
    return {"checkpoint_seconds": 0.0} if setting == "checkpoint_steps" else {}


def pretrained(folder: Path, name: str, **settings: Any) -> None:
    run_dir = folder / name
    if not run_dir.exists():
        run_dir.mkdir()
        run_folder.save_model(trainer_of(folder, seed=9, **settings).learner.model, run_dir / "best.keras")


def test_every_setting_has_a_case() -> None:
    assert set(CASES) == set(TrainingConfig.flags())


@pytest.mark.parametrize("setting", CASES)
def test_a_setting_changes_what_it_says_and_nothing_else(folder: Path, usual: dict[str, Any], setting: str) -> None:
    if setting == "records_dir":
        shutil.copytree(folder / "records", folder / "copy")
    if setting in ("finetune_from", "freeze_but_last"):
        pretrained(folder, "source")
        pretrained(folder, "source-deciwatch", model="deciwatch", model_options=SMALL)
    change, expected = CASES[setting]
    filled = {k: v.format(folder=folder) if isinstance(v, str) else v for k, v in change.items()}
    beside = besides(setting, folder)
    if setting == "freeze_but_last":
        filled |= beside | {"freeze_but_last": True}
    before = seen(trainer_of(folder, **beside), folder) if beside else usual
    tf_config.disable_op_determinism()
    after = seen(trainer_of(folder, **filled), folder)
    changed = {name for name in after if after[name] != before[name]}
    if setting == "model":  # another model takes other inputs and has another loss perhaps: see what must change only
        assert expected <= changed
    else:
        assert changed == expected


def test_epochs_differ_in_windows_noise_and_augmentation(folder: Path) -> None:
    found = seen(trainer_of(folder, augment_rotation=30.0, steps_per_epoch=1), folder)
    assert found["inputs 1"] != found["inputs 2"]
    assert found["targets 1"] != found["targets 2"]
    assert not set(found["epoch 1"][0]) & set(found["epoch 2"][0])
    fixed = seen(trainer_of(folder, noise="fixed"), folder)
    assert fixed["inputs 1"] == fixed["inputs 2"] == fixed["validation inputs"]
    withheld = seen(trainer_of(folder, noise="fixed", augment_dropout=0.5), folder)
    assert withheld["inputs 1"] != withheld["inputs 2"]
    # Without augmentation, noise alone is new in each epoch.
    plain = seen(trainer_of(folder), folder)
    assert plain["inputs 1"] != plain["inputs 2"]
    assert plain["targets 1"] == plain["targets 2"]


def test_augmentation_has_the_seed_of_the_run(folder: Path) -> None:
    one, other = (seen(trainer_of(folder, augment_flip=True, seed=seed), folder)["targets 1"] for seed in (0, 1))
    assert one != other


@pytest.mark.parametrize(("best_by", "epoch"), [(0.05, 1), (0.1, 2), (0.2, 3)])
def test_the_model_of_the_best_epoch_is_kept(folder: Path, best_by: float, epoch: int) -> None:
    trainer = trainer_of(folder, best_by=best_by, steps_per_epoch=1, max_epochs=3, batch_size=2)
    scripted = iter(history([3.0, 2.0, 1.0]).rows)
    kept: list[list[np.ndarray]] = []

    def validated(_: Trainer) -> dict[str, float]:
        kept.append([np.array(weight) for weight in trainer.learner.model.get_weights()])
        trainer.state.identity = {f"val_pck@{a}": 0.5 for a in (0.05, 0.1, 0.2)}
        return {"val_frames_judged": 1.0} | {k: v for k, v in next(scripted).items() if k.startswith("val_")}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_validate", validated)
        trainer.run()
    assert json.loads((trainer.run_dir / "best.json").read_text())["epoch"] == epoch
    best = keras.saving.load_model(trainer.run_dir / "best.keras", compile=False).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(best, kept[epoch - 1], strict=True))


def test_an_epoch_that_is_continued_took_the_time_of_both_parts(folder: Path) -> None:
    trainer = trainer_of(folder, steps_per_epoch=2, max_epochs=1, batch_size=4)
    trainer.state.step, trainer.state.epoch_seconds = 1, 1000.0
    (row,) = trainer.run().rows
    assert 1000 < row["seconds"] < 1200
    assert row["windows_per_second"] < 8 / 1000


def test_workers_wait_for_each_other_as_long_as_they_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(strategy: str, facts: dict[str, str], timeout: float, say: Any) -> None:
        raise TimeoutError(f"{strategy} waits {timeout} s")

    monkeypatch.setattr(devices, "build", build)
    settings = {"strategy": "multi_worker", "worker_timeout": 5.0, "records_dir": str(folder / "records")}
    with pytest.raises(TimeoutError, match=r"multi_worker waits 5\.0 s"):
        loop.train(TrainingConfig(**settings, datasets=("sample",)))


@pytest.mark.parametrize("change", [{"max_minutes": 4.5}, {"max_epochs": 4}, {"patience_stop": 3}])
def test_a_run_ends_when_it_was_told_to(change: dict[str, Any]) -> None:
    config = TrainingConfig(**change)
    assert [bool(history([1.0] * n).why_finished(config)) for n in range(1, 6)] == [False, False, False, True, True]


def test_numbers_arrive_as_they_were_given(folder: Path) -> None:
    numbers = {"weight_decay": 0.1, "beta_1": 0.5, "beta_2": 0.25, "learning_rate": 0.125}
    others = {"ema": 0.75, "lr_factor": 0.5, "patience_lr": 2, "warmup_steps": 4, "batch_size": 10}
    found = seen(trainer_of(folder, **numbers, **others), folder)
    assert {len(batch) for name in ("epoch 1", "epoch 2", "validation") for batch in found[name]} == {10}
    assert numbers.items() <= found["optimizer"]["AdamW"].items()
    assert found["average"] == 0.75
    assert found["rates"][:6] == [0.125, 0.125, 0.125, 0.0625, 0.0625, 0.03125]
    assert found["warm-up"] == [0.25, 0.5, 0.75, 1.0]
