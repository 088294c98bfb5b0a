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
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "conv3d": ("conv3d", {}),
    "sum": ("bi_conv_lstm", {"filters": 4}),
    "concat": ("bi_conv_lstm", {"filters": 4, "merge_mode": "concat"}),
    "deciwatch": ("deciwatch", {"hidden_dim": 8, "num_layers": 1, "dropout": 0.0}),
    "gated_splines": ("gated_splines", {"width": 8, "rounds": 1}),
}


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on one device, on two of one process, and in two processes; see training_process.py."""
    path = tmp_path_factory.mktemp("distribution")
    write_records(path / "records")

    def job(name: str, devices: int, strategy: str, **environment: str) -> dict[str, Any]:
        settings = SETTINGS | {"strategy": strategy, "records_dir": str(path / "records")}
        place = {"folder": str(path / name), "devices": devices, "environment": environment}
        return place | {"settings": settings, "models": MODELS}

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


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["mirrored", "worker0", "worker1"])
def test_loss_and_gradients_of_a_step_are_those_of_one_device(folder: Path, name: str, model: str) -> None:
    with np.load(folder / f"single-{model}.npz") as one, np.load(folder / f"{name}-{model}.npz") as other:
        assert set(one.files) == set(other.files)
        assert one["terms"][0, 1] > 0
        np.testing.assert_allclose(other["terms"], one["terms"], rtol=1e-6)
        for path in one.files:
            largest = np.abs(one[path]).max()
            # Sums in another order; adding a constant to all keys of an attention has no gradient but rounding.
            np.testing.assert_allclose(other[path], one[path], rtol=1e-4, atol=1e-5 * largest + 1e-7, err_msg=path)


def test_each_replica_draws_its_own_dropout(folder: Path) -> None:
    drawn = {}
    for name in ("single", "mirrored", "worker0", "worker1"):
        with np.load(folder / f"{name}-random.npz") as archive:
            drawn[name] = archive["draws"]
    assert (drawn["mirrored"][0, 0] != drawn["mirrored"][0, 1]).any()
    assert (drawn["mirrored"][0] != drawn["mirrored"][1]).any()
    assert (drawn["worker0"] != drawn["worker1"]).any()
    # The first replica draws as a single device does.
    np.testing.assert_allclose(drawn["mirrored"][:, 0], drawn["single"][:, 0], rtol=1e-5)


def history(run_dir: Path) -> list[dict[str, float]]:
    with (run_dir / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["mirrored", "worker0"])
def test_a_whole_run_is_that_of_one_device(folder: Path, name: str) -> None:
    one, other = folder / "single" / "run", folder / name / "run"
    for mine, theirs in zip(history(one), history(other), strict=True):
        for loss in ("loss", "val_loss"):
            assert mine[loss] == pytest.approx(theirs[loss], rel=1e-6)
        assert mine["val_pck@0.2"] == pytest.approx(theirs["val_pck@0.2"], abs=1e-3)
    identities = [json.loads((path / "best.json").read_text())["identity"] for path in (one, other)]
    assert identities[0] == identities[1]


def test_only_the_chief_writes(folder: Path) -> None:
    assert (folder / "worker0" / "run" / "best.keras").is_file()
    assert not (folder / "worker1").exists()
