from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kerasmooth import splits
from kerasmooth.splits import ClipWindows, SplitPlan, frames_by_split

WINDOW = 5


def clip(name: str, num_frames: int, video: str = "", official: str = "") -> ClipWindows:
    starts = np.arange(max(num_frames - WINDOW + 1, 0))
    return ClipWindows(f"d/{name}", f"d/{video or name}", official, num_frames, starts)


def many(count: int = 300, seed: int = 0) -> list[ClipWindows]:
    lengths = np.random.default_rng(seed).integers(20, 120, count)
    return [clip(f"{i:04d}", int(length)) for i, length in enumerate(lengths)]


def frames_shown(clips: list[ClipWindows], plan: SplitPlan) -> dict[str, set[tuple[str, int]]]:
    """(clip, frame) of every frame between the first and the last of a window, by split."""
    shown: dict[str, set[tuple[str, int]]] = {}
    for c, windows in zip(clips, plan.windows, strict=True):
        for start, split in zip(c.starts, windows, strict=True):
            shown.setdefault(str(split), set()).update((c.clip_id, int(start) + i) for i in range(WINDOW))
    shown.pop("", None)
    return shown


def disjoint(shown: dict[str, set[tuple[str, int]]]) -> bool:
    return sum(map(len, shown.values())) == len(set().union(*shown.values()))


def counts(plan: SplitPlan) -> Counter[str]:
    return Counter(np.concatenate(plan.windows).tolist())


def test_by_video_gives_60_20_20_of_the_frames() -> None:
    clips = many()
    plan = splits.by_video(clips, seed=3)
    frames: Counter[str] = Counter()
    for c, split in zip(clips, plan.clips, strict=True):
        frames[split] += c.num_frames
    total = frames.total()
    assert frames["train"] / total == pytest.approx(0.6, abs=0.01)
    assert frames["validation"] / total == pytest.approx(0.2, abs=0.01)


def test_by_video_keeps_all_clips_of_a_video_together() -> None:
    clips = [clip(f"{i}", 30, video=f"v{i % 11}") for i in range(60)]
    plan = splits.by_video(clips, seed=0)
    of_video: dict[str, set[str]] = {}
    for c, windows in zip(clips, plan.windows, strict=True):
        of_video.setdefault(c.video_id, set()).update(windows.tolist())
    assert all(len(found) == 1 for found in of_video.values())
    assert set().union(*of_video.values()) == {"train", "validation", "test"}


def test_by_video_is_keyed_by_seed_and_id_not_by_order() -> None:
    clips = many(60)
    first, again, other = (splits.by_video(clips, seed) for seed in (1, 1, 2))
    assert first.clips == again.clips != other.clips
    backwards = splits.by_video(clips[::-1], 1)
    assert backwards.clips[::-1] == first.clips


def test_by_video_gives_every_split_a_video_of_three_and_a_share_of_each_dataset() -> None:
    three = splits.by_video([clip(name, 30) for name in "abc"], seed=5)
    assert sorted(three.clips) == ["test", "train", "validation"]
    mixed = [ClipWindows(f"{d}/{i}", f"{d}/{i}", "", 30, np.arange(26)) for d in ("brace", "penn") for i in range(10)]
    plan = splits.by_video(mixed, seed=0)
    for dataset in ("brace", "penn"):
        of_dataset = Counter(s for c, s in zip(mixed, plan.clips, strict=True) if c.clip_id.startswith(dataset))
        assert of_dataset == {"train": 6, "validation": 2, "test": 2}


def test_windows_of_another_length_leave_videos_in_their_splits() -> None:
    clips = many()
    longer = [replace(c, starts=np.arange(max(c.num_frames - 49, 0))) for c in clips]
    assert sum(not len(c.starts) for c in longer) > 50
    assert splits.by_video(longer, seed=3).clips == splits.by_video(clips, seed=3).clips


def test_a_video_without_windows_takes_no_place_in_a_split() -> None:
    clips = [clip("short", 3), clip("a", 30), clip("b", 30), clip("c", 30)]
    plan = splits.by_video(clips, seed=0)
    assert sorted(plan.clips[1:]) == ["test", "train", "validation"]


def test_official_keeps_the_authors_test_set_and_carves_validation_from_train() -> None:
    clips = [clip(f"{i}", 40, official="train" if i % 2 else "test") for i in range(200)]
    plan = splits.official(clips, seed=0)
    assert all((split == "test") == (c.official_split == "test") for c, split in zip(clips, plan.clips, strict=True))
    assert Counter(plan.clips) == {"test": 100, "train": 75, "validation": 25}


def test_official_leaves_out_what_the_authors_do_not_list() -> None:
    clips = [clip("a", 30, official="train"), clip("b", 30, official="test"), clip("c", 30)]
    plan = splits.official(clips, seed=0)
    assert plan.clips[2] == ""
    assert plan.dropped_windows == {"no_official_split": 26}


def test_official_without_any_is_refused() -> None:
    with pytest.raises(ValueError, match="no official split"):
        splits.official(many(5), seed=0)


def test_published_goes_by_window_order_and_shares_no_frame() -> None:
    clips = many()
    plan = splits.published(clips, WINDOW)
    order = [split for split in np.concatenate(plan.windows).tolist() if split]
    assert order == sorted(order, key=["train", "validation", "test"].index)
    assert disjoint(frames_shown(clips, plan))
    total = sum(len(c.starts) for c in clips)
    assert counts(plan)["train"] / total == pytest.approx(0.6, abs=0.001)
    assert plan.dropped_windows["shares_frames_with_earlier_split"] == counts(plan)[""] <= 2 * (WINDOW - 1)


def test_published_of_one_long_clip_leaves_gaps_at_the_borders() -> None:
    clips = [clip("a", 104)]
    plan = splits.published(clips, WINDOW)
    assert plan.windows[0][59] == "train"
    assert plan.windows[0][60:64].tolist() == [""] * 4
    assert plan.windows[0][64] == "validation"
    assert disjoint(frames_shown(clips, plan))


def test_published_climbalong() -> None:
    clips = [clip(f"{i}", 40 + i) for i in range(12)]
    plan = splits.published_climbalong(clips, WINDOW)
    shown = frames_shown(clips, plan)
    assert disjoint(shown)
    assert {name for name, _ in shown["extra"]} == {"d/11"}
    found = counts(plan)
    others = sum(len(c.starts) for c in clips[:-1])
    assert 0.6 <= found["train"] / others <= 0.6 + (WINDOW - 1) / others
    assert abs(found["validation"] - found["test"]) <= 1
    evaluated = [
        (c.clip_id, int(start))
        for c, windows in zip(clips, plan.windows, strict=True)
        for start, split in zip(c.starts, windows, strict=True)
        if split in ("validation", "test")
    ]
    for (a, first), (b, second) in pairwise(evaluated):
        assert a != b or second - first >= WINDOW
    dealt = [s for windows in plan.windows for s in windows if s in ("validation", "test")]
    assert dealt == (["validation", "test"] * len(dealt))[: len(dealt)]


def test_published_climbalong_training_takes_the_windows_that_overlap_it() -> None:
    plan = splits.published_climbalong([clip("long", 60), clip("a", 54)], WINDOW)
    windows = plan.windows[1]  # 50 windows: 30 train, and so do the 4 that overlap the last of them
    assert windows[:34].tolist() == ["train"] * 34
    assert windows[34:38].tolist() == [""] * 4
    assert windows[38] == "validation"
    assert windows[43] == "test"


def test_frames_of_a_clip_are_counted_once() -> None:
    a = clip("a", 104)
    windows = splits.published([a], WINDOW).windows[0]
    counted = frames_by_split(a, windows, "train")
    assert counted.total() == 104
    assert list(counted) == ["test", "train", "validation"]
    assert frames_by_split(clip("b", 3), np.array([], "<U10"), "test") == {"test": 3}
