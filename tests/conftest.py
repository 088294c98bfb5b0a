import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("KERASMOOTH_SHARED", REPOSITORY.parent / "shared"))


def pytest_configure() -> None:
    # A shell starts its background jobs with Ctrl-C ignored, which they and all that they start inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that some tests run on; it is no part of the project."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder} (set KERASMOOTH_SHARED to the folder that holds data/)")
    return folder


class Golden(Mapping[str, np.ndarray]):
    """Values that the published code gave. Large ones are not in the repository: a test that asks for them skips."""

    def __init__(self) -> None:
        self._values: dict[str, np.ndarray] = {}
        for path in (
            REPOSITORY / "tests" / "testdata" / "published_code.npz",
            SHARED / "golden" / "published_code.npz",
        ):
            if path.is_file():
                with np.load(path) as archive:
                    self._values |= dict(archive)

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self._values:
            pytest.skip(f"golden value {key!r} is only in the full file, shared/golden/published_code.npz")
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.fixture(scope="session")
def golden() -> Golden:
    return Golden()


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `small_bundle.Bundle` that all tests share and none changes."""
    import small_bundle

    if made := os.environ.get(small_bundle.FOLDER_VARIABLE):
        return small_bundle.Bundle(Path(made).resolve())
    return small_bundle.make(tmp_path_factory.mktemp("small_bundle"))
