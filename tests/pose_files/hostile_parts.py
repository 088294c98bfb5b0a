"""How hostile inputs are made, and where they are collected: title -> maker of the input in a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pose_files import SAMPLES, flat

Maker = Callable[[Path], Path]
REFUSED: dict[str, Maker] = {}
SMOOTHED: dict[str, Maker] = {}


def data(name: str, content: bytes | Callable[[], bytes]) -> Maker:
    """A file of these bytes."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return make


def sample(name: str, change: Callable[[bytes], bytes], file: str = "", to: str = "") -> Maker:
    """A good file with its bytes changed, or the file `file` of a good folder; written as `to` where that is given."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[name](folder)
        target = path / file if file else path
        target.write_bytes(change(target.read_bytes()))
        return target.rename(folder / to) if to else path

    return make


def coco(people: list[dict[str, Any]]) -> bytes:
    return json.dumps(people).encode()


def person(image: Any = 1, keypoints: Any = None, **more: Any) -> dict[str, Any]:
    values = flat(17, 1) if keypoints is None else keypoints
    return {"image_id": image, "category_id": 1, "keypoints": values, "score": 0.9} | more


JUNK = np.random.default_rng(1).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
WIDE = b"frame,a_x,a_y,b_x,b_y\n"
