"""Bad and hostile files give one line that names the file and what to do, and nothing else happens."""

import resource
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from malformed_files import CASES

from kerasmooth import formats
from kerasmooth.errors import InputError


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 200
    assert {name for name, _, _ in CASES.values()} <= set(formats.FORMATS)


@pytest.mark.parametrize("title", CASES)
def test_a_bad_file_gives_one_line(title: str, tmp_path: Path) -> None:
    name, message, make = CASES[title]
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = make(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=message) as caught:
        formats.read(path, format_name=name)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(tmp_path))
    assert " must " in text
    assert ", received " in text
    assert ": " in text.split(", received ", 1)[1]
    assert len(text) < len(str(path)) + 320
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("title", CASES)
def test_finding_the_format_of_a_bad_file_never_breaks(title: str, tmp_path: Path) -> None:
    name, _, make = CASES[title]
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = make(tmp_path)
    # Another format may make sense of it; anything else than InputError is wrong.
    message = ""
    try:
        formats.read(path)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    name, _, make = CASES["deeplabcut_h5-pickle that calls"]
    with pytest.raises(InputError):
        formats.read(make(tmp_path), format_name=name)
    assert not Path("/tmp/kerasmooth_was_here").exists()


MANY = {
    "million people": lambda: "[" + ", ".join(['{"image_id": 1, "keypoints": [1, 2, 1]}'] * 1_000_000) + "]",
    "lists": lambda: "[" + "[]," * 13_000_000 + "[]]",
    "objects": lambda: "[" + "{}," * 13_000_000 + "{}]",
    "numbers": lambda: "[" + "1," * 90_000_000 + "1]",
}


@pytest.mark.parametrize("title", MANY)
@pytest.mark.slow
def test_memory_stays_bounded(title: str, tmp_path: Path) -> None:
    """In a process that may take 3 GB; without the limits these files take more."""
    path = tmp_path / "bad.json"
    path.write_text(MANY[title]())
    code = (
        "import sys; from pathlib import Path\nfrom kerasmooth import errors, formats\n"
        "try:\n    formats.read(Path(sys.argv[1]), format_name='coco')\n"
        "except errors.InputError as error:\n    print(error); raise SystemExit(2)"
    )
    limit = 3 << 30
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout.count("\n") == 1


def test_an_hdf5_file_whose_names_are_no_text_is_told(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file.create_group(b"\xff\xfe")
    with pytest.raises(InputError, match="known format"):
        formats.read(tmp_path / "bad.h5")
