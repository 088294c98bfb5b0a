"""The memory and the time that the smoothing command takes for an hour of whole-body poses, by format."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from benchmarks._one_core import FPS, motion

FRAMES, KEYPOINTS = 108_000, 133
METHOD = "gaussian"
HEADING = f"""Memory: `python -m kerasmooth.smooth --method={METHOD}` on an hour of one person x {KEYPOINTS} keypoints

The most that the process held at any time, its Python and libraries included, and the processor time it took."""

_BLOCK = 4_000
_RUN = """
import resource
from kerasmooth.smooth import cli
try:
    cli()
finally:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], spent.ru_utime + spent.ru_stime)
"""


def measure(seconds: float) -> list[dict[str, object]]:
    """A row for each format; `seconds` does not matter."""
    with tempfile.TemporaryDirectory() as folder:
        return [_row(name, write, Path(folder)) for name, write in _FORMATS.items()]


def _row(name: str, write: Callable[[Path], None], folder: Path) -> dict[str, object]:
    source, target = folder / f"in{Path(name).suffix}", folder / f"out{Path(name).suffix}"
    write(source)
    words = [str(source), f"--output={target}", f"--fps={FPS}", f"--method={METHOD}"]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, *words], capture_output=True, text=True, check=True)
    spent = time.perf_counter() - start
    peak, processor = done.stdout.split()[-2:]
    row: dict[str, object] = {
        "file": name,
        "frames": f"{FRAMES:,}",
        "file, MB": f"{source.stat().st_size / 1e6:.0f}",
        "peak, MiB": f"{int(peak) / 1024:.0f}",
        "processor, s": f"{float(processor):.0f}",
        "wall, s": f"{spent:.0f}",
    }
    source.unlink()
    target.unlink()
    return row


def _rows() -> Iterator[tuple[int, np.ndarray]]:
    """(first frame, [frames, x, y, confidence of each keypoint]), the same motion again and again."""
    people = [motion(_BLOCK, seed) for seed in range(-(-KEYPOINTS // 25))]
    points = np.concatenate(people, axis=1)[:, :KEYPOINTS]
    rows = np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=2).reshape(_BLOCK, -1).round(2)
    for first in range(0, FRAMES, _BLOCK):
        yield first, rows


def _write_deeplabcut(path: Path) -> None:
    names = [f"part{k}" for k in range(KEYPOINTS) for _ in range(3)]
    with path.open("w") as file:
        for cells in (
            ["scorer", *["net"] * len(names)],
            ["bodyparts", *names],
            ["coords", *["x", "y", "likelihood"] * KEYPOINTS],
        ):
            file.write(",".join(cells) + "\n")
        lines: list[str] = []
        for first, rows in _rows():
            lines = lines or [",".join(map(str, row)) for row in rows.tolist()]
            file.writelines(f"{first + i},{line}\n" for i, line in enumerate(lines))


def _write_coco(path: Path) -> None:
    with path.open("w") as file:
        lists: list[str] = []
        for first, rows in _rows():
            lists = lists or [", ".join(map(str, row)) for row in rows.tolist()]
            file.write("," if first else "[")
            file.write(
                ",\n".join(
                    f'{{"image_id": {first + i}, "category_id": 1, "keypoints": [{points}], "score": 0.9}}'
                    for i, points in enumerate(lists)
                )
            )
        file.write("]\n")


def _write_arrays(path: Path) -> None:
    values = np.concatenate([rows for _, rows in _rows()]).reshape(FRAMES, KEYPOINTS, 3)
    np.savez(path, keypoints=values[..., :2], scores=values[..., 2])


_FORMATS: dict[str, Callable[[Path], None]] = {
    "DeepLabCut .csv": _write_deeplabcut,
    "COCO .json": _write_coco,
    "arrays .npz": _write_arrays,
}
