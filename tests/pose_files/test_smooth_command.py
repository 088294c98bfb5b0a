"""The command as users call it: what it gives back."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from recordings import walking, write

from kerasmooth import formats
from kerasmooth.pose_files import table_smoothing
from kerasmooth.pose_table import PROVENANCE
from kerasmooth.skeletons import COCO_17, MPII_16, Skeleton


def test_a_file_comes_back_steadier_with_every_frame(smooth: Callable[..., Any], clip: Path) -> None:
    before = clip.read_bytes()
    done = smooth(clip, f"--output={clip.parent / 'out.npz'}")
    assert done.code == 0, done.err
    assert "jitter" in done.out
    assert clip.read_bytes() == before
    old, new = formats.read(clip), formats.read(clip.parent / "out.npz")
    np.testing.assert_array_equal(new.frames, old.frames)
    assert (PROVENANCE[new.provenance[11, 3]]) == "interpolated"
    assert np.isfinite(new.keypoints).all()
    bent = [np.linalg.norm(np.diff(t.keypoints[:, 5], n=2, axis=0), axis=-1).mean() for t in (old, new)]
    assert bent[1] < bent[0] / 4


def test_the_same_command_gives_the_same_bytes(smooth: Callable[..., Any], clip: Path) -> None:
    for name in ("a", "b"):
        assert smooth(clip, f"--output={clip.parent / name}.npz", f"--plot={clip.parent / name}").code == 0
    for name in ("{}.npz", "{}/trajectories.png", "{}/spectra.png", "{}/frames.png"):
        first, second = (clip.parent / name.format(which) for which in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_frames_without_anybody_are_filled_and_long_ones_left(smooth: Callable[..., Any], tmp_path: Path) -> None:
    numbers = np.concatenate([np.arange(20), np.arange(24, 44), np.arange(100, 120)])
    clip = write(tmp_path / "clip.npz", walking(120)[numbers], numbers=numbers)
    assert smooth(clip, f"--output={tmp_path / 'out.npz'}").code == 0
    new = formats.read(tmp_path / "out.npz")
    np.testing.assert_array_equal(new.frames[:60], numbers)
    assert sorted(new.frames[60:].tolist()) == [20, 21, 22, 23]
    middle = new.keypoints[new.frames == 21][0] - new.keypoints[new.frames == 19][0]
    np.testing.assert_allclose(middle.mean(axis=0), [4, 0], atol=1.5)


def test_frame_numbers_may_jump_far(smooth: Callable[..., Any], tmp_path: Path) -> None:
    numbers = np.concatenate([np.arange(20), 10**9 + np.arange(20), 10**15 + np.arange(20)])
    clip = write(tmp_path / "clip.npz", walking(60), numbers=numbers)
    assert smooth(clip, f"--output={tmp_path / 'out.npz'}").code == 0
    np.testing.assert_array_equal(formats.read(tmp_path / "out.npz").frames, numbers)


def test_a_file_of_nobody(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.npz", np.empty((0, 17, 2)))
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}")
    assert done.code == 0, done.err
    assert len(formats.read(tmp_path / "out.npz").frames) == 0


def test_the_frame_rate_is_never_guessed(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.npz", walking(), fps=None)
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}")
    assert done.is_bad_input
    assert "--fps" in done.err
    assert not (tmp_path / "out.npz").exists()
    assert smooth(clip, f"--output={tmp_path / 'out.npz'}", "--fps=30").code == 0


def test_people_without_ids_get_them(smooth: Callable[..., Any], tmp_path: Path) -> None:
    both = np.stack([walking(30, 1), walking(30, 2) + [900, 0]], axis=1)
    both[1::2] = both[1::2, ::-1]
    numbers, nobody = np.repeat(np.arange(30), 2), np.full(60, -1)
    clip = write(tmp_path / "clip.npz", both.reshape(60, 17, 2), numbers=numbers, people=nobody)
    assert smooth(clip, f"--output={tmp_path / 'out.npz'}").code == 0
    new = formats.read(tmp_path / "out.npz")
    for person in np.unique(new.people):
        assert np.ptp(new.keypoints[new.people == person, 0, 0]) < 200
    assert len(np.unique(new.people)) == 2


def test_folders_globs_and_processes_give_the_same(smooth: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for seed in range(3):
        write(folder / f"clip{seed}.npz", walking(seed=seed))
    (folder / "notes.txt").write_text("no poses")
    assert smooth(folder, f"--output={tmp_path / 'one'}").code == 0
    assert smooth(f"{folder}/clip*.npz", f"--output={tmp_path / 'two'}", "--workers=2").code == 0
    names = [path.name for path in sorted((tmp_path / "one").iterdir())]
    assert names == ["clip0.npz", "clip1.npz", "clip2.npz"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_headings_that_say_nothing_are_named(smooth: Callable[..., Any], tmp_path: Path) -> None:
    points = walking(40)[:, :2]
    rows = [f"{t},{part},{x},{y}" for t, pose in enumerate(points) for part, (x, y) in zip("ab", pose, strict=True)]
    clip = tmp_path / "clip.csv"
    clip.write_text("Nr,Part,U,V\n" + "\n".join(rows) + "\n")
    words = (f"--output={tmp_path / 'out.csv'}", "--fps=30", "--method=gaussian")
    assert smooth(clip, *words).is_bad_input
    assert smooth(clip, *words, "--columns=frame=Nr,keypoint=Part,x=U,y=V").code == 0
    new = pd.read_csv(tmp_path / "out.csv")
    assert list(new) == ["Nr", "Part", "U", "V"]
    mine = new[new.Part == "b"]
    np.testing.assert_array_equal(mine.Nr, np.arange(40))
    assert np.abs(np.diff(mine.U, n=2)).mean() < 0.5 * np.abs(np.diff(points[:, 1, 0], n=2)).mean()


def test_one_bad_file_does_not_keep_the_others(smooth: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "good.npz", walking())
    write(tmp_path / "bad.npz", walking(), fps=None)
    done = smooth(tmp_path / "good.npz", tmp_path / "bad.npz", f"--output={tmp_path / 'out'}")
    assert done.is_bad_input
    assert "bad.npz" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.npz"]


def test_another_format_and_the_report(smooth: Callable[..., Any], clip: Path) -> None:
    report = clip.parent / "r.json"
    words = ("--to=coco", f"--report={report}", "--method=gaussian", "--parameter=cutoff=3")
    done = smooth(clip, f"--output={clip.parent / 'out.json'}", *words)
    assert done.code == 0, done.err
    assert len(json.loads((clip.parent / "out.json").read_text())) == 40
    person = json.loads(report.read_text())[0]["people"][0]
    assert person["jitter_after"] < person["jitter_before"]
    keypoints = person["segments"][0]["keypoints"]
    assert list(keypoints) == list(COCO_17.keypoints)
    assert {keypoint["method"] for keypoint in keypoints.values()} == {"gaussian"}
    assert keypoints["left_ear"]["filled"] == [10, 11, 12, 13]
    assert keypoints["nose"]["filled"] == []


def test_a_skeleton_that_the_user_names_has_its_left_and_right_mended(
    smooth: Callable[..., Any], tmp_path: Path
) -> None:
    keypoints = walking(60, skeleton=MPII_16)
    left, right = MPII_16.index("left_ankle"), MPII_16.index("right_ankle")
    keypoints[30:34, [left, right]] = keypoints[30:34, [right, left]]
    np.save(tmp_path / "a.npy", keypoints)
    report = tmp_path / "report.json"
    for words, exchanged in ((["--skeleton=mpii"], 8), ([], 0)):
        out = tmp_path / f"out{exchanged}.npy"
        assert smooth(tmp_path / "a.npy", f"--output={out}", "--fps=30", f"--report={report}", *words).code == 0
        assert json.loads(report.read_text())[0]["people"][0]["exchanged"] == exchanged
        report.unlink()
    for name, message in (("coco", "--skeleton=coco must have 17 keypoints, received 16"), ("elf", "must be one of")):
        done = smooth(tmp_path / "a.npy", f"--output={tmp_path / 'b.npy'}", "--fps=30", f"--skeleton={name}")
        assert done.is_bad_input
        assert message in done.err


def test_the_report_names_the_frames_that_were_replaced_and_exchanged(
    smooth: Callable[..., Any], tmp_path: Path
) -> None:
    keypoints, (left, right, nose) = walking(80), (COCO_17.index(n) for n in ("left_ankle", "right_ankle", "nose"))
    keypoints[30:34, [left, right]] = keypoints[30:34, [right, left]]
    keypoints[50, nose] += 400
    clip, report = write(tmp_path / "clip.npz", keypoints), tmp_path / "report.json"
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}", f"--report={report}", "--method=gaussian")
    person = json.loads(report.read_text())[0]["people"][0]
    found = person["segments"][0]["keypoints"]
    assert {name for name, keypoint in found.items() if keypoint["exchanged"]} == {"left_ankle", "right_ankle"}
    assert found["left_ankle"]["exchanged"] == [30, 31, 32, 33]
    assert found["nose"]["replaced"] == [50]
    assert person["exchanged"] == 8
    assert "exchanged" in done.out


def test_strength_zero_leaves_every_digit(smooth: Callable[..., Any], clip: Path) -> None:
    words = ("--strength=0", "--nooutliers", "--noswaps")
    assert smooth(clip, f"--output={clip.parent / 'out.npz'}", *words).code == 0
    old, new = formats.read(clip), formats.read(clip.parent / "out.npz")
    np.testing.assert_array_equal(new.keypoints, old.keypoints)
    np.testing.assert_array_equal(new.confidence, old.confidence)


def test_only_overwrite_overwrites(smooth: Callable[..., Any], clip: Path) -> None:
    target = clip.parent / "out.npz"
    target.write_text("mine")
    done = smooth(clip, f"--output={target}")
    assert done.is_bad_input
    assert target.read_text() == "mine"
    assert smooth(clip, f"--output={target}", "--overwrite").code == 0
    assert formats.read(target)


def test_overlay_without_a_video(smooth: Callable[..., Any], clip: Path) -> None:
    import cv2

    for style, width in (("beside", 1280), ("over", 640)):
        path = clip.parent / f"{style}.mp4"
        words = (f"--overlay={path}", f"--overlay_style={style}", "--overwrite")
        assert smooth(clip, f"--output={clip.parent / 'out.npz'}", *words).code == 0
        film = cv2.VideoCapture(str(path))
        frames = []
        while (read := film.read())[0]:
            frames.append(read[1])
        assert (len(frames), frames[0].shape) == (40, (400, width, 3))
        assert frames[20].std() > 5


def test_a_video_says_the_frame_rate_and_the_size(smooth: Callable[..., Any], tmp_path: Path) -> None:
    import cv2

    video = tmp_path / "in.mp4"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), 50, (640, 400))
    for _ in range(3):
        writer.write(np.zeros((400, 640, 3), np.uint8))
    writer.release()
    clip = write(tmp_path / "clip.npz", walking(), fps=None, image_size=None)
    assert smooth(clip, f"--output={tmp_path / 'out.npz'}", f"--video={video}").code == 0
    new = formats.read(tmp_path / "out.npz")
    assert (new.fps, new.image_size) == (50, (400, 640))
    assert smooth(clip, f"--output={tmp_path / 'own.npz'}", f"--video={video}", "--fps=25").code == 0
    assert formats.read(tmp_path / "own.npz").fps == 25


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(
    smooth: Callable[..., Any], clip: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setattr(table_smoothing, "smooth_segment", lambda *values: signal.raise_signal(how))
    done = smooth(clip, f"--output={clip.parent / 'out.npz'}")
    assert (done.code, done.err.strip()) == (130, "interrupted")
    assert list(clip.parent.iterdir()) == [clip]


def test_tensorflow_stays_out_of_it(clip: Path) -> None:
    imports = "import sys, kerasmooth.smooth, kerasmooth.pose_files.command"
    code = f"{imports}; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_what_is_wrong_with_all_inputs_is_said_once(smooth: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_text("frame,x0,y0,x1,y1\n" + "".join(f"{i},1,2,3,4\n" for i in range(20)))
    done = smooth(tmp_path, f"--output={tmp_path / 'out'}")
    assert done.code == 2
    assert done.err.count("--fps=N") == 1
    assert "3 of 3" in done.err
    assert "nothing is written" in done.err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_model_needs_a_torso_and_says_so_before_it_is_loaded(smooth: Callable[..., Any], tmp_path: Path) -> None:
    tips = Skeleton("tips", ("left_tip", "right_tip"), ())
    clip = write(tmp_path / "clip.npz", walking(skeleton=tips), skeleton=tips)
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}", f"--model={tmp_path / 'none'}")
    assert done.is_bad_input
    assert "shoulder" in done.err
