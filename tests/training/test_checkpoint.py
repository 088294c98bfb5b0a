import io
from pathlib import Path

import keras
import numpy as np
import pytest
from rich.console import Console

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.progress import Meter
from kerasmooth.training import checkpoint


def variables(*values: list[float]) -> list[keras.Variable]:
    return [keras.Variable(np.array(value, np.float32), name=f"v{i}") for i, value in enumerate(values)]


def test_variables_and_state_come_back_to_the_bit(tmp_path: Path) -> None:
    steps = [keras.Variable(count, dtype="int32", name="steps") for count in (7, 0)]
    saved = {"model": variables([1 / 3, -0.0, np.nan], [1e-45]), "optimizer": steps[:1]}
    state = {"loss": 0.1 + 0.2, "lowest": float("inf"), "rows": [{"epoch": 1}]}
    checkpoint.save(tmp_path / "c.npz", saved, state)
    loaded = {"model": variables([0, 0, 0], [0]), "optimizer": steps[1:]}
    assert checkpoint.load(tmp_path / "c.npz", loaded) == state
    for name in saved:
        for one, other in zip(saved[name], loaded[name], strict=True):
            assert one.numpy().tobytes() == other.numpy().tobytes()


def test_a_run_goes_on_in_a_process_that_built_other_models_before(tmp_path: Path) -> None:
    """Keras numbers the seed generators of dropout on and on."""

    def model() -> list[keras.Variable]:
        inputs = keras.Input((4, 8))
        attention = keras.layers.MultiHeadAttention(2, 4, dropout=0.1, name="attention")(inputs, inputs)
        outputs = keras.layers.Dropout(0.1, name="dropout")(keras.layers.Dropout(0.1, name="first")(attention))
        return list(keras.Model(inputs, outputs).variables)

    checkpoint.save(tmp_path / "c.npz", {"model": model()}, {})
    assert checkpoint.load(tmp_path / "c.npz", {"model": model()}) == {}


def test_the_same_checkpoint_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        checkpoint.save(tmp_path / name, {"model": variables([1, 2])}, {"step": 3})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c.npz", {"model": variables([1, 2])}, {})
    with pytest.raises(InputError, match="other variables"):
        checkpoint.load(tmp_path / "c.npz", {"model": variables([1], [2])})
    with pytest.raises(InputError, match=r"model/v0 \(2,\)"):
        checkpoint.load(tmp_path / "c.npz", {"model": variables([1, 2, 3])})


def test_a_variable_is_found_by_its_path_not_by_its_place(tmp_path: Path) -> None:
    saved, loaded = variables([1], [2]), variables([0], [0])
    checkpoint.save(tmp_path / "c.npz", {"model": saved}, {})
    checkpoint.load(tmp_path / "c.npz", {"model": loaded[::-1]})
    assert [variable.numpy().tolist() for variable in loaded] == [[1], [2]]
    with pytest.raises(ValueError, match="Received: path=model/v0"):
        checkpoint.save(tmp_path / "c.npz", {"model": [*saved, *saved]}, {})


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    files.write_text(path, "old")

    def fail() -> None:
        with files.replacing(path) as partial:
            partial.write_text("ne")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".partial-1-file.txt").write_text("ha")
    (tmp_path / "file.txt").write_text("whole")
    files.clear_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_progress_is_plain_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    with Meter(Console(file=out, width=120), "epoch 2/50", total=8, done=2, unit_per_step=16) as meter:
        for _ in range(6):
            meter.advance("loss 0.5")
    lines = out.getvalue().splitlines()
    assert lines
    assert all(
        line.startswith("epoch 2/50: ") and "windows/s loss 0.5" in line and "min left" in line for line in lines
    )
    assert any(line.startswith("epoch 2/50: 8/8") for line in lines)
