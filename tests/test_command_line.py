import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kerasmooth.command_line import with_flagfiles

PROGRAM = """
from absl import flags
from kerasmooth.command_line import run
from kerasmooth.errors import InputError
COUNT = flags.DEFINE_integer("count", 1, "How many.", lower_bound=0)
FOLDER = flags.DEFINE_list("folder", ["here"], "Where.")
def main():
    if COUNT.value == 7:
        raise InputError("poses.json: frame 3:\\n keypoints are 12, expected 17")
    if COUNT.value == 8:
        raise KeyboardInterrupt
    if COUNT.value == 9:
        raise RuntimeError("a defect")
    print(COUNT.value)
if __name__ == "__main__":
    run(main)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM)
    return path


def start(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(program), *words], capture_output=True, text=True, check=False, cwd=program.parent
    )


def test_a_good_call(program: Path) -> None:
    done = start(program, "--count=3")
    assert (done.returncode, done.stdout) == (0, "3\n")


@pytest.mark.parametrize("word", ["--help", "--count=3"])
def test_a_reader_that_ends_early_is_no_error(program: Path, word: str) -> None:
    with subprocess.Popen(
        [sys.executable, str(program), word], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_flagfile(program: Path) -> None:
    (program.parent / "good.cfg").write_text("# a comment\n--count=4\n")
    assert start(program, "--flagfile=good.cfg").stdout == "4\n"


def test_a_flagfile_in_a_flagfile_is_found_beside_it_from_any_folder(program: Path, tmp_path: Path) -> None:
    (tmp_path / "outer.cfg").write_text("--count=2\n--flagfile=inner.cfg\n")
    (tmp_path / "inner.cfg").write_text("--count=5\n")
    assert start(program, f"--flagfile={tmp_path / 'outer.cfg'}").stdout == "5\n"
    assert start(program, f"--flagfile={tmp_path / 'outer.cfg'}", "--count=6").stdout == "6\n"
    (tmp_path / "inner.cfg").write_text("--flagfile=outer.cfg\n")
    assert "names itself" in start(program, f"--flagfile={tmp_path / 'outer.cfg'}").stderr


def test_the_flagfiles_of_the_experiments_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = with_flagfiles(["--flagfile=flags/finetune_regularised.cfg"])
    assert (
        words.index("--learning_rate=1e-3") < words.index("--learning_rate=1e-4") < words.index("--weight_decay=1e-3")
    )


@pytest.mark.slow
def test_the_wheel_brings_the_flagfiles(repository: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*words, str(repository)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for path in (repository / "flags").glob("*.cfg"):
        assert any(name.endswith(f".data/data/share/kerasmooth/flags/{path.name}") for name in names), names


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--count=7"], "poses.json: frame 3: keypoints are 12, expected 17"),
        (["--count=x"], "count"),
        (["--count=-1"], "count"),
        (["--cuont=1"], "cuont"),
        (["stray"], "stray"),
        (["--flagfile=absent.cfg"], "absent.cfg"),
        (["--flagfile=."], "flagfile"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(program: Path, words: list[str], expected: str) -> None:
    done = start(program, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert expected in done.stderr


def test_a_line_without_dashes_in_a_flagfile_is_refused(program: Path) -> None:
    (program.parent / "stray.cfg").write_text("count=4\n")
    done = start(program, "--flagfile=stray.cfg")
    assert done.returncode == 2
    assert "count=4" in done.stderr


def test_interruption_exits_with_130(program: Path) -> None:
    done = start(program, "--count=8")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_our_own_defects_keep_their_traceback(program: Path) -> None:
    done = start(program, "--count=9")
    assert done.returncode not in (0, 2)
    assert "Traceback" in done.stderr


def test_help_lists_the_flags(program: Path) -> None:
    assert "--count" in start(program, "--help").stdout


def test_a_folder_of_a_remote_file_system_is_refused_not_made_here(program: Path) -> None:
    done = start(program, "--folder=here,gs://bucket/there")
    assert done.returncode == 2
    assert done.stderr == "error: --folder=gs://bucket/there: gs:// is no folder of this machine: name one, and copy\n"
    assert not (program.parent / "gs:").exists()
