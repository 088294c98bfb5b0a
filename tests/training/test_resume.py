import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_records import write_records

TIMES = {"seconds", "windows_per_second"}

STATEFUL = [
    'model="deciwatch"',
    'model_options={"hidden_dim": 8, "num_layers": 1, "dropout": 0.3}',
    'jit="off"',
    "ema=0.9",
    "augment_rotation=30.0",
    "augment_reverse=true",
    "augment_dropout=0.1",
    "weight_decay=0.01",
]
"""Everything that has a state: dropout's random numbers, the average of the weights, the moments of AdamW."""


def run_and_kill(folder: Path, kills: int, settings: list[str], epochs: int) -> int:
    """Trains once undisturbed and once with kills; returns how often it was killed."""
    write_records(folder / "records", windows=(50, 12))
    script = Path(__file__).parent / "killed_training.py"
    common = ["batch_size=4", "checkpoint_steps=1", f"max_epochs={epochs}", "patience_lr=1"]
    words = [sys.executable, str(script), str(folder / "records"), str(folder), str(kills), "0", *common, *settings]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[1])


def untimed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in TIMES}


def assert_equal_but_for_the_time_it_took(folder: Path) -> None:
    whole, killed = folder / "whole", folder / "killed"
    with np.load(whole / "checkpoint.npz") as one, np.load(killed / "checkpoint.npz") as other:
        assert set(one.files) == set(other.files)
        names = [name for name in one.files if name != "state"]
        assert [name for name in names if one[name].tobytes() != other[name].tobytes()] == []
        states = [json.loads(archive["state"].tobytes()) for archive in (one, other)]
    for state in states:
        state.update(rows=[untimed(row) for row in state["rows"]])
    assert states[0] == states[1]
    rows = []
    for run_dir in (whole, killed):
        with (run_dir / "history.csv").open() as file:
            rows.append([untimed(row) for row in csv.DictReader(file)])
    assert rows[0] == rows[1]
    for name in ("best.keras", "best.json", "config.json"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()
    assert {path.name for path in whole.iterdir()} == {path.name for path in killed.iterdir()}


def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    # On a machine whose speed varies, the run may be over before the second kill.
    assert run_and_kill(tmp_path, 2, ["ema=0.9", "weight_decay=0.01"], epochs=3) >= 1
    assert_equal_but_for_the_time_it_took(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [STATEFUL, ['model="conv3d"']], ids=["deciwatch", "conv3d"])
def test_a_run_killed_ten_times_ends_with_the_same_bits(tmp_path: Path, settings: list[str]) -> None:
    assert run_and_kill(tmp_path, 10, settings, epochs=12) >= 8
    assert_equal_but_for_the_time_it_took(tmp_path)
