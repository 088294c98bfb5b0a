"""The readers of the real datasets read the generated files, and count what is in them."""

from pathlib import Path

import numpy as np
import pytest

from kerasmooth.clip import PoseClip
from kerasmooth.datasets import Brace, ClimbAlong, PennAction, write_raw
from kerasmooth.skeletons import BOULDERING_25


def read_all(reader: PennAction | Brace | ClimbAlong) -> tuple[list[PoseClip], dict[str, int]]:
    clips: list[PoseClip] = []
    dropped: dict[str, int] = {}
    for source in reader.list_sources():
        result = reader.read(source)
        clips += result.clips
        for reason, count in result.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return clips, dropped


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for dataset, videos in (("penn_action", 12), ("brace", 6), ("climbalong", 4)):
        write_raw(folder / dataset, dataset=dataset, num_videos=videos, frames_per_video=40, seed=2)
    return folder


def test_penn_action(raw: Path) -> None:
    clips, dropped = read_all(PennAction(raw / "penn_action", actions="all"))
    assert [clip.num_frames for clip in clips] == [40] * 12
    assert not dropped
    assert [clip.official_split for clip in clips] == ["train"] * 4 + ["test"] * 4 + ["train"] * 4
    assert sum(clip.image_size is None for clip in clips) == 1, "the file with wrong dimensions"
    assert sum(not clip.visibility.any() for clip in clips) == 1
    ankle = BOULDERING_25.index("left_ankle")
    assert sum(not clip.visibility[:, ankle].any() for clip in clips) == 3, "two without, one with nothing"
    never = [BOULDERING_25.index(name) for name in ("left_ear", "right_thumb", "left_heel")]
    assert not any(clip.visibility[:, never].any() for clip in clips)


@pytest.mark.parametrize(("actions", "clips_kept"), [("published", 6), ("intended", 9)])
def test_penn_action_selections(raw: Path, actions: str, clips_kept: int) -> None:
    clips, dropped = read_all(PennAction(raw / "penn_action", actions=actions))
    assert len(clips) == clips_kept
    assert dropped == {"other_action": 40 * (12 - clips_kept)}
    assert all(clip.visibility.any() for clip in clips), "what the quickstart uses is usable"


def test_brace(raw: Path) -> None:
    clips, _ = read_all(Brace(raw / "brace"))
    # 12 segments, 24 and 16 frames long by turns; every fourth from the second has a gap of 3 and makes two clips.
    assert len(clips) == 12 + 3
    assert sum(clip.num_frames for clip in clips) == 6 * 40 - 3 * 3
    assert {clip.label for clip in clips} == {"toprock", "powermove", "footwork"}
    assert {clip.official_split for clip in clips} == {"train", "test"}
    assert {clip.image_size for clip in clips} == {(1080, 1920)}
    assert len({clip.video_id for clip in clips}) == 6
    assert all(clip.fps == pytest.approx(29.97, abs=0.001) for clip in clips)
    missing = [BOULDERING_25.index(name) for name in ("left_pinky", "right_heel")]
    assert all(clip.visibility[:, 0].all() and not clip.visibility[:, missing].any() for clip in clips)


def test_brace_manual_frames_remove_most_outliers(raw: Path, tmp_path: Path) -> None:
    """Without the manual files the second difference is heavier in its tail."""
    write_raw(tmp_path / "brace", dataset="brace", num_videos=6, frames_per_video=40, seed=2)
    for path in (tmp_path / "brace" / "manual_keypoints").rglob("*.npz"):
        path.unlink()
    jumps = []
    for folder in (raw / "brace", tmp_path / "brace"):
        clips, _ = read_all(Brace(folder))
        jumps.append(sum(int((np.abs(np.diff(clip.keypoints[:, :9], 2, axis=0)) > 80).sum()) for clip in clips))
    assert jumps[0] < 0.7 * jumps[1]


def test_climbalong(raw: Path) -> None:
    clips, dropped = read_all(ClimbAlong(raw / "climbalong"))
    assert [clip.num_frames for clip in clips] == [40, 40, 60]
    assert dropped == {"few_keypoints_in_first_frame": 40}
    assert [int(np.isnan(clip.boxes[:, 0]).sum()) for clip in clips] == [2, 0, 2]
    assert all(clip.visibility.all() for clip in clips)
    clips, _ = read_all(ClimbAlong(raw / "climbalong", outside_box="drop"))
    assert [clip.visibility.all() for clip in clips] == [True, True, False]


@pytest.mark.parametrize("reader", [PennAction, Brace, ClimbAlong])
def test_readers_say_which_keypoints_their_dataset_annotates(
    raw: Path, reader: type[PennAction] | type[Brace] | type[ClimbAlong]
) -> None:
    clips, _ = read_all(reader(raw / reader.name, **({"actions": "all"} if reader is PennAction else {})))
    seen = np.any([clip.visibility.any(axis=0) for clip in clips], axis=0)
    names = {name for name, shown in zip(BOULDERING_25.keypoints, seen, strict=True) if shown}
    assert names == set(reader.skeleton.keypoints) & set(BOULDERING_25.keypoints)
