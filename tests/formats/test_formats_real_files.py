"""Real outputs of the tools. Counts and first numbers were read off the files with plain parsers."""

from pathlib import Path

import numpy as np
import pytest
from file_content import content

from kerasmooth import formats

# file, format, rows, frames, keypoints, skeleton, first x, y of row 0
REAL = [
    ("alphapose*.json", "alphapose", 810, 809, 26, "halpe_26", (167.5078125, 48.125)),
    ("coco_person*.json", "coco", 125, 47, 17, "coco_17", (36, 181)),
    ("dlc_EPM_15*.csv", "deeplabcut", 962, 962, 25, "deeplabcut", (571.6292436122894, 128.82243990898132)),
    ("mediapipe_Ash*.csv", "wide_csv", 176, 176, 33, "blazepose_33", (0.4910227358341217, 0.09313204884529114)),
    ("mediapipe_climbing*.csv", "tidy_csv", 994, 994, 33, "blazepose_33", (226.113803386688, 192.407379150391)),
    ("mmpose*.json", "mmpose", 0, 0, 17, "coco_17", None),
    ("openpifpaf*.json", "openpifpaf", 5, 1, 17, "coco_17", (np.nan, np.nan)),
    ("openpose_two_people", "openpose", 299, 100, 25, "body_25b", (56.22414260529827, 472.3538052544581)),
    ("sleap*.h5", "sleap", 6000, 3000, 13, "sleap", (756.8067626953125, 240.48591613769531)),
    ("trc/*.trc", "trc", 100, 100, 21, "trc", (-0.09982892299326489, 0.8915834887549569)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "name", "rows", "frames", "count", "skeleton", "first"), REAL, ids=[r[1] for r in REAL]
)
def test_real_files_are_read_and_written_back(
    file: str,
    name: str,
    rows: int,
    frames: int,
    count: int,
    skeleton: str,
    first: object,
    shared_data: Path,
    tmp_path: Path,
) -> None:
    path = next((shared_data / "interop").glob(file))
    table = formats.read(path)
    assert formats.detect(path).name == name
    assert (len(table.frames), len(table.frame_numbers), table.skeleton.num_keypoints) == (rows, frames, count)
    assert table.skeleton.name == skeleton
    if first is not None:
        np.testing.assert_allclose(table.keypoints[0, 0], first, rtol=1e-12)
    out = tmp_path / path.name
    formats.write(table, out)
    assert content(out) == content(path)
    moved = table.with_(keypoints=table.keypoints + 0.25)
    formats.write(moved, tmp_path / "moved" / path.name)
    again = formats.read(tmp_path / "moved" / path.name)
    np.testing.assert_array_equal(again.keypoints, moved.keypoints)
    np.testing.assert_array_equal(again.confidence, table.confidence)


def test_units_and_rates_of_the_real_files(shared_data: Path) -> None:
    folder = shared_data / "interop"
    wide = formats.read(folder / "mediapipe_Ash1708_pose_landmarks.csv")
    assert (wide.unit, wide.y_up, wide.fps) == ("normalised", False, None)
    long = formats.read(folder / "mediapipe_climbing_pose_landmarks_frame.csv")
    assert (long.unit, long.y_up) == ("px", True)
    markers = formats.read(next((folder / "trc").iterdir()))
    assert (markers.unit, markers.y_up, markers.fps) == ("m", True, 60.0)
    assert markers.skeleton.keypoints[:3] == ("right_hip", "right_knee", "right_ankle")


def test_all_climbs_of_speed21(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted((shared_data / "speed21" / "skeletons").iterdir())
    assert len(paths) == 91
    for path in paths:
        table = formats.read(path)
        assert formats.detect(path).name == "speed21"
        assert table.skeleton.name == "mpii_16"
        assert table.fps in (25, 30, 50)
        assert len(table.frames) + path.read_text().count("NULL") == len(table.frame_numbers)
        formats.write(table, tmp_path / path.name)
        assert content(tmp_path / path.name) == content(path)
