"""How bad files are made: from good ones, or from nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pose_files import SAMPLES

Maker = Callable[[Path], Path]
Case = tuple[str, str, Maker]
CASES: dict[str, Case] = {}

JSON_FORMATS = ("coco", "alphapose", "openpifpaf", "mmpose", "ultralytics")
CSV_FORMATS = ("deeplabcut", "lightning_pose", "wide_csv", "tidy_csv", "trc", "speed21")
OBJECT_FORMATS = ("coco_annotations", "alphapose_images", "easy_vitpose", "mediapipe_json")
"""JSON files that are an object."""
HDF5_FORMATS = ("sleap", "deeplabcut_h5", "sleap_slp", "nwb")
BINARY_FORMATS = ("npz", "arrays", "climbalong", "parquet", *HDF5_FORMATS)
SUFFIXES = {
    "npz": ".npz",
    "arrays": ".npz",
    "climbalong": ".npz",
    "parquet": ".parquet",
    "trc": ".trc",
    "speed21": ".data",
}


def suffix(name: str) -> str:
    if name in (*JSON_FORMATS, *OBJECT_FORMATS):
        return ".json"
    return ".h5" if name in HDF5_FORMATS else SUFFIXES.get(name, ".csv")


def case(title: str, name: str, message: str, maker: Maker) -> None:
    assert f"{name}-{title}" not in CASES
    CASES[f"{name}-{title}"] = (name, message, maker)


def bytes_file(name: str, data: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / f"bad{suffix(name)}"
        path.write_bytes(data)
        return path

    return make


def a_folder(folder: Path) -> Path:
    (folder / "bad").mkdir()
    return folder / "bad"


def cut(sample: str, share: float) -> Maker:
    """A good file without its end."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def edited(sample: str, old: bytes, new: bytes, file: str = "") -> Maker:
    """A good file with one text replaced."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        target = path / file if file else path
        data = target.read_bytes()
        assert old in data
        target.write_bytes(data.replace(old, new, 1))
        return path

    return make


JUNK = bytes(np.random.default_rng(0).integers(128, 256, 4000, dtype=np.uint8))


def damaged(sample: str, position: float) -> Maker:
    """A good file with bytes overwritten."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        data = bytearray(path.read_bytes())
        start = int(len(data) * position)
        data[start : start + 64] = b"\xa5" * 64
        path.write_bytes(data)
        return path

    return make
