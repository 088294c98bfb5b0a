"""The name of the output must suit what will be in it: files that are called what they are not are found out late."""

from collections.abc import Callable
from pathlib import Path

import in_process
import pytest
from pose_files import SAMPLES

import kerasmooth.command_line  # noqa: F401 - its flags are there before the first run
from kerasmooth import formats

Smooth = Callable[..., in_process.Finished]


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Smooth:
    run = in_process.runner(monkeypatch, capfd)
    return lambda *words: run("kerasmooth.smooth", *map(str, words), "--fps=30", "--method=median")


@pytest.mark.parametrize(
    ("sample", "words", "told"),
    [
        ("coco", ["--output=out.csv"], "--to=deeplabcut or lightning_pose"),
        ("coco", ["--output=out.npz"], "--to=npz"),
        ("coco", ["--output=out.npz", "--to=deeplabcut"], "end it in .csv"),
        ("deeplabcut", ["--output=out.json"], "end it in .csv"),
        ("openpose", ["--output=out.json"], "name a folder"),
    ],
)
def test_a_file_named_as_another_format(
    sample: str, words: list[str], told: str, smooth: Smooth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = SAMPLES[sample](tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = smooth(path, *words)
    assert done.is_bad_input
    assert told in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_several_files_into_what_is_named_as_one(smooth: Smooth, tmp_path: Path) -> None:
    paths = [SAMPLES[name](tmp_path)[0] for name in ("coco", "alphapose")]
    done = smooth(*paths, f"--output={tmp_path / 'out.json'}")
    assert done.is_bad_input
    assert "folder" in done.err
    assert not (tmp_path / "out.json").exists()
    assert smooth(*paths, f"--output={tmp_path / 'out'}").code == 0


@pytest.mark.parametrize(
    ("name", "to"),
    [("out", ""), ("out.npy", ""), ("out.smoothed", ""), ("out.npz", ""), ("out.openpifpaf.json", "openpifpaf")],
)
def test_names_that_suit(name: str, to: str, smooth: Smooth, tmp_path: Path) -> None:
    path, _ = SAMPLES["arrays"](tmp_path)
    assert smooth(path, f"--output={tmp_path / name}", f"--to={to}").code == 0
    assert (tmp_path / name).is_file()


def test_packed_and_wide_texts_are_named(tmp_path: Path) -> None:
    import gzip

    path, _ = SAMPLES["coco"](tmp_path)
    text = path.read_text()
    for content, told in ((gzip.compress(text.encode()), "unpack"), (text.encode("utf-16"), "UTF-8"), (b"", "empty")):
        path.write_bytes(content)
        with pytest.raises(formats.InputError, match=told):
            formats.detect(path)
