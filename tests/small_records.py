"""A small record set for tests of training: smooth random motion on a grid that is wider than high."""

from pathlib import Path

import numpy as np

from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.manifest import Manifest
from kerasmooth.tfrecord.parts import PreparedClip
from kerasmooth.tfrecord.writer import RecordMaker, write_shard

WINDOW, SIZE, KEYPOINTS = 5, (12, 16), 25


def prepared_clip(name: str, frames: int, seed: int, size: tuple[int, int] = SIZE) -> PreparedClip:
    """A person of whom each keypoint sways slowly, with some keypoints hidden but never the torso."""
    random = np.random.default_rng(seed)
    height, width = size
    centre = random.uniform((width / 3, height / 3), (width * 2 / 3, height * 2 / 3), (KEYPOINTS, 2))
    phase = random.uniform(0, 2 * np.pi, (KEYPOINTS, 2))
    time = np.arange(frames)[:, None, None]
    keypoints = (centre + height / 6 * np.sin(0.2 * time + phase)).astype(np.float32)
    visibility = random.uniform(size=(frames, KEYPOINTS)) < 0.9
    visibility[:, [3, 4, 15, 16]] = True
    keypoints[~visibility] = 0
    boxes = np.tile(np.array([10, 20, 170, 140], np.float32), (frames, 1))
    return PreparedClip(
        clip_id=f"sample/{name}",
        video_id=f"sample/{name}",
        official_split="",
        keypoints=keypoints,
        visibility=visibility,
        boxes=boxes,
        frame_numbers=np.arange(1, frames + 1),
        has_box=np.ones(frames, bool),
        size=size,
    )


def write_records(
    records_dir: Path,
    *,
    dataset: str = "sample",
    windows: tuple[int, int] = (50, 20),
    frame_step: int = 1,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    shards: int = 3,
) -> Path:
    """Writes `<records_dir>/<dataset>/` with so many training and validation windows; returns that folder."""
    folder = records_dir / dataset
    folder.mkdir(parents=True)
    make, written = RecordMaker("keypoints", size, DetectorNoise()), []
    for split, count in zip(("train", "validation"), windows, strict=True):
        clip = prepared_clip(split, count + WINDOW - 1, seed + len(split), size)
        records = [make(clip, np.arange(start, start + WINDOW)) for start in range(count)]
        for index in range(min(shards, count)):
            name = f"{split}-{index:05d}-of-{shards:05d}.tfrecord"
            written.append(write_shard(folder / name, split, records[index::shards]))
    counts = dict(zip(("train", "validation"), windows, strict=True))
    manifest = Manifest(
        dataset=dataset,
        window=WINDOW,
        frame_step=frame_step,
        stride=1,
        size=size,
        encoding="keypoints",
        compression="none",
        heatmaps="none",
        clips=dict.fromkeys(counts, 1),
        frames={split: count + WINDOW - 1 for split, count in counts.items()},
        windows=counts,
        dropped={},
        dropped_windows={},
        shards=tuple(written),
        flags={},
        licence="none",
        citation="none",
        tool_version="0",
    )
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder
