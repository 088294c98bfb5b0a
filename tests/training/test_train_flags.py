import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import in_process
import pytest
import tensorflow as tf  # noqa: F401  so that what its import prints is not taken for the program's
from in_process import Run
from small_records import write_records
from tensorflow.python.framework import config as tf_config

from kerasmooth.training.config import TrainingConfig

TRAIN = "kerasmooth.train"
SHORT = ("--max_epochs=1", "--steps_per_epoch=2", "--validation_windows=8", "--run_name=run")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    yield in_process.runner(monkeypatch, capfd)
    tf_config.disable_op_determinism()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_records(folder / "records")
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with sample records."""
    folder = Path(shutil.copytree(made, tmp_path / "here"))
    monkeypatch.chdir(folder)
    return folder


BAD_FLAGS = [
    "--batch_size=0",
    "--batch_size=-16",
    "--batch_size=1.5",
    "--batch_size=many",
    "--batch_size=99999999",
    "--learning_rate=0",
    "--learning_rate=-1",
    "--learning_rate=nan",
    "--learning_rate=inf",
    "--learning_rate=fast",
    "--beta_1=1",
    "--beta_2=-0.1",
    "--weight_decay=-1",
    "--ema=1.01",
    "--ema=-0.5",
    "--lr_factor=0",
    "--lr_factor=2",
    "--patience_lr=0",
    "--patience_stop=0",
    "--max_epochs=0",
    "--max_minutes=-1",
    "--steps_per_epoch=-1",
    "--validation_windows=-1",
    "--seed=-1",
    "--seed=70000",
    "--shifting_scalar=-1",
    "--noise=sometimes",
    "--noise_dropout=1",
    "--noise_swap=-1",
    "--noise_seed=-1",
    "--augment_rotation=181",
    "--augment_translation=-1",
    "--augment_scale=-0.1",
    "--augment_slowdown=1",
    "--augment_dropout=1",
    "--strategy=tpu",
    "--precision=float16",
    "--jit=maybe",
    "--decoder=soft",
    "--best_by=0.3",
    "--random_sigma=perhaps",
    "--model=unet",
    "--model_options=merge_mode",
    "--model_options=depth=3",
    "--model_options=a=1,a=2",
    "--loss=huber",
    "--loss=deciwatch",
    "--datasets=imagenet",
    "--datasets=penn_action",
    "--datasets=sample,sample",
    "--datasets=",
    "--records_dir=absent",
    "--frame_step=0",
    "--frame_step=2",
    "--run_name=a/b",
    "--run_name=..",
    "--flagfile=absent.cfg",
    "--flagfile=records",
    "--checkpoint_steps=-1",
    "--checkpoint_seconds=-1",
    "--finetune_from=runs/absent",
    "--freeze_but_last",
    "--strategy=multi_worker",
    "--learning-rate=1",
    "exp1.cfg",
]


@pytest.mark.parametrize("flag", BAD_FLAGS)
def test_a_bad_flag_is_one_line(run: Run, here: Path, flag: str) -> None:
    done = run(TRAIN, flag)
    assert done.is_bad_input, done.err
    name = flag.lstrip("-").partition("=")[0]
    assert name in done.err or name.replace("_", " ") in done.err or "records" in done.err
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("options", "says"), [("sample_interval=0", "sample_interval=0"), ("sample_interval=often", "sample_interval")]
)
def test_a_bad_value_of_a_model_option_is_one_line(run: Run, here: Path, options: str, says: str) -> None:
    done = run(TRAIN, "--model=deciwatch", f"--model_options={options}")
    assert done.is_bad_input, done.err
    assert says in done.err


@pytest.mark.parametrize(
    "text", ["batch_size=4\n", "--batch_size\n", "--colour=red\n", "--flagfile=other.cfg\n", "--batch_size=4 # small\n"]
)
def test_a_bad_flagfile_is_one_line(run: Run, here: Path, text: str) -> None:
    Path("mine.cfg").write_text(text)
    assert run(TRAIN, "--flagfile=mine.cfg").is_bad_input


def test_a_binary_flagfile_is_one_line(run: Run, here: Path) -> None:
    Path("mine.cfg").write_bytes(bytes(range(256)))
    assert run(TRAIN, "--flagfile=mine.cfg").is_bad_input


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_bad_tf_config_is_one_line(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    done = run(TRAIN, "--strategy=multi_worker")
    assert done.is_bad_input, done.err
    assert "TF_CONFIG" in done.err


def test_absent_records_name_the_command_that_makes_them(run: Run, here: Path, repository: Path) -> None:
    flags = (repository / "flags" / "exp3.cfg").read_text()
    Path("flags").mkdir()
    for name in ("base.cfg", "exp3.cfg"):
        shutil.copy(repository / "flags" / name, Path("flags") / name)
    done = run(TRAIN, "--flagfile=flags/exp3.cfg")
    assert done.is_bad_input, done.err
    command = "python tools/make_records.py --frame_step=2 --records_dir=records/half_rate"
    assert command in done.err
    assert command in flags


def _edit_manifest(**changes: object) -> None:
    path = Path("records/sample/manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _shard() -> Path:
    return sorted(Path("records/sample").glob("train-*"))[1]


def _no_validation() -> None:
    shutil.rmtree("records/sample")
    write_records(Path("records"), windows=(20, 0))


BAD_RECORDS: dict[str, Callable[[], object]] = {
    "the manifest is empty": lambda: Path("records/sample/manifest.json").write_text(""),
    "the manifest is of another version": lambda: _edit_manifest(schema_version=99),
    "the manifest has a window of 0": lambda: _edit_manifest(window=0),
    "a shard is gone": lambda: _shard().unlink(),
    "a shard is short": lambda: _truncate(_shard()),
    "a shard has a flipped bit": lambda: _flip_a_byte(_shard()),
    "nothing to judge by": _no_validation,
}


@pytest.mark.parametrize("damage", BAD_RECORDS.values(), ids=BAD_RECORDS.keys())
def test_bad_records_are_one_line(run: Run, here: Path, damage: Callable[[], object]) -> None:
    damage()
    done = run(TRAIN, *SHORT)
    assert done.is_bad_input, done.err
    assert "records" in done.err
    assert not (here / "runs").exists()


def test_record_sets_of_different_grids_do_not_go_together(run: Run, here: Path) -> None:
    write_records(Path("records"), dataset="penn_action")
    write_records(Path("records"), dataset="brace", size=(14, 16))
    done = run(TRAIN, *SHORT)
    assert done.is_bad_input, done.err
    assert "size" in done.err


@pytest.fixture(scope="module")
def trained(made: Path) -> Path:
    """A working directory in which a short run is finished."""
    from rich.console import Console

    from kerasmooth.training.loop import train

    folder = made.parent / "trained"
    shutil.copytree(made, folder)
    config = TrainingConfig(
        run_name="run", records_dir="records", max_epochs=1, steps_per_epoch=2, validation_windows=8
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train(config, console=Console(quiet=True))
    tf_config.disable_op_determinism()
    return folder


@pytest.fixture
def there(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path(shutil.copytree(trained, tmp_path / "there"))
    monkeypatch.chdir(folder)
    return folder


def test_a_finished_run_says_so_and_is_left_alone(run: Run, there: Path) -> None:
    before = {path: path.read_bytes() for path in Path("runs/run").rglob("*.npz")}
    done = run(TRAIN, *SHORT)
    assert (done.code, done.err) == (0, "")
    assert "is finished" in done.out
    assert "no smoothing" in done.out
    assert {path: path.read_bytes() for path in Path("runs/run").rglob("*.npz")} == before


def test_its_flagfile_repeats_a_run(run: Run, there: Path) -> None:
    assert "is finished" in run(TRAIN, "--flagfile=runs/run/flags.cfg").out


def test_a_folder_of_other_settings_is_refused_by_their_names(run: Run, there: Path) -> None:
    done = run(TRAIN, *SHORT, "--batch_size=8", "--seed=1")
    assert done.is_bad_input
    assert "--batch_size was 16, is 8" in done.err
    assert "--seed was 0, is 1" in done.err


def _damage(name: str, data: bytes) -> Callable[[], object]:
    return lambda: Path("runs/run", name).write_bytes(data)


BAD_RUNS: dict[str, Callable[[], object]] = {
    "settings that are no JSON": _damage("config.json", b"{"),
    "settings that are a list": _damage("config.json", b"[]"),
    "settings of another version": _damage("config.json", b'{"colour": 1}'),
    "no settings": lambda: Path("runs/run/config.json").unlink(),
    "an empty checkpoint": _damage("checkpoint.npz", b""),
    "half a checkpoint": lambda: _truncate(Path("runs/run/checkpoint.npz")),
    "a bit of the checkpoint flipped": lambda: _flip_a_byte(Path("runs/run/checkpoint.npz")),
    "something else as checkpoint": _damage("checkpoint.npz", b"\x93NUMPY"),
    "other records than before": lambda: (shutil.rmtree("records/sample"), write_records(Path("records"), seed=1)),
}


@pytest.mark.parametrize("damage", BAD_RUNS.values(), ids=BAD_RUNS.keys())
def test_a_damaged_run_is_one_line(run: Run, there: Path, damage: Callable[[], object]) -> None:
    damage()
    done = run(TRAIN, *SHORT)
    assert done.is_bad_input, done.err
    assert "run" in done.err


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasmooth.training.learner import Learner

    original = Learner.train_step

    def interrupted(one: Learner, *arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return original(one, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "train_step", interrupted)
        done = run(TRAIN, *SHORT)
    assert done.code == 130
    assert "Interrupted in epoch 1 after step 1 of 2: run the same command again to continue" in done.out
    assert Path("runs/run/checkpoint.npz").is_file()


def test_a_file_in_place_of_the_runs_is_one_line(run: Run, here: Path) -> None:
    Path("runs").write_text("")
    assert run(TRAIN, *SHORT).is_bad_input
    Path("runs").unlink()
    Path("runs/run").mkdir(parents=True)
    Path("runs/run/thesis.txt").write_text("mine")
    assert "not a run folder" in run(TRAIN, *SHORT).err


def test_finetuning_needs_weights_that_fit(run: Run, there: Path) -> None:
    done = run(TRAIN, "--model=deciwatch", "--finetune_from=runs/run", "--run_name=other")
    assert done.is_bad_input, done.err
    assert "do not fit" in done.err
    Path("runs/run/best.keras").write_bytes(b"PK")
    done = run(TRAIN, "--finetune_from=runs/run", "--run_name=other")
    assert done.is_bad_input, done.err
    assert "best.keras" in done.err


def test_keypoints_that_a_frozen_body_never_saw_are_named(run: Run, here: Path) -> None:
    model = ("--model=deciwatch", "--model_options=num_layers=1,hidden_dim=8", *SHORT[:-1])
    assert run(TRAIN, *model, "--run_name=run").code == 0
    frozen = (*model, "--finetune_from=runs/run", "--freeze_but_last")
    same = run(TRAIN, *frozen, "--run_name=same")
    assert same.code == 0, same.err
    assert "was trained without" not in same.out
    manifest = here / "records" / "sample" / "manifest.json"
    values = json.loads(manifest.read_text())
    more = [name for name in values["keypoints"] if name in (*values["annotated"], "left_heel", "right_thumb")]
    manifest.write_text(json.dumps(values | {"annotated": more}))
    done = run(TRAIN, *frozen, "--run_name=more")
    assert done.code == 0, done.err
    named = "runs/run was trained without right_thumb, left_heel: what is frozen may know nothing of them"
    assert done.out.count(named) == 1


def test_help_lists_the_settings() -> None:
    words = [sys.executable, "-m", TRAIN, "--help"]
    out = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    for name in ("learning_rate", "shifting_scalar", "runs_dir"):
        assert f"--{name}" in out
