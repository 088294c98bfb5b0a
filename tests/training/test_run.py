"""A run from its start to its end: what its folder says, what ends it, and what callbacks receive."""

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console
from short_runs import Finished, arrays, assert_same_weights, config_for, placed, train
from small_records import SIZE, WINDOW

from kerasmooth import input_pipeline
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.metrics import pck_counts
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training import devices
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.learner import Learner
from kerasmooth.training.loop import train as train_run

pytestmark = pytest.mark.usefixtures("determinism_ends", "no_curves")


def test_the_run_folder_tells_its_story(finished: Finished) -> None:
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
    assert all(row["windows_per_second"] > 40 / row["seconds"] for row in state.rows), "40 windows, and validation"
    assert (run_dir / "curves.png").read_bytes().startswith(b"\x89PNG")
    for words in ("no smoothing: pck@0.05", "Best epoch", "kerasmooth.evaluate --run="):
        assert words in said


def test_the_best_model_has_the_score_that_was_noted(finished: Finished, short_records: Path) -> None:
    """Judged again without the compiled steps: noise, rendering, decoding in NumPy, and the reloaded model."""
    run_dir, state, _ = finished
    sets = RecordSets(short_records, ("sample",))
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
    assert state.rows[state.best_epoch(config_for(short_records)) - 1]["val_loss"] == pytest.approx(loss, rel=1e-5)


def test_the_average_of_the_weights_is_judged_and_kept(short_records: Path, tmp_path: Path) -> None:
    state, _ = train(config_for(short_records, ema=0.9, max_epochs=1), tmp_path / "run")
    kept = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False).get_weights()
    stored = arrays(tmp_path / "run")
    averages = [stored[f"average/convolution_{name}_average"] for name in ("kernel", "bias")]
    assert stored["average/sum_of_shares"] == pytest.approx(1 + 0.9 + 0.81)  # three steps
    last = [stored[f"model/convolution/{name}"] for name in ("kernel", "bias")]
    assert all(np.array_equal(a, b) for a, b in zip(kept, averages, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(kept, last, strict=True))
    assert state.best_epoch(config_for(short_records)) == 1


def test_the_budget_of_minutes_ends_a_run_after_an_epoch(short_records: Path, tmp_path: Path) -> None:
    state, said = train(config_for(short_records, max_minutes=1e-4, max_epochs=50), tmp_path / "run")
    assert len(state.rows) == 1
    assert "--max_minutes" in said
    state, said = train(config_for(short_records, max_minutes=1e-4, max_epochs=50), tmp_path / "run")
    assert "is finished" in said
    assert len(state.rows) == 1


def test_a_plateau_lowers_the_rate_and_then_stops(short_records: Path, tmp_path: Path) -> None:
    """A rate of next to nothing leaves the validation loss as it is."""
    config = config_for(
        short_records, learning_rate=1e-30, patience_lr=1, patience_stop=2, max_epochs=50, steps_per_epoch=1
    )
    state, said = train(config, tmp_path / "run")
    assert [row["learning_rate"] for row in state.rows] == pytest.approx([1e-30, 1e-30, 1e-31], rel=1e-6)
    assert state.best_epoch(config_for(short_records)) == 1
    assert "--patience_stop" in said


def test_the_rate_rises_over_the_first_steps_of_a_run(short_records: Path, tmp_path: Path) -> None:
    rates: list[float] = []
    original = Learner.train_step

    def noting(one: Learner, batch: Any, epoch: int) -> Any:
        rates.append(float(one.optimizer.learning_rate.numpy()))
        return original(one, batch, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "train_step", noting)
        train(config_for(short_records, warmup_steps=4, steps_per_epoch=3), tmp_path / "run")
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_a_batch_that_some_devices_would_have_nothing_of_is_refused(
    short_records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "build", lambda *_: devices.Cluster(num_workers=8, local_replicas=8))
    with pytest.raises(InputError, match="--batch_size=16 is less than the 64 devices that share a batch"):
        train_run(placed(config_for(short_records), tmp_path / "run"), console=Console(quiet=True))
    assert not (tmp_path / "run").exists()


def test_tensorboard_shows_each_epoch_once(finished: Finished) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    found: dict[str, list[int]] = {}
    for path in (finished[0] / "tensorboard").rglob("events.*"):
        for event in loader.LegacyEventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found.setdefault(f"{path.parent.name}/{value.tag}", []).append(event.step)
    assert found["train/epoch_loss"] == found["validation/epoch_pck@0.2"] == [0, 1]
    assert found["train/epoch_learning_rate"] == [0, 1]


class Noting(keras.callbacks.Callback):
    """Notes its calls, and stops after an epoch."""

    def __init__(self, stop_after: int) -> None:
        super().__init__()
        self.stop_after, self.calls, self.logs = stop_after, [], {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append(f"train of {self.params['epochs']} x {self.params['steps']}")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(f"epoch {epoch}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(f"batch {batch}")
        assert np.isfinite(logs["loss"])

    def on_test_begin(self, logs: Any = None) -> None:
        self.calls.append("test")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs = logs
        self.model.stop_training = epoch + 1 == self.stop_after

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("end")


def test_callbacks_are_called_as_by_fit_and_may_stop(short_records: Path, tmp_path: Path) -> None:
    noting, early = Noting(1), keras.callbacks.EarlyStopping(monitor="val_pck@0.2", mode="max", patience=9)
    config = placed(config_for(short_records), tmp_path / "run")
    state = train_run(config, [noting, early], Console(quiet=True))
    assert noting.calls == ["train of 2 x 3", "epoch 0", "batch 0", "batch 1", "batch 2", "test", "end"]
    assert {"loss", "val_loss", "val_pck@0.05", "learning_rate"} <= noting.logs.keys()
    assert (len(state.rows), noting.logs["val_loss"]) == (1, state.rows[0]["val_loss"])
    assert early.best == state.rows[0]["val_pck@0.2"]
    assert "a callback" in train(config, tmp_path / "run")[1]


def test_callbacks_change_nothing_by_being_there(finished: Finished, short_records: Path, tmp_path: Path) -> None:
    train_run(placed(config_for(short_records), tmp_path / "run"), [Noting(9)], Console(quiet=True))
    assert_same_weights(finished[0], tmp_path / "run")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_weights_that_are_no_longer_numbers_end_the_run(precision: str, short_records: Path, tmp_path: Path) -> None:
    """The loss of the next steps may be finite again: ReLU makes nothing of what is no number."""
    train_step = Learner.train_step

    def breaking(self: Learner, batch: Any, epoch: int) -> Any:
        loss = train_step(self, batch, epoch)
        if self.optimizer.iterations == 4:
            kernel = self.model.trainable_variables[0]
            kernel.assign(kernel * np.nan)
        return loss

    config = config_for(short_records, precision=precision, steps_per_epoch=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "train_step", breaking)
        with pytest.raises(InputError, match=r"by step 3 of epoch 2.* a lower --learning_rate") as error:
            train(config, tmp_path / "run")
    assert ("--precision=float32" in str(error.value)) == (precision != "float32")
    assert all(np.isfinite(values).all() for values in arrays(tmp_path / "run").values())
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
