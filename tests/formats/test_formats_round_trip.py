"""What goes out again: the same bytes where nothing changed, and nothing but what changed where something did."""

from pathlib import Path

import numpy as np
import pytest
from added_rows import with_row
from file_content import content
from pose_files import SAMPLES

from kerasmooth import formats
from kerasmooth.errors import InputError

WRITABLE = sorted(set(SAMPLES) - {"climbalong"})


@pytest.mark.parametrize("sample", WRITABLE)
def test_unchanged_tables_give_the_file_back(sample: str, tmp_path: Path) -> None:
    path, _ = SAMPLES[sample](tmp_path)
    out = tmp_path / "out" / path.name
    formats.write(formats.read(path), out)
    assert content(out) == content(path)


@pytest.mark.parametrize("sample", WRITABLE)
def test_a_moved_keypoint_moves_and_nothing_else_does(sample: str, tmp_path: Path) -> None:
    path, _ = SAMPLES[sample](tmp_path)
    before = content(path)
    table = formats.read(path)
    row, k = np.argwhere(~np.isnan(table.keypoints).any(axis=-1))[-1]
    keypoints = table.keypoints.copy()
    keypoints[row, k] = (0.123456789, 0.75)
    out = tmp_path / "out" / path.name
    formats.write(table.with_(keypoints=keypoints), out)
    again = formats.read(out)
    np.testing.assert_allclose(
        again.keypoints, keypoints, rtol=1e-7 if sample in ("arrays", "nwb", "parquet_tidy") else 0
    )
    np.testing.assert_array_equal(again.confidence, table.confidence)
    assert again.frames.tolist() == table.frames.tolist()
    assert again.people.tolist() == table.people.tolist()
    assert content(path) == before


@pytest.mark.parametrize("sample", WRITABLE)
def test_a_filled_keypoint_is_written_and_a_removed_one_vanishes(sample: str, tmp_path: Path) -> None:
    path, _ = SAMPLES[sample](tmp_path)
    table = formats.read(path)
    keypoints, confidence = table.keypoints.copy(), table.confidence.copy()
    gaps = np.argwhere(np.isnan(keypoints).any(axis=-1))
    for row, k in gaps:
        keypoints[row, k] = (0.5, 0.25)
        confidence[row, k] = confidence[row, k] if np.isnan(confidence[row, k]) else 0.5
    row, k = np.argwhere(~np.isnan(table.keypoints).any(axis=-1))[0]
    keypoints[row, k] = np.nan
    confidence[row, k] = confidence[row, k] if np.isnan(confidence[row, k]) else 0
    out = tmp_path / "out" / path.name
    formats.write(table.with_(keypoints=keypoints, confidence=confidence), out)
    again = formats.read(out)
    if sample in (
        "deeplabcut_multi",
        "lightning_pose",
        "parquet_wide",
    ):  # Their only keypoint went, and with it the person.
        assert len(again.frames) == len(table.frames) - 1
        return
    np.testing.assert_allclose(again.keypoints, keypoints)
    known = ~np.isnan(confidence)
    np.testing.assert_allclose(again.confidence[known], confidence[known])


@pytest.mark.parametrize("sample", WRITABLE)
def test_a_person_in_a_frame_that_had_nobody_is_added_the_file_s_way(sample: str, tmp_path: Path) -> None:
    path, expected = SAMPLES[sample](tmp_path)
    table = formats.read(path)
    empty = sorted(set(expected.frame_numbers) - set(expected.frames))
    frame = empty[0] if empty else max(expected.frame_numbers) + 2
    added = with_row(table, frame, max(0, int(table.people.max())))
    out = tmp_path / "out" / path.name
    if (sample in ("arrays", "array") and not empty) or sample == "openpifpaf":
        with pytest.raises(InputError, match=r"fit the arrays|stay one image"):
            formats.write(added, out)
        assert not out.exists()
        return
    formats.write(added, out)
    again = formats.read(out)
    # Frames that are told by their times are counted: the third one is the last.
    frame = 2 if sample == "tidy_names" else frame
    at = np.flatnonzero(again.frames == frame)
    assert len(at) == 1
    np.testing.assert_array_equal(again.keypoints[at[0]], added.keypoints[-1])
    assert sample.startswith("mediapipe_") or again.people[at[0]] == added.people[-1]
    assert len(again.frames) == len(table.frames) + 1
    others = again.frames != frame
    np.testing.assert_array_equal(again.keypoints[others], table.keypoints)


@pytest.mark.parametrize("sample", WRITABLE)
def test_the_same_table_gives_the_same_bytes(sample: str, tmp_path: Path) -> None:
    path, _ = SAMPLES[sample](tmp_path)
    table = formats.read(path)
    table = table.with_(keypoints=table.keypoints * 0.5)
    for out in ("first", "second"):
        formats.write(table, tmp_path / out / path.name)
    assert content(tmp_path / "first" / path.name) == content(tmp_path / "second" / path.name)
