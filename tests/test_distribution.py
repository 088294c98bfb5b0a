import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_records import write_records

SCRIPT = Path(__file__).parent / "training_process.py"
# 15 windows are no whole number of pairs, and 50 windows no whole number of batches: padding is needed in every batch.
SETTINGS = ["max_epochs=2", "batch_size=15", "shifting_scalar=0.5"]


def process(run_dir: Path, devices: int, records: Path, *settings: str, **environment: str) -> subprocess.Popen[str]:
    words = [sys.executable, str(SCRIPT), str(run_dir), str(devices), f'records_dir="{records}"', *SETTINGS, *settings]
    return subprocess.Popen(
        words, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(*processes: subprocess.Popen[str]) -> list[str]:
    """Waits for all; returns what each printed on standard output."""
    ended = [(each.communicate(timeout=300), each.returncode) for each in processes]
    assert [code for _, code in ended] == [0] * len(processes), [errors[-2000:] for (_, errors), _ in ended]
    return [out for (out, _), _ in ended]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of the same settings: on one device, on two of one process, and in two processes."""
    path = tmp_path_factory.mktemp("distribution")
    records = path / "records"
    write_records(records)
    single = process(path / "single" / "run", 1, records, 'strategy="single"')
    mirrored = process(path / "mirrored" / "run", 2, records, 'strategy="auto"')
    (said,) = finish(single)
    assert "1 device\n" in said
    (said,) = finish(mirrored)
    assert "2 devices\n" in said
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    workers = [
        # Each has a folder of its own, to see which of them writes there.
        process(path / f"worker{i}" / "run", 1, records, 'strategy="multi_worker"', TF_CONFIG=json.dumps(task))
        for i, task in enumerate(tasks)
    ]
    chief, other = finish(*workers)
    assert "Best epoch" in chief
    assert not other
    return path


def history(run_dir: Path) -> list[dict[str, float]]:
    with (run_dir / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["mirrored", "worker0"])
def test_several_devices_equal_one(folder: Path, name: str) -> None:
    one, other = folder / "single" / "run", folder / name / "run"
    with np.load(one / "checkpoint.npz") as first, np.load(other / "checkpoint.npz") as second:
        assert set(first.files) == set(second.files)
        for key in first.files:
            if key.startswith("model/"):
                # Adam divides by the root of the mean square: it blows up the rounding of gradients that are near 0.
                np.testing.assert_allclose(first[key], second[key], atol=2e-6)
    for mine, theirs in zip(history(one), history(other), strict=True):
        for loss in ("train_loss", "validation_loss"):
            assert mine[loss] == pytest.approx(theirs[loss], rel=1e-6)
        assert mine["pck@0.2"] == pytest.approx(theirs["pck@0.2"], abs=1e-3)
    identities = [json.loads((path / "best.json").read_text())["identity"] for path in (one, other)]
    assert identities[0] == identities[1]


def test_the_two_ways_to_have_two_devices_agree(folder: Path) -> None:
    with (
        np.load(folder / "mirrored/run/checkpoint.npz") as first,
        np.load(folder / "worker0/run/checkpoint.npz") as second,
    ):
        for key in first.files:
            if key.startswith("model/"):
                np.testing.assert_allclose(first[key], second[key], atol=2e-6)


def test_only_the_chief_writes(folder: Path) -> None:
    assert (folder / "worker0" / "run" / "best.keras").is_file()
    assert not (folder / "worker1").exists()
