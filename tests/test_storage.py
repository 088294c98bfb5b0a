"""Records, run folders and exports on a file system of TensorFlow: ram://, which lives as long as the process."""

from pathlib import Path

import pytest
import tensorflow as tf
from rich.console import Console
from small_runs import SMALL_OPTIONS

from kerasmooth import files, storage
from kerasmooth.errors import InputError
from kerasmooth.exporting.saved_model import export_run
from kerasmooth.tfrecord.make import make_records
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.loop import train


def content(folder: str) -> set[str]:
    return {name.rstrip("/") for name in tf.io.gfile.listdir(folder)}


def test_records_training_and_export_on_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    options = {"window": 5, "size": (12, 16), "stride": 4}
    local = make_records("sample", tmp_path / "records", **options)
    assert make_records("sample", "ram://lab/records", **options) == local
    make_records("sample", "ram://lab/records", **options, say=said.append)
    assert said == ["These records are there already: nothing to do."]
    assert content("ram://lab/records/sample") == {"manifest.json", *(shard.name for shard in local.shards)}

    settings = {"model": "deciwatch", "model_options": SMALL_OPTIONS["deciwatch"], "run_name": "one", "max_epochs": 1}
    settings |= {"steps_per_epoch": 2, "validation_windows": 4, "batch_size": 4}
    config = TrainingConfig(**settings, records_dir="ram://lab/records", runs_dir="ram://lab/runs")
    train(config, console=Console(quiet=True))
    state = train(config.replace(max_epochs=2), console=Console(quiet=True))
    assert [row["epoch"] for row in state.rows] == [1, 2]
    assert {"best.keras", "checkpoint.npz", "config.json", "history.csv", "curves.png"} < content("ram://lab/runs/one")

    exported = export_run("ram://lab/runs/one", "ram://lab/exports", for_serving=True)
    assert str(exported.path) == "ram://lab/exports/deciwatch/1"
    assert content("ram://lab/exports/deciwatch") == {"1"}
    assert {"models.config", "compose.yaml", "README.md"} < content("ram://lab/exports")
    served = tf.saved_model.load(str(exported.path)).signatures["metadata"]
    assert [value.shape[0] for value in served(rows=tf.constant([0])).values()] == [1]
    assert {path.name for path in tmp_path.iterdir()} == {"records"}


def test_a_failure_while_writing_leaves_what_was_there() -> None:
    place = storage.path("ram://lab/notes.txt")
    files.write_text(place, "before")
    with pytest.raises(FileNotFoundError), files.replacing(place) as partial:
        partial.with_name("nowhere").read_text()
    assert place.read_text() == "before"
    files.write_text(place, "after")
    assert (place.read_text(), place.stat().st_size) == ("after", 5)
    assert [path.name for path in place.parent.glob("*notes*")] == ["notes.txt"]
    place.unlink()
    place.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        place.unlink()


def test_a_folder_arrives_whole(tmp_path: Path) -> None:
    for name in ("saved_model.pb", "variables/index", "assets/deep/er"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    folder = storage.path("ram://lab/models/1")
    folder.receive(tmp_path)
    assert content("ram://lab/models") == {"1"}
    assert (folder / "assets" / "deep" / "er").read_text() == "assets/deep/er"
    assert [path.name for path in folder.iterdir()] == ["assets", "saved_model.pb", "variables"]
    storage.remove_tree(folder)
    assert not folder.exists()


@pytest.mark.parametrize("flag", ["records_dir", "runs_dir", "finetune_from"])
def test_a_file_system_that_tensorflow_lacks_is_refused(flag: str) -> None:
    with pytest.raises(InputError, match=rf"--{flag}=s3://b/r: TensorFlow has no file system s3:// here, it has .*gs"):
        TrainingConfig(**{flag: "s3://b/r"})
