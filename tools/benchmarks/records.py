"""Raw files -> training data on disk: records, beside the published way of one array file per frame and kind."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from kerasmooth.datasets import PennAction, write_raw
from kerasmooth.noise import DetectorNoise
from kerasmooth.quiet import import_tensorflow
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.tfrecord.parts import PreparedClip, prepare
from kerasmooth.windows import frame_indices, window_starts

TITLE = "Making training data: Penn Action label files to windows of 5 frames, 56 x 56, one process, reading included"
LIMIT = (
    "records: Python building one protocol buffer a window; published way: SciPy filtering one keypoint at a time, "
    "and 25 dense heatmaps a frame going to disk twice."
)
WINDOW, SIZE = 5, (56, 56)
DENSE_BYTES = 2 * WINDOW * 4 * BOULDERING_25.num_keypoints * SIZE[0] * SIZE[1]
"""Bytes in the published files of a window: float32, input and target."""
FILES_A_TURN = {"published": 1, "dense": 2, "keypoints": 40}
"""Raw files that each way gets before the next one's turn."""


@dataclass
class Tally:
    """What a way has done so far."""

    seconds: float = 0.0
    frames: int = 0
    windows: int = 0
    stored: int = 0


def clips_of(reader: PennAction, source: str) -> list[tuple[PreparedClip, np.ndarray]]:
    """Clips of a raw file with the frames of their windows, [N, T]."""
    clips = [prepare(clip, SIZE) for clip in reader.read(source).clips]
    return [(clip, frame_indices(window_starts(clip.has_box, WINDOW), WINDOW)) for clip in clips]


def write_records(encoding: str) -> Callable[[PennAction, list[str], Path, Tally], None]:
    """Writes windows as records, all in one shard."""
    from kerasmooth.tfrecord.writer import RecordMaker, write_shard

    make = RecordMaker(encoding, SIZE, DetectorNoise())

    def write(reader: PennAction, sources: list[str], folder: Path, tally: Tally) -> None:
        clips = [pair for source in sources for pair in clips_of(reader, source)]
        records = (make(clip, frames) for clip, windows in clips for frames in windows)
        shard = write_shard(folder / "shard.tfrecord", "train", records)
        tally.frames += sum(len(clip.frame_numbers) for clip, _ in clips)
        tally.windows += shard.windows
        tally.stored += shard.bytes

    return write


def published_heatmaps(keypoints: np.ndarray, visibility: np.ndarray, sigma: float) -> np.ndarray:
    """One frame, float32 [K, H, W]: a one-hot for each keypoint, filtered."""
    heatmaps = np.zeros((len(keypoints), *SIZE), np.float32)
    for k in np.flatnonzero(visibility):
        x, y = np.clip(np.rint(keypoints[k]), 0, (SIZE[1] - 1, SIZE[0] - 1)).astype(int)
        one_hot = np.zeros(SIZE)
        one_hot[y, x] = 1
        heatmaps[k] = 255 * gaussian_filter(one_hot, sigma)
    return heatmaps


def write_published(reader: PennAction, sources: list[str], folder: Path, tally: Tally) -> None:
    """Writes two array files a frame: the shifted and smeared input, and the target."""
    random = np.random.default_rng(0)
    for source in sources:
        for clip, windows in clips_of(reader, source):
            for t in range(len(clip.frame_numbers)):
                shifted = clip.keypoints[t] + random.normal(0, 2.95, clip.keypoints[t].shape)
                sigma = float(random.choice([1, 1.5, 2, 2.5, 3]))
                for kind, keypoints, width in (("x", shifted, sigma), ("y", clip.keypoints[t], 1.0)):
                    path = folder / f"{clip.clip_id.replace('/', '_')}_{t}_{kind}.npy"
                    np.save(path, published_heatmaps(keypoints, clip.visibility[t], width))
                    tally.stored += path.stat().st_size
            tally.frames += len(clip.frame_numbers)
            tally.windows += len(windows)


def measure(seconds: float) -> list[dict[str, object]]:
    """Rates of the three ways; uses the real files where KERASMOOTH_PENN_ACTION names their folder."""
    import_tensorflow()
    ways = {
        "records, keypoints": ("keypoints", write_records("keypoints")),
        "records, dense": ("dense", write_records("dense")),
        "published way (one-hot, SciPy per keypoint, np.save per frame and kind)": ("published", write_published),
    }
    tallies = {name: Tally() for name in ways}
    with tempfile.TemporaryDirectory() as temporary:
        real = os.environ.get("KERASMOOTH_PENN_ACTION")
        raw = Path(real) if real else Path(temporary) / "raw"
        if not real:
            write_raw(raw, dataset="penn_action", num_videos=80, frames_per_video=70, seed=0)
        reader = PennAction(raw, actions="all")
        sources = reader.list_sources()
        clips_of(reader, sources[0])  # imports and caches
        turn = 0
        while min(tally.seconds for tally in tallies.values()) < seconds:
            for name, (kind, write) in ways.items():
                chosen = [sources[(turn * 7 + i) % len(sources)] for i in range(FILES_A_TURN[kind])]
                with tempfile.TemporaryDirectory(dir=temporary) as folder:
                    began = time.perf_counter()
                    write(reader, chosen, Path(folder), tallies[name])
                    tallies[name].seconds += time.perf_counter() - began
            turn += 1
    return [
        {
            "way": name,
            "frames/s": tally.frames / tally.seconds,
            "bytes stored a window": tally.stored / tally.windows,
            # A published window is put together from the two files of each of its frames.
            "bytes read a window": float(DENSE_BYTES if kind == "published" else tally.stored / tally.windows),
        }
        for (name, (kind, _)), tally in zip(ways.items(), tallies.values(), strict=True)
    ]
