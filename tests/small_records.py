"""Small record sets: smooth random motion on a grid that is wider than high."""

from pathlib import Path

import numpy as np

from kerasmooth.datasets import Sample
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.manifest import Manifest, Shard
from kerasmooth.tfrecord.parts import PreparedClip
from kerasmooth.tfrecord.writer import RecordMaker, write_shard
from kerasmooth.windows import frame_indices, window_starts

WINDOW, SIZE, KEYPOINTS = 5, (12, 16), 25


def prepared_clip(
    name: str, frames: int, seed: int, size: tuple[int, int] = SIZE, dataset: str = "sample"
) -> PreparedClip:
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
        clip_id=f"{dataset}/{name}",
        video_id=f"{dataset}/{name}",
        official_split="",
        keypoints=keypoints,
        visibility=visibility,
        boxes=boxes,
        frame_numbers=np.arange(1, frames + 1),
        has_box=np.ones(frames, bool),
        size=size,
    )


def write_clips(
    folder: Path,
    clips: dict[str, list[PreparedClip]],
    *,
    window: int = WINDOW,
    frame_step: int = 1,
    num_shards: int = 2,
) -> Path:
    """Writes a record set named as its folder: every stretch of `window` frames of the clips of a split a record."""
    folder.mkdir(parents=True)
    size = next(iter(clips.values()))[0].size
    make, shards, counts = RecordMaker("keypoints", size, DetectorNoise()), list[Shard](), dict[str, int]()
    for split, of_split in clips.items():
        records = []
        for clip in of_split:
            starts = window_starts(clip.has_box, window, frame_step)
            records += [make(clip, indices) for indices in frame_indices(starts, window, frame_step)]
        counts[split] = len(records)
        for index in range(min(num_shards, len(records))):
            name = f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"
            shards.append(write_shard(folder / name, split, records[index::num_shards]))
    manifest = Manifest(
        dataset=folder.name,
        window=window,
        frame_step=frame_step,
        stride=1,
        size=size,
        encoding="keypoints",
        compression="none",
        heatmaps="none",
        clips={split: len(of_split) for split, of_split in clips.items()},
        frames={split: sum(len(clip.frame_numbers) for clip in of_split) for split, of_split in clips.items()},
        windows=counts,
        dropped={},
        dropped_windows={},
        annotated=Sample.annotated(),
        shards=tuple(shards),
        flags={},
        licence="none",
        citation="none",
        tool_version="0",
    )
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


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
    clips = {
        split: [prepared_clip(split, count + (WINDOW - 1) * frame_step, seed + len(split), size, dataset)]
        for split, count in zip(("train", "validation"), windows, strict=True)
    }
    return write_clips(records_dir / dataset, clips, frame_step=frame_step, num_shards=shards)
