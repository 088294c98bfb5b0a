"""Small raw files in the layouts of the three datasets, for tests to read and to damage."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from kerasmooth.errors import InputError

FRAMES = 4


def check_message(error: pytest.ExceptionInfo[InputError], *words: str) -> None:
    """One line that says each of `words`, what was received, and what to do about it."""
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    for word in (*words, " received "):
        assert word in text
    remedy = text.rsplit(": ", 1)[1]
    assert any(verb in remedy for verb in ("restore", "export", "get ", "pass ", "remove", "rename")), text


# Penn Action ---------------------------------------------------------------------------------------------------------


def penn_fields(frames: int = FRAMES) -> dict[str, Any]:
    """A label file: 13 joints that drift by (2, 1) pixels a frame in an image of 270 x 480."""
    joint, frame = np.arange(13), np.arange(frames)[:, None]
    return {
        "action": "bench_press",
        "pose": "front",
        "x": 100.0 + 20 * joint + 2 * frame,
        "y": 60.0 + 7 * joint + frame,
        "visibility": np.ones((frames, 13), np.uint8),
        "train": np.array([[1]], np.int32),
        "bbox": np.tile([90.0, 50.0, 360.0, 160.0], (frames, 1)),
        "dimensions": np.array([[270, 480, frames]], np.uint16),
        "nframes": np.array([[frames % 256]], np.uint8),  # overflows, as in real files
    }


def write_penn(raw_dir: Path, name: str = "0001", without: str = "", compress: bool = True, **changes: Any) -> Path:
    """Writes `labels/<name>.mat`: `penn_fields` with `changes`, and without one field."""
    path = raw_dir / "labels" / f"{name}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {key: value for key, value in (penn_fields() | changes).items() if key != without}
    scipy.io.savemat(path, fields, do_compression=compress)
    return path


# BRACE ---------------------------------------------------------------------------------------------------------------


def brace_person(frame: int) -> list[list[float]]:
    """17 keypoints [x, y, score], in the image of 1920 x 1080."""
    return [[400.0 + 30 * k + frame, 300.0 + 11 * k - frame, 1.0] for k in range(17)]


def brace_content(numbers: range | list[int] = range(100, 104), video: str = "abc") -> dict[str, Any]:
    return {
        f"{video}/img-{number:06d}.png": {"box": [380.0, 290.0, 520.0, 200.0, 1.0], "keypoints": brace_person(number)}
        for number in numbers
    }


def write_brace(
    raw_dir: Path, content: Any = None, *, year: str = "2019", video: str = "abc", name: str = "abc_100-103_toprock"
) -> Path:
    """Writes a segment; `content` is what the JSON holds, or the file's own text or bytes."""
    path = raw_dir / "dataset" / year / video / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = brace_content() if content is None else content
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_manual(
    raw_dir: Path, joints: Any, name: str = "img-000101.npz", *, year: str = "2019", video: str = "abc", **more: Any
) -> Path:
    path = raw_dir / "manual_keypoints" / year / video / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **({"coco_joints2d": joints} | more if joints is not None else more))
    return path


BRACE_TABLES = {
    "videos_info.csv": [
        "video_id,video_url,year,duration,fps,resolution",
        "abc,,2019,,60,1920x1080",
        "abc,,2020,,25,1280x720",
    ],
    "segments.csv": [
        "video_id,seq_idx,start_frame,end_frame,dance_type,dance_type_id,year,uid",
        "abc,3,100,103,footwork,2,2019,abc.100.103",
        "abc,4,200,203,footwork,2,2019,abc.200.203",
    ],
    "sequences_train.csv": ["video_id,seq_idx,uid", "abc,3,abc.3"],
    "sequences_test.csv": ["video_id,seq_idx,uid", "abc,4,abc.4"],
}


def write_brace_tables(raw_dir: Path, folder: str = "annotations", **changes: str) -> None:
    """Writes the CSV files; `changes` are whole texts by the file's name without suffix."""
    (raw_dir / folder).mkdir(parents=True, exist_ok=True)
    for name, lines in BRACE_TABLES.items():
        text = changes.get(name.removesuffix(".csv"), "\n".join(lines) + "\n")
        (raw_dir / folder / name).write_text(text, "utf-8")


# ClimbAlong ----------------------------------------------------------------------------------------------------------

GRID = (6, 8)  # height, width: a cell of the box below is 10 x 20 pixels


def climb_arrays(frames: int = FRAMES) -> dict[str, np.ndarray]:
    """Boxes of 80 x 120 pixels from (100, 200); keypoint k of frame t at (105 + 3 k, 210 + 4 k + t)."""
    k, t = np.arange(25), np.arange(frames)[:, None]
    points = np.stack([105.0 + 3 * k + 0 * t, 210.0 + 4 * k + t, np.ones((frames, 25))], axis=-1)
    heatmaps = np.random.default_rng(0).normal(size=(frames, 25, *GRID)).astype(np.float32)
    return {
        "bboxes": np.tile([100.0, 200.0, 180.0, 320.0], (frames, 1)),
        "heatmaps": heatmaps,
        "keypoints": points[:, None],
    }


def write_climb(raw_dir: Path, video: str = "wall", without: str = "", **changes: Any) -> tuple[Path, Path]:
    """Writes `input/<video>.npz` and `target/<video>.npz`; returns both paths."""
    arrays = {key: value for key, value in (climb_arrays() | changes).items() if key != without}
    paths = raw_dir / "input" / f"{video}.npz", raw_dir / "target" / f"{video}.npz"
    for path, keys in zip(paths, (("bboxes", "heatmaps"), ("keypoints",)), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{key: arrays[key] for key in keys if key in arrays})
    return paths


# Damage --------------------------------------------------------------------------------------------------------------


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def flip(path: Path, share: float) -> None:
    """Inverts 16 bytes in the middle of a file."""
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    data[at : at + 16] = bytes(255 - byte for byte in data[at : at + 16])
    path.write_bytes(bytes(data))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def claim_shape(path: Path, field: str, shape: tuple[int, ...]) -> None:
    """Rewrites an .npz file so that `field` claims another shape than it has bytes for."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    members[f"{field}.npy"] = header.getvalue() + bytes(64)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
