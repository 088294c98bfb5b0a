"""The most memory that the smoothing command holds, and its time, for an hour of whole-body poses."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks._one_core import FPS, motion

from kerasmooth.formats import write
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_WHOLEBODY_133

FRAMES = 108_000
METHOD = "gaussian"
HEADING = f"""Memory: `python -m kerasmooth.smooth --method={METHOD}` on files of {FRAMES:,} frames x 133 keypoints

An hour of whole-body poses of one person. The most that the process held at any time, its Python and libraries
included, and the time of the whole command."""

_MOTION_FRAMES = 9_000
_RUN = """
import sys
from kerasmooth.smooth import cli
try:
    cli()
finally:
    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])
"""


def measure(seconds: float) -> list[dict[str, object]]:
    """A row for each format; `seconds` does not matter."""
    with tempfile.TemporaryDirectory() as folder:
        return [_row(title, name, make, Path(folder)) for title, (name, make) in _FILES.items()]


def _row(title: str, name: str, make: Callable[[Path, np.ndarray], None], folder: Path) -> dict[str, object]:
    source, target = folder / name, folder / f"out-{name}"
    make(source, _poses())
    words = [str(source), f"--output={target}", f"--fps={FPS}", f"--method={METHOD}"]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, check=True)
    spent = time.perf_counter() - start
    row: dict[str, object] = {
        "file": title,
        "file, MB": f"{source.stat().st_size / 1e6:.0f}",
        "peak, GiB": f"{int(done.stdout.split()[-1]) / 2**20:.2f}",
        "seconds": f"{spent:.0f}",
    }
    source.unlink()
    target.unlink()
    return row


def _poses() -> np.ndarray:
    """[FRAMES, 133, 3]: x, y, confidence; the same motion again and again."""
    points = np.concatenate([motion(_MOTION_FRAMES, seed) for seed in range(6)], axis=1)[:, :133]
    rows = np.concatenate([points.round(2), np.full((*points.shape[:2], 1), 0.9)], axis=2)
    return np.tile(rows, (FRAMES // _MOTION_FRAMES, 1, 1))


def _write_deeplabcut(path: Path, poses: np.ndarray) -> None:
    names = [f"part{k}" for k in range(poses.shape[1])]
    heads = [
        ["scorer", *["net"] * 3 * len(names)],
        ["bodyparts", *(name for name in names for _ in range(3))],
        ["coords", *["x", "y", "likelihood"] * len(names)],
    ]
    line = "%d" + ",%.2f" * 3 * len(names) + "\n"
    with path.open("w") as file:
        file.writelines(",".join(cells) + "\n" for cells in heads)
        file.writelines(line % (frame, *pose.ravel().tolist()) for frame, pose in enumerate(poses))


def _write_coco(path: Path, poses: np.ndarray) -> None:
    record = '{"image_id": %d, "category_id": 1, "keypoints": [' + ", ".join(["%.2f"] * 3 * 133) + '], "score": 0.9}'
    with path.open("w") as file:
        file.write("[")
        for frame, pose in enumerate(poses):
            file.write((",\n" if frame else "") + record % (frame, *pose.ravel().tolist()))
        file.write("]\n")


def _write_npz(path: Path, poses: np.ndarray) -> None:
    rows = np.arange(len(poses))
    write(PoseTable(rows, rows * 0, poses[..., :2], poses[..., 2], rows, COCO_WHOLEBODY_133, FPS), path, to="npz")


_FILES: dict[str, tuple[str, Callable[[Path, np.ndarray], None]]] = {
    "DeepLabCut CSV": ("poses.csv", _write_deeplabcut),
    "COCO results": ("poses.json", _write_coco),
    "our NPZ": ("poses.npz", _write_npz),
}
