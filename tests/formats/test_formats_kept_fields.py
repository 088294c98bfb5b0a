"""What each format keeps, and how it adds what was not there."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from added_rows import with_row
from pose_files import SAMPLES

from kerasmooth import formats
from kerasmooth.errors import InputError


def test_fields_that_mean_nothing_to_us_survive(tmp_path: Path) -> None:
    path, _ = SAMPLES["coco"](tmp_path)
    table = formats.read(path)
    formats.write(table.with_(keypoints=table.keypoints + 1), tmp_path / "o.json")
    old, new = json.loads(path.read_text()), json.loads((tmp_path / "o.json").read_text())
    for before, after in zip(old, new, strict=True):
        assert {**before, "keypoints": 0} == {**after, "keypoints": 0}
        assert after["keypoints"][2::3] == before["keypoints"][2::3]


def test_openpose_keeps_hands_and_gives_added_people_all_fields(tmp_path: Path) -> None:
    path, _ = SAMPLES["openpose"](tmp_path)
    table = formats.read(path)
    out = tmp_path / "out"
    formats.write(with_row(table.with_(keypoints=table.keypoints + 1), 4, 5), out)
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [file.name for file in sorted(path.iterdir())]
    first, filled = (json.loads(file.read_text())["people"] for file in files[:2])
    assert (first[0]["odd"], first[0]["hand_left_keypoints_2d"]) == ("kept", [2.5, 3.5, 0.25])
    assert first[0]["pose_keypoints_2d"][:6] == [41, 141, 0.5, 0, 0, 0]
    assert filled[0]["person_id"] == [5]
    assert {"face_keypoints_2d", "hand_left_keypoints_2d"} <= set(filled[0])


def test_new_ids_are_written_where_the_format_has_a_field_for_them(tmp_path: Path) -> None:
    fields = {"coco": "track_id", "alphapose": "idx", "openpifpaf": "id_"}
    for sample, name in fields.items():
        path, _ = SAMPLES[sample](tmp_path)
        table = formats.read(path)
        formats.write(table.with_(people=np.full(len(table.people), 6)), tmp_path / f"{sample}.json")
        values = [person[name] for person in json.loads((tmp_path / f"{sample}.json").read_text())]
        assert [value[0] if isinstance(value, list) else value for value in values] == [6] * len(values)
    path, _ = SAMPLES["openpose"](tmp_path)
    formats.write(formats.read(path).with_(people=np.array([1, 2])), tmp_path / "ids")
    assert formats.read(tmp_path / "ids").people.tolist() == [1, 2]


def test_only_what_changed_of_a_marker_is_written(tmp_path: Path) -> None:
    path, _ = SAMPLES["trc"](tmp_path)
    path.write_text(path.read_text().replace("1.7\t-2.0", "1.7\t-2.00"))
    table = formats.read(path)
    assert table.depth is not None
    keypoints, depth = table.keypoints.copy(), table.depth.copy()
    keypoints[1, 1], depth[1, 1] = (0.25, 0.55), -2.25
    depth[0, 0] = -1.125
    keypoints[2, 0] = (0.15, 1.7)
    formats.write(table.with_(keypoints=keypoints, depth=depth), tmp_path / "o.trc")
    before, after = (
        [line.split("\t") for line in each.read_text().splitlines()] for each in (path, tmp_path / "o.trc")
    )
    assert after[:5] == before[:5]
    assert after[5] == ["1", "0.0166", "0.1", "1.5", "-1.125", *before[5][5:]]
    assert after[6] == [*before[6][:5], "0.25", "0.55", "-2.25"]
    assert after[7] == ["4", "0.0666", "0.15", "1.7", "-2.0", *before[7][5:]]


def test_an_added_trc_frame_has_its_time_and_is_counted(tmp_path: Path) -> None:
    path, _ = SAMPLES["trc"](tmp_path)
    formats.write(with_row(formats.read(path), 3, 0), tmp_path / "o.trc")
    lines = (tmp_path / "o.trc").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[5:]] == ["1", "2", "3", "4"]
    assert float(lines[7].split("\t")[1]) == pytest.approx(0.0333 + 1 / 60)
    assert lines[2].split("\t")[2] == "4"


def test_hdf5_files_keep_what_else_is_in_them(tmp_path: Path) -> None:
    for sample, place in (("sleap", "/mine"), ("deeplabcut_h5", "df_with_missing")):
        path, _ = SAMPLES[sample](tmp_path)
        table = formats.read(path)
        formats.write(table.with_(keypoints=table.keypoints + 1), tmp_path / f"{sample}.h5")
        with h5py.File(tmp_path / f"{sample}.h5") as file:
            assert place in file
            assert sample == "sleap" or file[place].attrs["mine"] == "kept"


def test_a_new_person_gets_a_track_of_its_own_in_sleap(tmp_path: Path) -> None:
    path, _ = SAMPLES["sleap"](tmp_path)
    out = tmp_path / "o.h5"
    formats.write(with_row(formats.read(path), 6, 9), out)
    with h5py.File(out) as file:
        assert file["tracks"].shape == (3, 2, 3, 7)
        assert file["track_names"][()].tolist() == [b"t0", b"t1", b"track_2"]
        assert file["track_occupancy"][()].sum(axis=0).tolist() == [1, 1, 1]
        assert file["mine"][()].tolist() == [0, 1, 2]


@pytest.mark.parametrize("to", ["npz", "parquet"])
def test_our_own_formats_hold_everything(to: str, tmp_path: Path) -> None:
    path, _ = SAMPLES["trc"](tmp_path)
    table = with_row(formats.read(path, image_size=(48, 64)), 9, 3)
    # Nobody is in frame 12.
    numbers = np.append(table.frame_numbers, 12)
    table = table.with_(deviation=np.arange(8.0).reshape(4, 2), frame_numbers=numbers, source=None)
    out = tmp_path / "o"
    formats.write(table, out, to)
    again = formats.read(out)
    for name in ("frames", "people", "keypoints", "confidence", "frame_numbers", "provenance", "deviation"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    for name in ("fps", "image_size", "unit", "y_up"):
        assert getattr(again, name) == getattr(table, name)
    assert again.skeleton.keypoints == table.skeleton.keypoints


@pytest.mark.parametrize("to", ["npz", "parquet", "tidy_csv"])
def test_nameless_people_and_the_order_of_frames_come_back(to: str, tmp_path: Path) -> None:
    table = formats.read(SAMPLES["coco"](tmp_path)[0])
    rows = np.array([2, 0, 1, 0])
    columns = {name: getattr(table, name)[rows] for name in ("keypoints", "confidence", "provenance", "deviation")}
    # A fresh CSV is sorted by frame.
    people, frames, numbers = np.array([-1, -1, 1, -1]), np.array([7, 3, 3, 3]), np.array([3, 7])
    frames = np.sort(frames) if to == "tidy_csv" else frames
    mixed = table.with_(**columns, people=people, frames=frames, frame_numbers=numbers, source=None)
    formats.write(mixed, tmp_path / "o", to)
    again = formats.read(tmp_path / "o", format_name=to)
    assert (again.frames.tolist(), again.people.tolist()) == (frames.tolist(), [-1, -1, 1, -1])
    np.testing.assert_array_equal(again.keypoints, np.where(mixed.confidence[..., None] > 0, mixed.keypoints, np.nan))


def test_other_columns_and_members_survive_in_our_own_formats(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path, _ = SAMPLES["trc"](tmp_path)
    table = formats.read(path)
    formats.write(table, tmp_path / "a.parquet", "parquet")
    columns = parquet.read_table(tmp_path / "a.parquet")
    parquet.write_table(columns.append_column("mood", arrow.array([*"abcdef"])), tmp_path / "b.parquet")
    formats.write(with_row(formats.read(tmp_path / "b.parquet"), 9, 3), tmp_path / "c.parquet")
    again = parquet.read_table(tmp_path / "c.parquet")
    assert again["mood"].to_pylist() == [*"abcdef", None, None]
    assert again["provenance"].to_pylist() == ["measured"] * 3 + ["missing"] + ["measured"] * 2 + ["interpolated"] * 2
    formats.write(table, tmp_path / "a.npz", "npz")
    with np.load(tmp_path / "a.npz") as archive:
        np.savez(tmp_path / "b.npz", **archive, mine=np.arange(3))
    formats.write(formats.read(tmp_path / "b.npz"), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as archive:
        assert archive["mine"].tolist() == [0, 1, 2]


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    path, _ = SAMPLES["coco"](tmp_path)
    with pytest.raises(InputError, match="must not be the input"):
        formats.write(formats.read(path), path)


def test_a_failing_write_leaves_nothing(tmp_path: Path) -> None:
    for sample in ("coco", "openpose", "sleap"):
        path, _ = SAMPLES[sample](tmp_path)
        blocked = tmp_path / f"blocked_{sample}"
        target = blocked / path.name
        (target / "someone's").mkdir(parents=True)
        with pytest.raises(InputError, match="output must"):
            formats.write(formats.read(path), target)
        assert [entry.name for entry in blocked.iterdir()] == [path.name]


def test_openpose_replaces_its_own_earlier_result_but_no_one_else_s(tmp_path: Path) -> None:
    path, _ = SAMPLES["openpose"](tmp_path)
    table = formats.read(path)
    for shift in (1, 2):
        formats.write(table.with_(keypoints=table.keypoints + shift), tmp_path / "out")
    np.testing.assert_array_equal(formats.read(tmp_path / "out").keypoints, table.keypoints + 2)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        formats.write(table, tmp_path / "out")


def test_rows_must_keep_their_order(tmp_path: Path) -> None:
    table: Any = formats.read(SAMPLES["coco"](tmp_path)[0])
    with pytest.raises(ValueError, match="append_rows"):
        formats.write(table.with_(frames=table.frames[::-1]), tmp_path / "o.json")
