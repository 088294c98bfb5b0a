"""Which windows train, which validate, which test.

Every rule returns one `SplitPlan`. No two splits share a frame, nor interleave frames: windows count as overlapping
where the segments from their first to their last frame do.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

TRAIN, VALIDATION, TEST, EXTRA = "train", "validation", "test", "extra"
SHARES = {TRAIN: 0.6, VALIDATION: 0.2, TEST: 0.2}
"""Of all frames (by video) or windows (published)."""
VALIDATION_SHARE_OF_TRAIN = SHARES[VALIDATION] / (SHARES[TRAIN] + SHARES[VALIDATION])
"""What the official rule carves from the authors' training videos."""


@dataclass(frozen=True, eq=False)
class ClipWindows:
    """What a split needs to know of a clip.

    Attributes:
      clip_id, video_id, official_split: as in `clip.PoseClip`.
      num_frames: frames of the clip.
      starts: int64 [N], first frames of its windows, ascending.
    """

    clip_id: str
    video_id: str
    official_split: str
    num_frames: int
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """What goes where.

    Attributes:
      windows: per clip the split of each window, [N] of text; "" is a window that goes nowhere.
      clips: per clip the split that counts it and its frames where its windows do not say; "" counts it nowhere.
      dropped_windows: windows that go nowhere, by reason.
    """

    windows: list[np.ndarray]
    clips: list[str]
    dropped_windows: dict[str, int] = field(default_factory=dict)


Rule = Callable[[Sequence[ClipWindows], int], SplitPlan]
"""(clips in the order of the raw files, clip frames from the first to the last of a window) -> plan."""


def _whole_clips(clips: Sequence[ClipWindows], splits: Sequence[str]) -> list[np.ndarray]:
    return [np.full(len(clip.starts), split, "<U10") for clip, split in zip(clips, splits, strict=True)]


def _key(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}/{text}".encode()).digest()


def deal_videos(weights: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Deals whole videos to splits so that each gets about its share of the weight.

    Videos come in an order that depends on the seed and their ids only; each goes to the split that is the furthest
    behind, in parts of its own share. So each split has a video when there are as many videos as splits.

    Args:
      weights: weight of each video, frames say.
      shares: share of each split, in the order that breaks ties.
      seed: of the order.

    Returns:
      The split of each video.
    """
    total = sum(weights.values())
    has: Counter[str] = Counter()
    dealt = {}
    for video in sorted(weights, key=lambda video: (weights[video] == 0, _key(seed, video))):
        split = min(shares, key=lambda split: has[split] / (shares[split] * total) if total else 0.0)
        has[split] += weights[video]
        dealt[video] = split
    return dealt


def _dealt(clips: Sequence[ClipWindows], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """The split of each video, by its frames.

    Windows of another length leave the videos where they are, so that what was trained on them can be compared; unless
    a split had no window then: videos without any, which no split gains from, weigh nothing in that case.
    """
    frames: Counter[str] = Counter()
    for clip in clips:
        frames[clip.video_id] += clip.num_frames
    with_windows = {clip.video_id for clip in clips if len(clip.starts)}
    dealt = deal_videos(frames, shares, seed)
    if {dealt[video] for video in with_windows} == set(shares):
        return dealt
    return deal_videos({video: count * (video in with_windows) for video, count in frames.items()}, shares, seed)


def by_video(clips: Sequence[ClipWindows], seed: int) -> SplitPlan:
    """60/20/20 of the frames by whole videos, the default. Where there are several datasets, of each of them."""
    dealt: dict[str, str] = {}
    for dataset in sorted({clip.video_id.split("/")[0] for clip in clips}):
        dealt |= _dealt([clip for clip in clips if clip.video_id.split("/")[0] == dataset], SHARES, seed)
    splits = [dealt[clip.video_id] for clip in clips]
    return SplitPlan(_whole_clips(clips, splits), splits)


def official(clips: Sequence[ClipWindows], seed: int) -> SplitPlan:
    """The authors' train and test; a quarter of the training frames, by whole videos, validates.

    Raises:
      ValueError: no clip has an official split.
    """
    if not any(clip.official_split for clip in clips):
        raise ValueError("the dataset has no official split")
    training = [clip for clip in clips if clip.official_split == TRAIN]
    shares = {TRAIN: 1 - VALIDATION_SHARE_OF_TRAIN, VALIDATION: VALIDATION_SHARE_OF_TRAIN}
    dealt = _dealt(training, shares, seed)
    splits = [dealt[clip.video_id] if clip.official_split == TRAIN else clip.official_split for clip in clips]
    lost = sum(len(clip.starts) for clip in clips if not clip.official_split)
    return SplitPlan(_whole_clips(clips, splits), splits, {"no_official_split": lost} if lost else {})


def published(clips: Sequence[ClipWindows], span: int) -> SplitPlan:
    """60/20/20 of the windows in their order, as for the study's pretraining.

    Windows that would share a frame with an earlier split are dropped. One video can be in several splits: the
    study says so itself, and that a split by video would have been better.

    Args:
      clips: in the order of the raw files.
      span: clip frames from the first to the last of a window.
    """
    total = sum(len(clip.starts) for clip in clips)
    bounds = np.rint(total * np.cumsum(list(SHARES.values()))).astype(np.int64)
    names = np.array(list(SHARES), "<U10")
    windows: list[np.ndarray] = []
    splits: list[str] = []
    seen = lost = 0
    for clip in clips:
        position = seen + np.arange(len(clip.starts))
        split = names[np.searchsorted(bounds, position, side="right")]
        for earlier, later in ((TRAIN, VALIDATION), (VALIDATION, TEST), (TRAIN, TEST)):
            shared = (split == later) & _overlaps(clip.starts, clip.starts[split == earlier], span)
            lost += int(shared.sum())
            split[shared] = ""
        windows.append(split)
        splits.append(_first(split, splits[-1] if splits else TRAIN))
        seen += len(clip.starts)
    return SplitPlan(windows, splits, {"shares_frames_with_earlier_split": lost} if lost else {})


def published_climbalong(clips: Sequence[ClipWindows], span: int) -> SplitPlan:
    """The study's split for finetuning.

    The video with most windows is held out whole, as "extra". Of the others the first 60 % of the windows train, and
    so do later ones that share a frame with them; what remains is thinned to windows that overlap neither training
    nor each other, dealt alternately to validation and test.
    """
    counts: Counter[str] = Counter()
    for clip in clips:
        counts[clip.video_id] += len(clip.starts)
    longest = min(counts, key=lambda video: (-counts[video], video)) if counts else ""
    bound = round(SHARES[TRAIN] * sum(count for video, count in counts.items() if video != longest))
    windows: list[np.ndarray] = []
    splits: list[str] = []
    seen = dealt = 0
    for clip in clips:
        split = np.full(len(clip.starts), EXTRA if clip.video_id == longest else "", "<U10")
        if clip.video_id != longest:
            first = seen + np.arange(len(clip.starts)) < bound
            training = first | _overlaps(clip.starts, clip.starts[first], span)
            split[training] = TRAIN
            free = np.flatnonzero(~_overlaps(clip.starts, clip.starts[training], span))
            kept = free[_thinned(clip.starts[free], span)]
            split[kept] = np.where((dealt + np.arange(len(kept))) % 2 == 0, VALIDATION, TEST)
            dealt += len(kept)
            seen += len(clip.starts)
        windows.append(split)
        splits.append(_first(split, EXTRA if clip.video_id == longest else TRAIN))
    lost = sum(int(np.sum(split == "")) for split in windows)
    return SplitPlan(windows, splits, {"thinned": lost} if lost else {})


def _first(split: np.ndarray, otherwise: str) -> str:
    named = split[split != ""]
    return str(named[0]) if len(named) else otherwise


def _overlaps(starts: np.ndarray, others: np.ndarray, span: int) -> np.ndarray:
    """bool [N]: the window overlaps one of the windows that start at `others` (ascending)."""
    if not len(others):
        return np.zeros(len(starts), bool)
    right = np.searchsorted(others, starts)
    after = others[np.minimum(right, len(others) - 1)] - starts
    before = starts - others[np.maximum(right - 1, 0)]
    return (np.abs(after) < span) | (np.abs(before) < span)


def _thinned(starts: np.ndarray, span: int) -> np.ndarray:
    """Indices of windows, the first one first, that do not overlap."""
    kept: list[int] = []
    for i, start in enumerate(starts):
        if not kept or start - starts[kept[-1]] >= span:
            kept.append(i)
    return np.array(kept, np.int64)


def frames_by_split(clip: ClipWindows, windows: np.ndarray, otherwise: str) -> Counter[str]:
    """Frames of a clip by split. One that no window shows counts with the frame before it, or as `otherwise`.

    Args:
      clip: the clip.
      windows: [N], the splits of its windows.
      otherwise: the split of the frames before the first window.
    """
    names = sorted({*windows.tolist(), otherwise})
    if len(names) == 1:
        return Counter({otherwise: clip.num_frames} if otherwise else {})
    owner = np.full(clip.num_frames, names.index(otherwise))
    for start, split in zip(clip.starts, windows, strict=True):
        if split:
            owner[start:] = names.index(split)
    return Counter({name: int(np.sum(owner == i)) for i, name in enumerate(names) if name and np.any(owner == i)})
