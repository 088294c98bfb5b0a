"""The benchmark of smoothing runs, checks that both ways agree, and says what is missing."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(TOOLS))
    yield
    for name in [name for name in sys.modules if name == "benchmark" or name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def part(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_every_filter_is_measured_beside_scipy(tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = part("benchmarks._smooth_filters")
    monkeypatch.setattr(filters, "FRAMES", 130)
    monkeypatch.setattr(filters, "SLOW", {"auto": 12, "kalman": 12})
    monkeypatch.setattr(filters, "SPLINE_FRAMES", 130)
    rows = filters.measure(1e-3)
    assert {row["method"] for row in rows} == {*filters.FILTERS, "auto"}
    for row in rows:
        assert isinstance(row["call, mended"], float), row
        assert (row["SciPy"] == "-") == (row["method"] not in filters.BARE)


def test_a_filter_that_differs_from_scipys_is_no_measurement(tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = part("benchmarks._smooth_filters")
    monkeypatch.setitem(filters.BARE, "median", lambda positions: positions)
    with pytest.raises(ValueError, match="median and SciPy's disagree"):
        filters.agree("median", filters.motion(200))


def test_packages_are_used_where_they_are_and_named_where_not(tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = part("benchmarks._smooth_peers")
    monkeypatch.setattr(peers, "FRAMES", 30)
    here = ("json", "json", np.array, 30, "whittaker", {"cutoff": 2.0})
    gone = ("no-such-package", "no_such_package", np.array, 30, "whittaker", {"cutoff": 2.0})
    monkeypatch.setattr(peers, "PEERS", (here, gone))
    found, missing = peers.measure(1e-3)
    assert found["ours"] > 0
    assert missing["package's"] == "missing: pip install no-such-package"


def test_steps_are_timed(tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = part("benchmarks._smooth_stream")
    monkeypatch.setattr(stream, "STEPS", 30)
    rows = stream.measure(1e-3)
    assert len(rows) == 2 * len(stream.LOOKAHEADS)
    assert all(float(row["processor, median"]) <= float(row["processor, 95 % below"]) for row in rows)


def test_a_step_of_training_is_timed_and_torch_is_missing_where_it_is_not(
    tools: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = part("benchmarks.train")
    monkeypatch.setattr(train, "MODELS", {"DeciWatch": ("deciwatch", {"hidden_dim": 8, "num_layers": 1})})
    monkeypatch.setattr(train, "PRECISIONS", ("float32",))
    monkeypatch.setattr(train, "LONG", 1)
    monkeypatch.setattr(train, "devices_in_use", lambda: ("CPU", False))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (row,) = train.measure(1e-3)
    assert row["step"] > 0
    assert (row["step on two devices"], row["torch"]) == ("-", "missing: pip install torch")


@pytest.mark.slow
def test_served_models_are_measured(tools: None, small_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = part("benchmarks.serving")

    def export_to(bundle: Path, model: str, _: object) -> None:
        shutil.copytree(small_bundle.path, bundle, dirs_exist_ok=True)

    monkeypatch.setattr(serving, "export_to", export_to)
    found = serving.measure(1e-6)
    assert len(found) == 4
    for rows in found.values():
        assert {"sequence", "keypoints", "stream", "metadata"} < {row["signature"] for row in rows}
        assert all(row["differs from local by"] in ("", 0) or row["differs from local by"] < 1e-3 for row in rows)


def test_several_tables_become_one_section(tools: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    benchmark = part("benchmark")
    assert "smooth" in benchmark.parts()
    fake = ModuleType("benchmarks.smooth")
    fake.__dict__.update(TITLE="T", LIMIT="L", measure=lambda seconds: {"one": [{"a": 1234.5}], "two": [{"b": "-"}]})
    monkeypatch.setitem(sys.modules, "benchmarks.smooth", fake)
    section = benchmark.measure("smooth", 1.0)
    assert section == "**T**\n\none\n\n| a |\n|---|\n| 1,234 |\n\ntwo\n\n| b |\n|---|\n| - |\n\nLimit: L"
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- benchmark smooth -->\nold\n<!-- end of benchmark smooth -->\nafter\n")
    monkeypatch.setattr(benchmark, "README", readme)
    benchmark.write_section("smooth", section)
    assert readme.read_text().startswith("before\n<!-- benchmark smooth -->\n**T**")
    assert readme.read_text().endswith("<!-- end of benchmark smooth -->\nafter\n")
    with pytest.raises(SystemExit, match="no place for 'records'"):
        benchmark.write_section("records", section)
