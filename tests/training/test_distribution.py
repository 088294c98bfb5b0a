import csv
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_records import write_records

SCRIPT = Path(__file__).parent / "training_process.py"
# 15 windows are no whole number of pairs, and 50 windows no whole number of batches: every batch needs padding.
SETTINGS = {"max_epochs": 2, "batch_size": 15, "shifting_scalar": 0.5}


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
    write_records(path / "records")

    def job(name: str, devices: int, strategy: str, **environment: str) -> dict[str, Any]:
        settings = SETTINGS | {"strategy": strategy, "records_dir": str(path / "records")}
        return {"run_dir": str(path / name), "devices": devices, "settings": settings, "environment": environment}

    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    tasks = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    # Each worker has a folder of its own, to see which of them writes there.
    workers = [job(f"worker{i}", 1, "multi_worker", TF_CONFIG=json.dumps(task)) for i, task in enumerate(tasks)]
    jobs = path / "jobs.json"
    jobs.write_text(json.dumps([job("single", 1, "single"), job("mirrored", 2, "auto"), *workers]))
    done = subprocess.run([sys.executable, str(SCRIPT), str(jobs)], capture_output=True, text=True, check=False)
    logs = {log.name: log.read_text() for log in path.glob("*.log")}
    assert done.returncode == 0, (done.stderr, logs)
    return path


def test_each_run_says_on_how_many_devices(folder: Path) -> None:
    assert ", 1 device\n" in (folder / "single.log").read_text()
    assert ", 2 devices\n" in (folder / "mirrored.log").read_text()
    assert ", 2 devices\n" in (folder / "worker0.log").read_text()
    assert not (folder / "worker1.log").read_text()


def history(run_dir: Path) -> list[dict[str, float]]:
    with (run_dir / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["mirrored", "worker0"])
def test_several_devices_equal_one(folder: Path, name: str) -> None:
    one, other = folder / "single", folder / name
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
        np.load(folder / "mirrored/checkpoint.npz") as first,
        np.load(folder / "worker0/checkpoint.npz") as second,
    ):
        for key in first.files:
            if key.startswith("model/"):
                np.testing.assert_allclose(first[key], second[key], atol=2e-6)


def test_only_the_chief_writes(folder: Path) -> None:
    assert (folder / "worker0" / "best.keras").is_file()
    assert not (folder / "worker1").exists()
