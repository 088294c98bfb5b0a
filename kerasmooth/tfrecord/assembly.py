"""Clips -> windows -> splits -> shards, and the counts that the manifest holds. Nothing is written here."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kerasmooth import splits
from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.splits import ClipWindows, SplitPlan
from kerasmooth.tfrecord.parts import Part, PreparedClip
from kerasmooth.windows import drop_reasons, span, window_starts

SPLIT_RULES = ("video", "published", "official")
MAX_SHARD_BYTES = 200_000_000
"""Several machines read a large set fastest in files of this size: few to open, and enough to share out."""


@dataclass(frozen=True, eq=False)
class PlannedShard:
    """A shard to be written: its file name, its split, and its windows as (index of the clip, first frame)."""

    name: str
    split: str
    windows: list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Assembly:
    """All windows of a dataset, in their splits.

    Attributes:
      clips: in the order of the raw files.
      windows: by split, (index of the clip, first frame) in the order in which they are written.
      num_clips, num_frames: by split; a clip that two splits share counts in both, a frame only once.
      dropped: frames that no window shows, by reason.
      dropped_windows: windows that are in no split, by reason.
    """

    clips: list[PreparedClip]
    windows: dict[str, list[tuple[int, int]]]
    num_clips: dict[str, int]
    num_frames: dict[str, int]
    dropped: dict[str, int]
    dropped_windows: dict[str, int]

    @property
    def size(self) -> Size:
        """(height, width) of the grid."""
        return self.clips[0].size

    @property
    def has_detector(self) -> bool:
        return self.clips[0].heatmaps is not None

    @property
    def num_windows(self) -> int:
        return sum(len(windows) for windows in self.windows.values())

    def shards(self, num_shards: int, record_bytes: int = 0) -> list[PlannedShard]:
        """`num_shards` a split, more where one would exceed MAX_SHARD_BYTES; none of them is empty."""
        planned = []
        for split, windows in self.windows.items():
            wanted = max(num_shards, math.ceil(len(windows) * record_bytes / MAX_SHARD_BYTES))
            count = min(wanted, len(windows))
            bounds = [len(windows) * i // count for i in range(count + 1)]
            planned += [
                PlannedShard(f"{split}-{i:05d}-of-{count:05d}.tfrecord", split, windows[bounds[i] : bounds[i + 1]])
                for i in range(count)
            ]
        return planned


def assemble(
    parts: Iterable[Part],
    *,
    window: int,
    frame_step: int,
    stride: int,
    rule: str,
    seed: int,
    published: splits.Rule = splits.published,
) -> Assembly:
    """Cuts the windows of all clips and splits them.

    Args:
      parts: what the raw files gave, in their order.
      window, frame_step, stride: see `kerasmooth.windows`.
      rule: one of `SPLIT_RULES`.
      seed: of the split and of the order of training windows.
      published: the dataset's rule for "published".

    Raises:
      InputError: no window at all, a split without any, clips that do not go together.
    """
    clips: list[PreparedClip] = []
    dropped: Counter[str] = Counter()
    for part in parts:
        clips += part.clips
        dropped.update(part.dropped)
    _check_alike(clips)
    cut = []
    for clip in clips:
        starts = window_starts(clip.has_box, window, frame_step, stride)
        dropped.update(drop_reasons(clip.has_box, starts, window, frame_step))
        cut.append(ClipWindows(clip.clip_id, clip.video_id, clip.official_split, len(clip.has_box), starts))
    if not sum(len(clip.starts) for clip in cut):
        settings = f"--window={window} --frame_step={frame_step}"
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items()) or "no clips"
        raise InputError(f"no window of {settings} can be cut from the raw files (frames lost: {reasons})")
    length = span(window, frame_step)
    plan = _plan(cut, rule, seed, length, published)
    windows = _by_split(cut, plan, seed)
    num_clips, num_frames = _counts(cut, plan, dropped)
    names = [name for name in (*splits.SHARES, splits.EXTRA) if name in windows]
    return Assembly(
        clips,
        {name: windows[name] for name in names},
        {name: num_clips[name] for name in names},
        {name: num_frames[name] for name in names},
        {reason: count for reason, count in sorted(dropped.items()) if count},
        plan.dropped_windows,
    )


def _check_alike(clips: Sequence[PreparedClip]) -> None:
    seen: set[str] = set()
    for clip in clips:
        if clip.clip_id in seen:
            raise InputError(f"{clip.clip_id}: two raw files give a clip of this id: remove one of them")
        seen.add(clip.clip_id)
        if clip.size != clips[0].size:
            sizes = f"{clip.size} and {clips[0].size} of {clips[0].clip_id}"
            raise InputError(f"{clip.clip_id}: heatmaps of (height, width) {sizes} cannot be in one set of records")
        if (clip.heatmaps is None) != (clips[0].heatmaps is None):
            raise InputError(f"{clip.clip_id}: only some clips have a detector's heatmaps: make them separate records")


def _plan(cut: Sequence[ClipWindows], rule: str, seed: int, length: int, published: splits.Rule) -> SplitPlan:
    try:
        if rule == "video":
            return splits.by_video(cut, seed)
        if rule == "official":
            return splits.official(cut, seed)
        return published(cut, length)
    except ValueError as error:
        raise InputError(f"--splits={rule}: {error}: use another of {SPLIT_RULES}") from None


def _by_split(cut: Sequence[ClipWindows], plan: SplitPlan, seed: int) -> dict[str, list[tuple[int, int]]]:
    """Windows of each split: those of training shuffled, the others in the order of clips and frames."""
    windows: dict[str, list[tuple[int, int]]] = {name: [] for name in splits.SHARES}
    for i, (clip, split_of) in enumerate(zip(cut, plan.windows, strict=True)):
        for name in np.unique(split_of[split_of != ""]):
            windows.setdefault(str(name), []).extend((i, int(start)) for start in clip.starts[split_of == name])
    for name, found in windows.items():
        if not found:
            videos = len({clip.video_id for clip in cut if len(clip.starts)})
            raise InputError(
                f"the {name} split has no window: {videos} videos with windows are too few for this rule: use another "
                f"of --splits={'|'.join(SPLIT_RULES)}, or more raw files"
            )

    def key(window: tuple[int, int]) -> bytes:
        text = f"{seed}/{cut[window[0]].clip_id}/{window[1]}"
        return hashlib.blake2b(text.encode(), digest_size=8).digest()

    windows[splits.TRAIN].sort(key=key)
    return windows


def _counts(cut: Sequence[ClipWindows], plan: SplitPlan, dropped: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """(clips, frames) by split; frames of clips that no split counts are added to `dropped`."""
    clips: Counter[str] = Counter()
    frames: Counter[str] = Counter()
    for clip, windows, split in zip(cut, plan.windows, plan.clips, strict=True):
        if not split:
            dropped["no_official_split"] += clip.num_frames
            continue
        clips.update({str(name) for name in np.unique(windows) if name} or {split})
        frames.update(splits.frames_by_split(clip, windows, split))
    return clips, frames
