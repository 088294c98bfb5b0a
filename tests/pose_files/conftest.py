import sys
from collections.abc import Callable
from pathlib import Path

import in_process
import pytest

import kerasmooth.command_line  # noqa: F401 - its flags are there before the first run

# The small files of every format, good and bad, which lie beside the tests of the formats.
sys.path.append(str(Path(__file__).resolve().parents[1] / "formats"))


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., in_process.Run]:
    """Runs the command with words, in this process."""
    run = in_process.runner(monkeypatch, capfd)
    return lambda *words: run("kerasmooth.smooth", *map(str, words))
