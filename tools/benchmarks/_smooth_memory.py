"""The most memory that the smoothing command holds, for a file and for one ten times as long."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from benchmarks._one_core import FPS, motion

KEYPOINTS = 6
FRAMES = (100_000, 1_000_000)
METHOD = "gaussian"
HEADING = f"""Memory: `python -m kerasmooth.smooth --method={METHOD}` on files of one person x {KEYPOINTS} keypoints

The most that the process held at any time, its Python and libraries included."""

_BLOCK = 10_000
_RUN = """
import sys
from kerasmooth.smooth import cli
try:
    cli()
finally:
    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])
"""


def measure(seconds: float) -> list[dict[str, object]]:
    """A row for each format and length; `seconds` does not matter."""
    with tempfile.TemporaryDirectory() as folder:
        return [_row(name, write, frames, Path(folder)) for name, write in _FORMATS.items() for frames in FRAMES]


def _row(name: str, write: Callable[[Path, int], None], frames: int, folder: Path) -> dict[str, object]:
    source, target = folder / f"{frames}{Path(name).suffix}", folder / f"out-{frames}{Path(name).suffix}"
    write(source, frames)
    words = [str(source), f"--output={target}", f"--fps={FPS}", f"--method={METHOD}"]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, check=True)
    spent = time.perf_counter() - start
    row: dict[str, object] = {
        "file": name,
        "frames": f"{frames:,}",
        "file, MB": f"{source.stat().st_size / 1e6:.0f}",
        "peak, MB": f"{int(done.stdout.split()[-1]) * 1024 / 1e6:.0f}",
        "frames/s": f"{frames / spent:,.0f}",
    }
    source.unlink()
    target.unlink()
    return row


def _blocks(frames: int) -> Iterator[tuple[int, list[list[float]]]]:
    """(first frame, a list of x, y, confidence ... for each), the same motion again and again."""
    points = motion(_BLOCK)[:, :KEYPOINTS]
    rows = np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=2).reshape(_BLOCK, -1).tolist()
    for first in range(0, frames, _BLOCK):
        yield first, rows[: frames - first]


def _write_deeplabcut(path: Path, frames: int) -> None:
    names = [f"part{k}" for k in range(KEYPOINTS) for _ in range(3)]
    with path.open("w") as file:
        for cells in (
            ["scorer", *["net"] * len(names)],
            ["bodyparts", *names],
            ["coords", *["x", "y", "likelihood"] * KEYPOINTS],
        ):
            file.write(",".join(cells) + "\n")
        for first, rows in _blocks(frames):
            line = "%d" + ",%.2f" * len(names) + "\n"
            file.write("".join(line % (first + i, *row) for i, row in enumerate(rows)))


def _write_coco(path: Path, frames: int) -> None:
    with path.open("w") as file:
        for first, rows in _blocks(frames):
            record = (
                '{"image_id": %d, "category_id": 1, "keypoints": ['
                + ", ".join(["%.2f"] * 3 * KEYPOINTS)
                + '], "score": 0.9}'
            )
            file.write("," if first else "[")
            file.write(",\n".join(record % (first + i, *row) for i, row in enumerate(rows)))
        file.write("]\n")


_FORMATS: dict[str, Callable[[Path, int], None]] = {"DeepLabCut .csv": _write_deeplabcut, "COCO .json": _write_coco}
