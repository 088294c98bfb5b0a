"""What `import kerasmooth` offers, and the README's page about it, run as it stands there."""

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import kerasmooth
from kerasmooth.metrics import PCK


def test_every_public_name_is_there() -> None:
    for name in kerasmooth.__all__:
        assert getattr(kerasmooth, name) is not None
        assert name in dir(kerasmooth)
    assert callable(kerasmooth.train)
    assert kerasmooth.losses.MaskedMSE().name == "masked_mse"
    assert kerasmooth.models.Conv3D(window=3, size=(8, 8)).count_params() == 25 * (25 * 3 * 25 + 1)
    with pytest.raises(AttributeError, match="'smooth_files'"):
        kerasmooth.smooth_files  # noqa: B018


def test_every_console_script_is_an_entry_point(repository: Path) -> None:
    settings = configparser.ConfigParser()
    settings.read(repository / "setup.cfg")
    scripts = settings["options.entry_points"]["console_scripts"].split("\n")[1:]
    assert len(scripts) == 7
    for script in scripts:
        command, _, place = script.partition(" = ")
        module, _, function = place.partition(":")
        assert command == "kerasmooth-" + module.removeprefix("kerasmooth.").replace("_", "-")
        # Read, not imported: two entry points in one process would define their flags twice.
        assert f"def {function}() -> None:" in (repository / f"{module.replace('.', '/')}.py").read_text()


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[dict]:
    """The names that the README's code leaves, with its folder as `folder`, where the tests stay."""
    text = (repository / "README.md").read_text().partition("### From Python")[2]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    found: dict = {"folder": tmp_path_factory.mktemp("notebook")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found["folder"])
        keras.utils.set_random_seed(0)  # as many notebooks begin
        exec(code[1], found)
        yield found


def test_a_model_of_a_few_lines_beats_no_smoothing(names: dict) -> None:
    detector = PCK(0.2)
    for inputs, truth in names["validation"]:
        detector.update_state(truth, inputs["keypoints"])
    assert names["history"].history["val_pck@0.2"][-1] > float(detector.result()) + 0.1


def test_passes_over_the_training_split_differ_and_those_of_validation_do_not(names: dict) -> None:
    first, second = ([inputs["keypoints"].numpy() for inputs, _ in names["train"]] for _ in range(2))
    assert len(first) == names["train"].cardinality() == len(second)
    assert not np.array_equal(first[0], second[0])
    first, second = ([truth.numpy() for _, truth in names["train"]] for _ in range(2))
    assert not np.array_equal(first[0], second[0], equal_nan=True), "another order"
    every = [np.concatenate(batches) for batches in (first, second)]
    assert np.nansum(every[0], dtype=np.float64) == pytest.approx(np.nansum(every[1], dtype=np.float64)), "of the same"
    one, other = ([inputs["keypoints"].numpy() for inputs, _ in names["validation"]] for _ in range(2))
    np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))


def test_the_table_of_an_epoch_and_that_of_evaluation_are_one(names: dict) -> None:
    best = json.loads((names["folder"] / "runs" / "mine" / "best.json").read_text())
    (evaluation,) = kerasmooth.evaluate("runs/mine", "validation")
    table = evaluation.pck()
    assert list(table.index)[:2] == ["identity", "bias_only"]
    for column in ("pck@0.05", "pck@0.1", "pck@0.2"):
        assert table.loc["mine", column] / 100 == pytest.approx(best[f"val_{column}"], abs=2e-4)
        assert table.loc["identity", column] / 100 == pytest.approx(best["identity"][f"val_{column}"], abs=1e-6)


def test_what_was_trained_is_loaded_from_everywhere(names: dict) -> None:
    folder, model = names["folder"], names["model"]
    assert isinstance(model, kerasmooth.models.DeciWatch)
    again = kerasmooth.load_model(folder / "runs" / "mine" / "best.keras")
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    keypoints = np.random.default_rng(0).uniform(100, 300, (12, 25, 2))
    smoothed = names["client"].smooth(keypoints, np.ones((12, 25)), fps=30)
    trained = np.isin(names["client"].metadata["skeleton"]["keypoints"], names["client"].metadata["supervised"])
    np.testing.assert_array_equal(np.isfinite(smoothed).all(axis=(0, 2)), trained)
    assert (folder / "log.csv").read_text().startswith("epoch,")
    with pytest.raises(kerasmooth.errors.InputError, match="nowhere"):
        kerasmooth.load_model(folder / "nowhere")
    with pytest.raises(kerasmooth.errors.InputError, match=r"nowhere\.keras"):
        kerasmooth.load_model(folder / "nowhere.keras")
