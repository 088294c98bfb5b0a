from pathlib import Path

import pytest
from tool_runner import Tool, entry_point

from kerasmooth.datasets import write_raw


@pytest.fixture(scope="session")
def make_records() -> Tool:
    return entry_point("kerasmooth.make_records")


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated raw files of all three layouts."""
    folder = tmp_path_factory.mktemp("raw")
    for dataset, (videos, frames) in {"penn_action": (6, 14), "brace": (5, 30), "climbalong": (6, 14)}.items():
        write_raw(folder / dataset, dataset=dataset, num_videos=videos, frames_per_video=frames, seed=2)
    return folder


@pytest.fixture
def penn(raw: Path, tmp_path: Path) -> list[str]:
    """Flags that convert the generated Penn Action files into a folder of the test."""
    return [
        "--dataset=penn_action",
        f"--raw_dir={raw / 'penn_action'}",
        f"--records_dir={tmp_path}",
        "--actions=all",
        "--workers=1",
    ]
