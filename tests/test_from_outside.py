"""A dataset, a model and a loss that the package does not know go through records, training, evaluation and export."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from keras import ops
from rich.console import Console
from tensorflow.python.framework import config as tf_config

import kerasmooth
from kerasmooth import datasets, losses, models, splits
from kerasmooth.clip import PoseClip
from kerasmooth.datasets import DatasetReader, ReadResult, option
from kerasmooth.errors import InputError
from kerasmooth.losses import Loss, LossTerm
from kerasmooth.skeletons import PENN_ACTION_13, Skeleton, convert, index_map
from kerasmooth.training.config import TrainingConfig


@dataclass(frozen=True)
class Pendulums(DatasetReader):
    """Reads files that hold a number: the seed of a swinging person."""

    speed: str = option("slow", ("slow", "fast"), "how fast they swing")

    name: ClassVar[str] = "pendulums"
    licence: ClassVar[str] = "public domain"
    citation: ClassVar[str] = "none"
    obtain: ClassVar[str] = "write numbers into files"
    skeleton: ClassVar[Skeleton] = PENN_ACTION_13
    default_split: ClassVar[str] = "published"

    @staticmethod
    def published_split(clips: Any, span: int) -> splits.SplitPlan:
        """The first video tests, the second validates, the third is held out, the others train."""
        names = ["test", "validation", "extra"] + ["train"] * (len(clips) - 3)
        return splits.SplitPlan([np.full(len(c.starts), n, "<U10") for c, n in zip(clips, names, strict=True)], names)

    def list_sources(self) -> list[str]:
        return sorted(path.name for path in Path(self.raw_dir).iterdir())

    def read(self, source: str) -> ReadResult:
        random = np.random.default_rng(int((Path(self.raw_dir) / source).read_text()))
        time = np.arange(16)[:, None, None] * (0.5 if self.speed == "fast" else 0.1)
        keypoints = random.uniform(20, 40, (13, 2)) + 5 * np.sin(time + random.uniform(0, 6, (13, 1)))
        annotated = convert(np.ones((16, 13), bool), PENN_ACTION_13, kerasmooth.skeletons.BOULDERING_25, False)
        return ReadResult(
            [
                PoseClip(
                    clip_id=f"{self.name}/{source}",
                    video_id=f"{self.name}/{source}",
                    keypoints=convert(keypoints, PENN_ACTION_13, kerasmooth.skeletons.BOULDERING_25, 0.0),
                    visibility=annotated,
                    boxes=np.tile((10.0, 10.0, 50.0, 50.0), (16, 1)),
                    frame_numbers=np.arange(16),
                )
            ]
        )


@keras.saving.register_keras_serializable("tests")
class Mixer(models.Smoother):
    """A linear layer over the coordinates of a frame, added to them."""

    takes = "keypoints"
    default_loss = "huber"

    def __init__(
        self,
        window: int = 5,
        size: tuple[int, int] = (56, 56),
        num_keypoints: int = 25,
        *,
        width: int = 8,
        dtype: Any = None,
        name: str | None = "mixer",
        **kwargs: Any,
    ) -> None:
        keypoints = keras.Input((None, num_keypoints, 2), name="keypoints", dtype="float32")
        visibility = keras.Input((None, num_keypoints), name="visibility", dtype="float32")
        flat = keras.layers.Reshape((-1, 2 * num_keypoints), name="flat")(keypoints * visibility[..., None])
        hidden = keras.layers.Dense(width, activation="tanh", dtype=dtype, name="hidden")(flat)
        change = keras.layers.Dense(2 * num_keypoints, kernel_initializer="zeros", dtype=dtype, name="change")(hidden)
        change = keras.layers.Reshape((-1, num_keypoints, 2), dtype="float32", name="change_by_frame")(change)
        outputs = {"keypoints": keypoints + change, "change": change}
        shape = {"window": window, "size": size, "num_keypoints": num_keypoints}
        inputs = {"keypoints": keypoints, "visibility": visibility}
        super().__init__(inputs, outputs, **shape, dtype=dtype, name=name, **kwargs)
        self.width = width

    @property
    def head_layers(self) -> list[str]:
        return ["change"]


def huber(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[LossTerm]:
    shown = ops.cast(targets["visibility"], "float32")[..., None]
    away = ops.abs(targets["keypoints"] - outputs["keypoints"]) * shown
    costs = ops.where(away < 1, away * away / 2, away - 0.5)
    small = ops.sum(ops.square(outputs["change"]))
    return [LossTerm(1.0, ops.sum(costs), 2 * ops.sum(shown)), LossTerm(1e-3, small, 2 * ops.sum(shown))]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for registry in (datasets.DATASETS, models.MODELS, losses.LOSSES):
        for name in ("pendulums", "mixer", "huber"):
            monkeypatch.delitem(registry, name, raising=False)
    datasets.register(Pendulums)
    models.register("mixer")(Mixer)
    losses.register(Loss("huber", huber, needs=("keypoints", "change")))
    yield
    for registry, name in ((datasets.DATASETS, "pendulums"), (models.MODELS, "mixer"), (losses.LOSSES, "huber")):
        del registry[name]
    tf_config.disable_op_determinism()


def test_they_train_are_judged_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw").mkdir()
    for seed in range(7):
        (tmp_path / "raw" / f"{seed}.txt").write_text(str(seed))
    manifest = kerasmooth.make_records(Pendulums(tmp_path / "raw", speed="fast"), tmp_path / "records")
    assert manifest.windows == {"train": 4 * 12, "validation": 12, "test": 12, "extra": 12}
    assert manifest.flags["speed"] == "fast"
    known = index_map(PENN_ACTION_13, kerasmooth.skeletons.BOULDERING_25) >= 0
    assert manifest.annotated == tuple(np.array(kerasmooth.skeletons.BOULDERING_25.keypoints)[known])

    # A pretraining dataset: --datasets=auto takes it.
    settings = {"records_dir": str(tmp_path / "records"), "runs_dir": str(tmp_path / "runs"), "model": "mixer"}
    settings |= {"max_epochs": 3, "model_options": {"width": 4}, "learning_rate": 0.05}
    state = kerasmooth.train(TrainingConfig(**settings), console=Console(quiet=True))
    losses_by_epoch = [row["loss"] for row in state.rows]
    assert losses_by_epoch[-1] < losses_by_epoch[0]
    run_dir = tmp_path / "runs" / "mixer-width_4-1"
    tables = kerasmooth.evaluate(run_dir, decoders=["argmax"])
    assert [table.setting.split for table in tables] == ["test", "extra"]
    exported = kerasmooth.export(run_dir, tmp_path / "exports")
    assert exported.largest_difference < 1e-5
    assert json.loads((run_dir / "config.json").read_text())["annotated"] == list(manifest.annotated)
    again = kerasmooth.load_model(run_dir)
    assert (type(again), again.width) == (Mixer, 4)

    # Only its head is trained when the rest is frozen; and another model cannot give what the loss needs.
    regularised = {"finetune_from": str(run_dir), "freeze_but_last": True, "max_epochs": 1}
    kerasmooth.train(TrainingConfig(**settings | regularised), console=Console(quiet=True))
    before, after = (
        {v.path: np.array(v) for v in kerasmooth.load_model(path).variables}
        for path in (run_dir, tmp_path / "runs" / "mixer-width_4-1-finetuned-pendulums")
    )
    changed = [path for path in before if (before[path] != after[path]).any()]
    assert changed == ["change/kernel", "change/bias"]
    monkeypatch.setattr(Mixer, "head_layers", models.Smoother.head_layers)
    with pytest.raises(InputError, match="--freeze_but_last: mixer names no layer as its head"):
        kerasmooth.train(TrainingConfig(**settings | regularised | {"run_name": "none"}), console=Console(quiet=True))
    kerasmooth.train(
        TrainingConfig(**settings | regularised | {"run_name": "all", "freeze_but_last": False}),
        console=Console(quiet=True),
    )
    with pytest.raises(InputError, match="--loss=huber needs change, keypoints, which conv3d does not give"):
        kerasmooth.train(
            TrainingConfig(**settings | {"model": "conv3d", "model_options": {}, "loss": "huber"}),
            console=Console(quiet=True),
        )


def test_an_option_outside_its_choices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Received: speed='still'"):
        Pendulums(tmp_path, speed="still")
