"""tools/check_serving.py against a server, and kerasmooth.smooth through one."""

from pathlib import Path

import numpy as np
import pytest
from in_process import runner
from running import Server
from small_bundle import Bundle

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BOULDERING_25

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_a_server_is_checked(
    server: Server, small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    run = runner(monkeypatch, capfd)
    for scheme in ("grpc", "http"):
        address = server.address(scheme, "deciwatch", "/labels/stable")
        done = run("check_serving", address, f"--local={small_bundle.version('deciwatch')}", "--requests=2")
        assert done.code == 0, done.err
        assert "version 1 AVAILABLE" in done.out
        rows = [line for line in done.out.splitlines() if line.startswith("| ")]
        assert [row.split()[1] for row in rows[1:]] == [
            "sequence",
            "keypoints",
            "heatmaps_to_keypoints",
            "stream",
            "metadata",
        ]
        assert all(float(cell.replace(",", "")) > 0 for row in rows[1:] for cell in row.split("|")[4:7])
    done = run("check_serving", server.address("grpc", "deciwatch"), f"--local={small_bundle.run('conv3d')}")
    assert done.is_bad_input
    assert "serves another model" in done.err
    done = run("check_serving", server.address("grpc", "nobody"))
    assert done.is_bad_input
    assert "nobody" in done.err
    assert run("check_serving").is_bad_input


def test_a_pose_file_is_smoothed_by_a_server(
    server: Server,
    small_bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = runner(monkeypatch, capfd)
    random = np.random.default_rng(0)
    keypoints = random.uniform(100, 400, (25, 2)) + random.normal(0, 3, (40, 25, 2)).cumsum(axis=0)
    frames = np.arange(40)
    table = PoseTable(frames, np.zeros(40, int), keypoints, np.ones((40, 25)), frames, BOULDERING_25, fps=30.0)
    formats.write(table, tmp_path / "in.npz", to="npz")
    outputs = []
    for name, model in {
        "folder": str(small_bundle.path / "deciwatch"),
        "grpc": server.address("grpc", "deciwatch", "/labels/stable"),
        "rest": server.address("http", "deciwatch"),
    }.items():
        out = tmp_path / f"{name}.npz"
        done = run("kerasmooth.smooth", str(tmp_path / "in.npz"), f"--output={out}", f"--model={model}")
        assert done.code == 0, done.err
        assert "model" in done.out
        outputs.append(formats.read(out).keypoints)
    np.testing.assert_allclose(outputs[1], outputs[0], atol=1e-3)
    np.testing.assert_allclose(outputs[2], outputs[0], atol=1e-3)
    assert np.nanmax(np.abs(outputs[0] - keypoints)) > 0.1
    out = tmp_path / "none.npz"
    nobody = f"--model={server.address('grpc', 'nobody')}"
    done = run("kerasmooth.smooth", str(tmp_path / "in.npz"), f"--output={out}", nobody)
    assert done.is_bad_input
    assert "--model=grpc://" in done.err
    assert not out.exists()
