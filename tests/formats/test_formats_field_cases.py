"""Files as people have them, with what once went wrong: each made small here, each kind in several spellings."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from pose_files import moved

from kerasmooth import formats
from kerasmooth.errors import InputError


def labels(folder: Path, lines: list[str], name: str = "clip_{}.txt") -> Path:
    path = folder / "labels"
    path.mkdir()
    for at, line in enumerate(lines, 1):
        (path / name.format(at)).write_text(line + "\n")
    return path


@pytest.mark.parametrize("score", [" 0.3", ""])
def test_a_hidden_keypoint_of_ultralytics_stays_at_zero(score: str, tmp_path: Path) -> None:
    hidden, seen = f"0 0{score}", f"0.5 0.4{score and ' 0.9'}"
    lines = [f"0 0.5 0.5 0.4 0.4 {seen} {hidden if at % 2 else seen} {seen} {seen}" for at in range(4)]
    table = moved(labels(tmp_path, lines), tmp_path / "out")
    assert np.isnan(table.keypoints[:, 1]).any(axis=-1).tolist() == [False, True, False, True]
    cells = (tmp_path / "out" / "clip_2.txt").read_text().split()
    at = 5 + 2 + (score != "")
    assert cells[at : at + 2 + (score != "")] == hidden.split()


@pytest.mark.parametrize("nothing", [0.0, -1.0])
def test_markers_of_unseen_keypoints_in_arrays_and_tables(nothing: float, tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).uniform(100, 200, (6, 3, 2))
    keypoints[2:4, 1] = nothing
    np.save(tmp_path / "a.npy", keypoints)
    columns = {f"kp{k}_{c}": keypoints[:, k, i] for k in range(3) for i, c in enumerate("xy")}
    pd.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False)
    for file in ("a.npy", "a.csv"):
        table = moved(tmp_path / file, tmp_path / f"out_{file}")
        assert np.isnan(table.keypoints[:, 1, 0]).tolist() == [False, False, True, True, False, False]
    assert (np.load(tmp_path / "out_a.npy")[2:4, 1] == nothing).all()
    assert (pd.read_csv(tmp_path / "out_a.csv")[["kp1_x", "kp1_y"]].to_numpy()[2:4] == nothing).all()


@pytest.mark.parametrize(("tail", "ids"), [("", False), (" 0.8", False), (" 7", True), (" 0.8 7", True)])
@pytest.mark.parametrize("count", [4, 12, 17])
@pytest.mark.parametrize("step", [2, 3])
def test_labels_with_and_without_visibility(tail: str, ids: bool, count: int, step: int, tmp_path: Path) -> None:
    random = np.random.default_rng(count)
    points = random.uniform(0.3, 0.6, (3, count, 3))
    points[..., 2] = random.uniform(0.5, 1, (3, count))
    lines = [f"0 0.45 0.45 0.3 0.3 {' '.join(map(repr, each[:, :step].ravel().tolist()))}{tail}" for each in points]
    path = labels(tmp_path, lines)
    table = moved(path, tmp_path / "out")
    np.testing.assert_array_equal(table.keypoints, points[..., :2])
    assert np.isnan(table.confidence).all() == (step == 2)
    assert table.people.tolist() == [7 if ids else -1] * 3
    assert table.first_frame == 1
    assert (tmp_path / "out" / "clip_1.txt").read_text().split()[5 + step * count :] == tail.split()


def test_ids_that_some_lines_lack(tmp_path: Path) -> None:
    body = "0 0.5 0.5 0.4 0.4 " + " ".join(["0.5 0.5 0.9"] * 5)
    path = labels(tmp_path, [f"{body} 3\n{body}", body, f"{body} 3"])
    table = moved(path, tmp_path / "out")
    assert table.people.tolist() == [3, -1, -1, 3]
    lines = [line.split() for line in (tmp_path / "out" / "clip_1.txt").read_text().splitlines()]
    assert [len(line) for line in lines] == [21, 20]


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["frame_0_cam1", "frame_10_cam1", "frame_2_cam1"], [0, 10, 2]),
        (["walk_0001_cam2", "walk_0002_cam2", "walk_0003_cam2"], [1, 2, 3]),
        (["clip_mp4-0000_jpg.rf.cfc20849", "clip_mp4-0001_jpg.rf.c4ca4238", "clip_mp4-0007_jpg.rf.eccb"], [0, 1, 7]),
        (["s01_f003", "s02_f001", "s03_f002"], [3, 1, 2]),
        (["20240101_120000_5", "20240101_120000_6", "20240101_120001_7"], [5, 6, 7]),
        (["a", "b", "c"], [0, 1, 2]),
    ],
)
def test_the_digits_that_vary_number_images(names: list[str], frames: list[int], tmp_path: Path) -> None:
    records = [{"image_id": f"{name}.jpg", "keypoints": [1, 2, 0.5], "box": [1, 2, 3, 4]} for name in names]
    (tmp_path / "a.json").write_text(json.dumps(records))
    assert formats.read(tmp_path / "a.json").frames.tolist() == frames


def test_other_files_beside_labels_and_frames(tmp_path: Path) -> None:
    folder = labels(tmp_path, ["0 0.5 0.5 0.4 0.4 " + " ".join(["0.5 0.5 0.9"] * 5)] * 2)
    (folder / "classes.txt").write_text("person\n")
    assert formats.detect(folder).name == "ultralytics_txt"
    assert formats.read(folder).frames.tolist() == [1, 2]
    frames = tmp_path / "frames"
    frames.mkdir()
    (frames / "a_1_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": [1, 2, 0.5] * 18}]}))
    (frames / "a.json").write_text('{"net": "mpi"}')
    with pytest.raises(InputError, match=r"hold a frame number, received a\.json"):
        formats.read(frames)


def test_photographs_in_a_folder_are_no_sequence(tmp_path: Path) -> None:
    for name in ("paris", "rome", "oslo"):
        person = {"keypoints": [[1, 2]], "keypoint_scores": [0.5]}
        (tmp_path / f"{name}.json").write_text(json.dumps([person]))
    with pytest.raises(InputError, match="received a folder of none"):
        formats.detect(tmp_path)


def test_only_columns_of_keypoints_change(tmp_path: Path) -> None:
    names = ["frame", "nose_x", "nose_y", "L Hip X", "L Hip Y", "rightKneeX", "rightKneeY", "kp7x", "kp7y"]
    others = ["bbox_x", "bbox_y", "AX", "AY", "AZ", "acc_x", "acc_y", "gyro.x", "gyro.y", "X", "Y", "timestamp", "code"]
    values = np.random.default_rng(0).uniform(1, 9, (5, len(names) + len(others))).round(2)
    frame = pd.DataFrame(values, columns=[*names, *others])
    frame["frame"] = range(5)
    frame["code"] = ["007", "1e5", "NA", "", "'"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = moved(tmp_path / "a.csv", tmp_path / "b.csv", by=1)
    assert table.skeleton.keypoints == ("nose", "left_hip", "right_knee", "kp_7")
    assert table.is_single
    old, new = (pd.read_csv(tmp_path / f"{n}.csv", dtype=str, keep_default_na=False) for n in "ab")
    assert new[others].equals(old[others])
    np.testing.assert_allclose(new[names[1:]].astype(float), old[names[1:]].astype(float) + 1)


@pytest.mark.parametrize(
    ("nose", "score"),
    [
        ("nose ({})", "p"), ("nose_{} [px]", "conf"), ("nose_{}_px", "score"), ("('nose', '{}')", "likelihood"),
        ("nose_1_{}", "p"), ("{}1", "v"), ("pose{}0", ""),
    ],
)  # fmt: skip
def test_headings_of_other_scripts(nose: str, score: str, tmp_path: Path) -> None:
    in_capitals = nose.startswith("pose")
    headings = [
        nose.format(coord.upper() if in_capitals else coord) for coord in ("x", "y", *([score] if score else []))
    ]
    values = np.array([[1.5, 2.5, 0.25], [3.5, 4.5, 0.75]])[:, : len(headings)]
    frame = pd.DataFrame(values, columns=headings)
    # One file name for all, as of scripts that gather several videos.
    frame.insert(0, "file_name", "walk.mp4")
    frame.insert(1, "frame_number", [4, 7])
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = moved(tmp_path / "a.csv", tmp_path / "b.csv", by=1)
    assert table.frames.tolist() == [4, 7]
    assert table.keypoints[:, 0].tolist() == [[1.5, 2.5], [3.5, 4.5]]
    assert not score or table.confidence[:, 0].tolist() == [0.25, 0.75]
    after = pd.read_csv(tmp_path / "b.csv")
    assert after[headings[:2]].to_numpy().tolist() == [[2.5, 3.5], [4.5, 5.5]]
    assert after.drop(columns=headings[:2]).equals(frame.drop(columns=headings[:2]))


def test_parts_with_numbers_keep_their_names(tmp_path: Path) -> None:
    names = ["face_0", "face_1", "pose_0", "pose_1"]
    columns = {f"{c}_{name}": [float(k), k + 1.0] for k, name in enumerate(names) for c in "xy"}
    pd.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False)
    assert formats.read(tmp_path / "a.csv").skeleton.keypoints == tuple(names)


def test_a_column_that_only_numbers_the_lines_is_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,frame,nose_x,nose_y\n5,0,1,2\n6,1,2,3\n7,2,3,4\n")
    assert formats.read(tmp_path / "a.csv").people.tolist() == [0, 0, 0]


def test_parquet_whose_ids_are_null_in_some_lines(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    columns = {"frame": [0, 1], "track_id": pd.array([3, None], "Int64"), "keypoint": ["nose"] * 2, "x": [1.5, 2.5]}
    pd.DataFrame({**columns, "y": [1.0, 2.0]}).to_parquet(tmp_path / "a.parquet")
    assert moved(tmp_path / "a.parquet", tmp_path / "b.parquet", by=1).people.tolist() == [3, -1]
    assert pd.read_parquet(tmp_path / "b.parquet")["track_id"].isna().tolist() == [False, True]


def test_freemocap_s_second_version_has_a_keypoint_in_several_trajectories(tmp_path: Path) -> None:
    lines = ["frame,keypoint,x,y,z,model,trajectory,reprojection_error"]
    for frame in (0, 1):
        for at, trajectory in enumerate(("3d_xyz", "rigid_3d_xyz")):
            lines += [f"{frame},{name},{at}.5,{frame}.5,3.5,mediapipe.body,{trajectory}," for name in ("nose", "neck")]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    table = moved(tmp_path / "a.csv", tmp_path / "b.csv", by=1)
    assert table.skeleton.keypoints[:2] == ("nose", "neck")
    assert table.keypoints[:, :, 0].tolist() == [[0.5, 0.5, 1.5, 1.5]] * 2
    after = pd.read_csv(tmp_path / "b.csv", dtype=str)
    assert after["x"].tolist() == ["1.5", "1.5", "2.5", "2.5"] * 2
    before = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert after.drop(columns=["x", "y"]).equals(before.drop(columns=["x", "y"]))


def test_lines_of_nobody_stay_without_an_id(tmp_path: Path) -> None:
    text = "track,frame_idx,nose.x,nose.y\n,0,,\na,1,1.5,2.5\n,2,,\n"
    (tmp_path / "a.csv").write_text(text)
    table = formats.read(tmp_path / "a.csv")
    formats.write(table.with_(people=np.array([7, 0, 7])), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == text


def test_sleap_arrays_in_another_order_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        # As the preset "standard" of sleap-io; two tracks and two frames look like the usual order.
        file["tracks"] = np.ones((2, 2, 2, 2))
        file["tracks"].attrs["dims"] = '["frame", "track", "node", "xy"]'
        file["node_names"] = np.array([b"nose", b"tail"])
    with pytest.raises(InputError, match='export it with preset="matlab"'):
        formats.read(tmp_path / "a.h5")


def test_columns_are_what_the_user_says(tmp_path: Path) -> None:
    text = "Bild,wer,was,rechts,runter\n4,a,hand,1.5,2.5\n4,a,foot,3.5,4.5\n5,a,hand,1.75,2.75\n"
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match="received a file of none"):
        formats.read(tmp_path / "a.csv")
    said = {"frame": "Bild", "person": "wer", "keypoint": "was", "x": "rechts", "y": "runter"}
    table = formats.read(tmp_path / "a.csv", columns=said)
    assert (table.frames.tolist(), table.skeleton.keypoints) == ([4, 5], ("hand", "foot"))
    formats.write(table, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == text
    for columns, message in (({**said, "x": "links"}, "name headings such as Bild"), ({"size": "wer"}, "be frame,")):
        with pytest.raises(InputError, match=message):
            formats.read(tmp_path / "a.csv", columns={**said, **columns})


TRC = """PathFileType\t4\t(X/Y/Z)\tdemo.trc
DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames
60\t60\t3\t2\tm\t60\t1\t3
Frame#\tTime\tRHip\t\t\tRKnee\t\t
\t\tX1\tY1\tZ1\tX2\tY2\tZ2

1\t0.000\t0.5\t0.8\t0.1\t0.54\t0.93\t0.1
2\t0.017\t0.6\t0.8\t0.1
3\t0.033\t0.7\t0.8\t0.1\t0.58\t0.91\t0.1
"""


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("\t", ",")], ids=["tabs", "commas"])
def test_trc_as_a_spreadsheet_saves_it(change: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_text(change(TRC))
    table = moved(tmp_path / "a.trc", tmp_path / "b.trc")
    assert np.isnan(table.keypoints[1, 1]).all()
    assert (table.fps, table.unit, table.skeleton.keypoints) == (60, "m", ("right_hip", "right_knee"))
    assert (tmp_path / "b.trc").read_text().splitlines()[:5] == change(TRC).splitlines()[:5]
    assert formats.read(tmp_path / "b.trc").keypoints[2, 1, 0] == pytest.approx(0.581)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "frame,landmark,x,z\n1,2,3,4\n", "looks like CSV with one line a keypoint.*column y is missing"),
        ("a.json", '[{"image_id": 3, "joints": [1, 2, 1]}]', "COCO keypoint results, but field keypoints is missing"),
        ("a.json", '{"images": [], "stuff": []}', "but field annotations and categories are missing"),
        ("a.json", '{"bodies": [{"joints19": [1]}]}', "CMU Panoptic.*NPY"),
        ("a.json", '[{"filename": "a", "class": "image", "annotations": []}]', "AlphaTracker labels: smooth its"),
        ("a.json", '{"_via_settings": {}}', "VIA project: export the annotations as COCO"),
        ("a.csv", "filename,file_size,region_shape_attributes\n", "VIA annotations: export them as COCO"),
        ("a.c3d", "\x02P", "C3D recording: convert it to TRC"),
        ("a.pkl", "\x80\x04", "pickle, which could run anything: save its keypoints as NPZ"),
    ],
)
def test_what_a_file_looks_like_is_said(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words):
        formats.detect(tmp_path / name)


CASES = {
    "02*/labels": (45, 45, 7),
    "05*/labels": (20, 20, 12),
    "06*/mmpose*": (12, 6, 17),
    "06*/openpifpaf": (6, 6, 17),
    "08*/*.csv": (30, 30, 3),
    "09*/*name.csv": (7, 7, 17),
    "10*/person*.csv": (24, 12, 5),
    "11*/*.npz": (120, 120, 5),
    "12*/*.json": (26, 26, 9),
    "12*/openpose*": (4, 4, 9),
    "12*/robo*": (10, 10, 9),
    "13*/*.json": (10, 10, 17),
    "17*/*.npy": (40, 40, 7),
    "19*/three*.csv": (12, 12, 5),
    "21*/decimal*": (8, 8, 3),
    "21*/saved*": (8, 8, 2),
    "21*/tab*": (8, 8, 3),
}  # (rows, frames, keypoints)


@pytest.mark.parametrize("pattern", CASES)
def test_the_field_cases(pattern: str, shared_data: Path, tmp_path: Path) -> None:
    path = next((shared_data / "field_cases").glob(pattern))
    table = moved(path, tmp_path / path.name)
    assert (len(table.frames), len(table.frame_numbers), table.skeleton.num_keypoints) == CASES[pattern]
    again = formats.read(tmp_path / path.name)
    np.testing.assert_allclose(again.keypoints, table.keypoints + 0.001)
    np.testing.assert_array_equal(again.confidence, table.confidence)


def test_a_series_of_nwb_may_leave_out_frames(tmp_path: Path) -> None:
    from pose_files import SAMPLES

    path, _ = SAMPLES["nwb"](tmp_path)
    with h5py.File(path, "r+") as file:
        paw = file["processing/behavior/PoseEstimation/paw"]
        for name, values in {"data": [[4.5, 9.5]], "confidence": [0.25], "timestamps": [0.08]}.items():
            del paw[name]
            paw[name] = np.array(values)
    table = moved(path, tmp_path / "out.nwb", by=1)
    assert np.isnan(table.keypoints[0, 1]).all()
    assert table.keypoints[1, 1].tolist() == [4.5, 9.5]
    with h5py.File(tmp_path / "out.nwb") as file:
        assert file["processing/behavior/PoseEstimation/paw/data"][()].tolist() == [[5.5, 10.5]]
