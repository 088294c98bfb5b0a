"""Commands and files that are wrong: one line, status 2, the input untouched and nothing written."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import walking, write

from kerasmooth.skeletons import COCO_17

BAD_COMMANDS: dict[str, list[str]] = {
    "nothing": [],
    "no output": ["clip.npz"],
    "no input": ["--output=out.npz"],
    "absent input": ["absent.npz", "--output=out.npz"],
    "empty word": ["", "--output=out.npz"],
    "glob of nothing": ["*.trc", "--output=out"],
    "long name": ["x" * 5000, "--output=out.npz"],
    "long output": ["clip.npz", "--output=" + "x" * 5000],
    "unknown flag": ["clip.npz", "--output=out.npz", "--smoothness=3"],
    "unknown method": ["clip.npz", "--output=out.npz", "--method=magic"],
    "unknown format": ["clip.npz", "--output=out.npz", "--to=docx"],
    "columns without headings": ["clip.npz", "--output=out.npz", "--columns=frame"],
    "unknown input format": ["clip.npz", "--output=out.npz", "--from=docx"],
    "wrong input format": ["clip.npz", "--output=out.npz", "--from=openpose"],
    "another input format": ["clip.npz", "--output=out.npz", "--from=alphapose"],
    "fps zero": ["clip.npz", "--output=out.npz", "--fps=0"],
    "fps negative": ["clip.npz", "--output=out.npz", "--fps=-30"],
    "fps nan": ["clip.npz", "--output=out.npz", "--fps=nan"],
    "fps infinite": ["clip.npz", "--output=out.npz", "--fps=inf"],
    "fps a word": ["clip.npz", "--output=out.npz", "--fps=fast"],
    "max_gap negative": ["clip.npz", "--output=out.npz", "--max_gap=-1"],
    "max_gap huge": ["clip.npz", "--output=out.npz", "--max_gap=1e9"],
    "max_gap nan": ["clip.npz", "--output=out.npz", "--max_gap=nan"],
    "extend negative": ["clip.npz", "--output=out.npz", "--extend=-1"],
    "strength negative": ["clip.npz", "--output=out.npz", "--strength=-1"],
    "strength nan": ["clip.npz", "--output=out.npz", "--strength=nan"],
    "image size": ["clip.npz", "--output=out.npz", "--image_size=big"],
    "image size zero": ["clip.npz", "--output=out.npz", "--image_size=0x100"],
    "image size huge": ["clip.npz", "--output=out.npz", "--image_size=" + "9" * 50 + "x3"],
    "parameter of auto": ["clip.npz", "--output=out.npz", "--parameter=cutoff=3"],
    "parameter unknown": ["clip.npz", "--output=out.npz", "--method=gaussian", "--parameter=magic=3"],
    "parameter without value": ["clip.npz", "--output=out.npz", "--method=gaussian", "--parameter=cutoff"],
    "parameter nan": ["clip.npz", "--output=out.npz", "--method=gaussian", "--parameter=cutoff=nan"],
    "parameter negative": ["clip.npz", "--output=out.npz", "--method=gaussian", "--parameter=cutoff=-3"],
    "parameter twice": [
        "clip.npz",
        "--output=o.npz",
        "--method=gaussian",
        "--parameter=cutoff=3",
        "--parameter=cutoff=4",
    ],
    "workers zero": ["clip.npz", "--output=out.npz", "--workers=0"],
    "output is the input": ["clip.npz", "--output=clip.npz"],
    "output is the input, overwritten": ["clip.npz", "--output=./clip.npz", "--overwrite"],
    "output folder is a file": ["clip.npz", "--output=notes.txt/out.npz"],
    "output exists": ["clip.npz", "--output=notes.txt"],
    "output is a pipe": ["clip.npz", "--output=pipe", "--overwrite"],
    "output is a folder with things": ["folder", "--output=folder", "--overwrite"],
    "output in an input folder": ["frames", "--output=frames/out"],
    "output around the input": ["frames/a_1_keypoints.json", "--output=frames", "--to=openpose", "--overwrite"],
    "two inputs of one name": ["clip.npz", "folder/clip.npz", "--output=out"],
    "two inputs into a file": ["clip.npz", "folder/clip.npz", "--output=notes.txt"],
    "model absent": ["clip.npz", "--output=out.npz", "--model=absent"],
    "model is a file": ["clip.npz", "--output=out.npz", "--model=notes.txt"],
    "plot is a file": ["clip.npz", "--output=out.npz", "--plot=notes.txt"],
    "report exists": ["clip.npz", "--output=out.npz", "--report=notes.txt"],
    "report is the input": ["clip.npz", "--output=out.npz", "--report=clip.npz", "--overwrite"],
    "video is no video, without overlay": ["clip.npz", "--output=out.npz", "--video=notes.txt"],
    "steadiness above 1": ["clip.npz", "--output=out.npz", "--steadiness=2"],
    "min_confidence negative": ["clip.npz", "--output=out.npz", "--min_confidence=-0.1"],
    "video absent": ["clip.npz", "--output=out.npz", "--video=no.mp4", "--overlay=o.mp4"],
    "video is no video": ["clip.npz", "--output=out.npz", "--video=notes.txt", "--overlay=o.mp4"],
    "overlay is no mp4": ["clip.npz", "--output=out.npz", "--overlay=o.gif"],
    "overlay is the output": ["clip.npz", "--output=out.mp4", "--overlay=out.mp4"],
    "overlay exists": ["clip.npz", "--output=out.npz", "--overlay=mine.mp4"],
    "overlay of two": ["clip.npz", "folder/clip.npz", "--output=out", "--overlay=o.mp4"],
    "style": ["clip.npz", "--output=out.npz", "--overlay=o.mp4", "--overlay_style=sideways"],
    "folder of nothing": ["empty", "--output=out"],
    "a text": ["notes.txt", "--output=out.npz"],
    "a flagfile that is absent": ["--flagfile=absent.cfg"],
    "the same input twice": ["clip.npz", "clip.npz", "--output=out"],
}


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_bad_commands(name: str, smooth: Callable[..., Any], clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clip.parent
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("no poses")
    (folder / "mine.mp4").write_text("mine")
    os.mkfifo(folder / "pipe")
    write(folder / "folder" / "clip.npz", walking())
    (folder / "frames").mkdir()
    (folder / "frames" / "a_1_keypoints.json").write_text(json.dumps({"people": []}))
    monkeypatch.chdir(folder)
    before = tree(folder)
    done = smooth(*BAD_COMMANDS[name])
    assert done.is_bad_input, (done.code, done.err)
    assert tree(folder) == before


def archive(**changes: Any) -> bytes:
    """A good file's arrays with some of them replaced, or left out where None."""
    whole = walking(5)
    buffer = io.BytesIO()
    skeleton = {"name": "coco_17", "keypoints": COCO_17.keypoints, "limbs": COCO_17.limbs}
    arrays: dict[str, Any] = {
        "schema_version": np.int64(1),
        "frames": np.arange(5),
        "people": np.zeros(5, np.int64),
        "keypoints": whole,
        "confidence": np.ones((5, 17)),
        "frame_numbers": np.arange(5),
        "provenance": np.zeros((5, 17), np.uint8),
        "deviation": np.full((5, 17), np.nan),
        "fps": np.float64(30),
        "image_size": np.array([400, 640]),
        "unit": np.str_("px"),
        "y_up": np.bool_(False),
        "skeleton": np.str_(json.dumps(skeleton)),
    }
    np.savez(buffer, **{key: value for key, value in (arrays | changes).items() if value is not None})
    return buffer.getvalue()


BAD_FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "binary": lambda: bytes(range(256)) * 20,
    "half": lambda: archive()[:700],
    "no fps": lambda: archive(fps=np.float64(np.nan)),
    "endless fps": lambda: archive(fps=np.float64(1e300)),
    "negative fps": lambda: archive(fps=np.float64(-5)),
    "no people": lambda: archive(people=None),
    "frames out of order": lambda: archive(frame_numbers=np.arange(5)[::-1]),
    "frames unknown": lambda: archive(frames=np.arange(5) + 3),
    "too few rows": lambda: archive(people=np.zeros(3, np.int64)),
    "another skeleton": lambda: archive(keypoints=np.ones((5, 12, 2))),
    "texts": lambda: archive(keypoints=np.full((5, 17, 2), "x")),
    "objects": lambda: archive(keypoints=np.full((5, 17, 2), None)),
    "infinite": lambda: archive(keypoints=np.full((5, 17, 2), np.inf)),
    "huge": lambda: archive(keypoints=np.full((5, 17, 2), 1e300)),
    "skeleton junk": lambda: archive(skeleton=np.str_("[" * 100_000)),
    "truncated json": lambda: b'[{"image_id": 1, "keypoints": [1, 2',
    "deep json": lambda: b"[" * 200_000,
    "numbers": lambda: b"[1, 2, 3]",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(name: str, smooth: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / ("clip.npz" if name not in ("truncated json", "deep json", "numbers") else "clip.json")
    path.write_bytes(BAD_FILES[name]())
    before = tree(tmp_path)
    done = smooth(path, f"--output={tmp_path / 'out.npz'}", f"--plot={tmp_path / 'plots'}")
    assert done.is_bad_input, (done.code, done.err)
    assert tree(tmp_path) == before
