import sys
from collections.abc import Callable
from pathlib import Path

import in_process
import numpy as np
import pytest
from recordings import walking, write

import kerasmooth.command_line  # noqa: F401 - its flags are there before the first run

# The small files of every format, good and bad, which lie beside the tests of the formats.
sys.path.append(str(Path(__file__).resolve().parents[1] / "formats"))


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., in_process.Run]:
    """Runs the command with words, in this process."""
    run = in_process.runner(monkeypatch, capfd)
    return lambda *words: run("kerasmooth.smooth", *map(str, words))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A file of somebody who walks, with a gap of four frames."""
    keypoints = walking()
    keypoints[10:14, 3] = np.nan
    return write(tmp_path / "clip.npz", keypoints)
