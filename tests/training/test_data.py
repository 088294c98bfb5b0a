"""What records and settings have to say to each other before training starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_runs import config_for
from small_records import SIZE, write_records

from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import evaluation_batches
from kerasmooth.model_inputs import prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord import reader
from kerasmooth.tfrecord.manifest import load_manifest
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training import checkpoint, devices
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import Batches, open_records, shared_facts, verifies
from kerasmooth.training.learner import uses_xla


def opened(records_dir: Path, **settings: Any) -> TrainingConfig:
    return open_records(TrainingConfig(records_dir=str(records_dir), **settings), lambda _: None)[0]


def holding(records_dir: Path, dataset: str, **manifest: Any) -> Path:
    """Records whose manifest says something else of their heatmaps."""
    folder = write_records(records_dir, dataset=dataset, windows=(20, 5))
    changed = load_manifest(folder).replace(**manifest)
    (folder / "manifest.json").write_text(changed.to_json())
    return records_dir


MADE_WITH = {"shifting_scalar": 2.0, "random_sigma": False}


def test_dense_records_are_trained_on_with_the_noise_they_were_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasmooth.tfrecord.reader._check_first_record", lambda *_: None)
    records = holding(tmp_path, "sample", heatmaps="simulated", encoding="dense", flags=MADE_WITH)
    with pytest.raises(InputError, match=r"--shifting_scalar=1.0 would do nothing.*say --shifting_scalar=2.0"):
        opened(records)
    with pytest.raises(InputError, match="say --random_sigma=False"):
        opened(records, shifting_scalar=2.0)
    with pytest.raises(InputError, match="--noise_seed=3 would do nothing"):
        opened(records, **MADE_WITH, noise_seed=3)
    config = opened(records, **MADE_WITH)
    assert config.default_run_name == "conv3d-2-sample"
    both = holding(
        tmp_path, "brace", heatmaps="simulated", encoding="dense", flags=MADE_WITH | {"shifting_scalar": 1.0}
    )
    with pytest.raises(InputError, match=r"--shifting_scalar=2.0 would do nothing.*made with shifting_scalar=1.0"):
        opened(both, **MADE_WITH, datasets=("sample", "brace"))


def test_records_that_are_damaged_while_a_run_reads_them_are_bad_input(tmp_path: Path) -> None:
    records = write_records(tmp_path, windows=(20, 5))
    batches = Batches(opened(tmp_path), RecordSets(tmp_path, ("sample",)), devices.build("single"))
    for path in records.glob("train-*"):
        content = bytearray(path.read_bytes())
        content[-40] ^= 0xFF
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"sample cannot be read .*make them again"):
        list(batches.training(1, 0))


def test_real_detections_have_no_simulated_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasmooth.tfrecord.reader._check_first_record", lambda *_: None)
    records = holding(tmp_path, "climbalong", heatmaps="detector")
    for setting, value in (("shifting_scalar", 2.0), ("noise", "fixed"), ("noise_swap", 0.1), ("random_sigma", False)):
        with pytest.raises(InputError, match=f"--{setting}={value} would do nothing: the detections .* are real"):
            opened(records, datasets=("climbalong",), **{setting: value})
    with pytest.raises(InputError, match="--augment_slowdown: the heatmaps of climbalong"):
        opened(records, datasets=("climbalong",), augment_slowdown=0.5)
    assert opened(records, datasets=("climbalong",)).default_run_name == "conv3d-climbalong"


def test_a_constant_shift_is_for_penn_action_only_as_in_the_study(tmp_path: Path) -> None:
    write_records(tmp_path, dataset="brace", windows=(20, 5))
    with pytest.raises(InputError, match="--constant_shift is not for brace"):
        opened(tmp_path, constant_shift=True)
    write_records(tmp_path, windows=(20, 5))
    assert opened(tmp_path, datasets=("sample",), constant_shift=True).constant_shift
    for dataset in ("brace", "sample"):  # the latter stands in for Penn Action
        replicas = next(iter(evaluation_batches(RecordSets(tmp_path, (dataset,)), "train", batch_size=4)))
        batch = {name: tensor[0] for name, tensor in replicas.items()}
        noises = [DetectorNoise(constant_shift=constant) for constant in (True, False)]
        seen = [prepare(batch, HeatmapCodec(size=SIZE), noise, "keypoints")[0]["keypoints"] for noise in noises]
        assert np.array_equal(*seen) == (dataset == "brace")


def test_annotated_keypoints_go_from_the_manifest_into_the_settings(tmp_path: Path) -> None:
    records = holding(tmp_path, "brace", annotated=("nose", "left_hip"))
    holding(tmp_path, "penn_action", annotated=("nose", "right_hip"))
    assert opened(records).annotated == ("nose", "left_hip", "right_hip")


def test_auto_compiles_where_the_run_is_long_enough_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = devices.build("single"), devices.Cluster(local_replicas=2)
    deciwatch = TrainingConfig(model="deciwatch")
    assert [uses_xla(deciwatch, one, steps) for steps in (100, 3900, 3901)] == [False, False, True]
    assert not uses_xla(deciwatch, two, 10**6)
    assert not uses_xla(TrainingConfig(), one, 10**6)
    assert uses_xla(TrainingConfig(jit="on"), one, 1)
    assert not uses_xla(TrainingConfig(model="deciwatch", jit="off"), one, 10**6)
    with pytest.raises(InputError, match="--jit=on works on one device only"):
        uses_xla(TrainingConfig(jit="on"), two, 1)


def test_a_continued_run_stays_compiled_or_not_as_it_was_begun(tmp_path: Path) -> None:
    from rich.console import Console

    from kerasmooth.training.loop import train

    write_records(tmp_path / "records", windows=(20, 5))
    settings = {"model": "deciwatch", "model_options": {"hidden_dim": 8, "num_layers": 1}, "run_name": "run"}
    settings |= {"runs_dir": str(tmp_path), "records_dir": str(tmp_path / "records"), "steps_per_epoch": 1}
    settings["batch_size"] = 2
    train(TrainingConfig(**settings, max_epochs=1), console=Console(quiet=True))
    assert not TrainingConfig.load(tmp_path / "run").xla
    # 5,000 epochs of a step would be worth compiling, had the run begun so.
    state = train(TrainingConfig(**settings, max_epochs=5000, max_minutes=1e-9), console=Console(quiet=True))
    assert len(state.rows) == 1
    assert not TrainingConfig.load(tmp_path / "run").xla
    assert np.isfinite(state.rows[0]["loss"])


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
    short_records: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verify: str,
    begun: bool,
    worker: int,
    hashes: bool,
) -> None:
    files: set[Path] = set()
    real = reader.sha256_of
    monkeypatch.setattr(reader, "sha256_of", lambda path: (files.add(path), real(path))[1])
    if begun:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / checkpoint.CHECKPOINT_FILE).write_bytes(b"")
    config = config_for(short_records, verify_records=verify, runs_dir=str(tmp_path), run_name="run")
    cluster = devices.Cluster(worker=worker, num_workers=2)
    open_records(config, lambda _: None, verifies(config, cluster))
    assert {path.name.partition("-")[0] for path in files} == ({"train", "validation"} if hashes else set())


def test_workers_that_train_together_have_all_settings_but_places_alike(short_records: Path) -> None:
    config = config_for(short_records)
    named = {name.removeprefix("--") for name in shared_facts(config) if name.startswith("--")}
    assert set(TrainingConfig.model_fields) - named == {"runs_dir", "records_dir", "worker_timeout"}
    other = config.replace(noise_seed=7, augment_flip=True)
    facts = zip(shared_facts(config).items(), shared_facts(other).items(), strict=True)
    assert [one[0] for one, two in facts if one != two] == ["--noise_seed", "--augment_flip"]
