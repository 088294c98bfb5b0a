"""What the pictures show: the keypoints that move, in the right shape, and the positions rather than their doubt."""

from pathlib import Path

import numpy as np
import pytest

from kerasmooth.pose_files import overlay, plots
from kerasmooth.pose_files.shown_person import ShownPerson
from kerasmooth.pose_files.table_smoothing import SmoothedTable
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

FRAMES = 40
DOTS = Skeleton("dots", tuple(f"dot_{i}" for i in range(12)), ())


def table(**attributes: object) -> PoseTable:
    """Twelve dots of which the last five move, a little to and fro."""
    keypoints = np.tile(np.linspace(0.2, 0.6, 12)[None, :, None], (FRAMES, 1, 2))
    keypoints[:, 7:, 0] += 0.2 * np.sin(np.arange(FRAMES) / 4)[:, None]
    rows = np.arange(FRAMES)
    people = np.zeros(FRAMES, np.int64)
    settings = {"fps": 30.0, "unit": "normalised"} | attributes
    return PoseTable(rows, people, keypoints, np.ones((FRAMES, 12)), rows, DOTS, **settings)  # type: ignore[arg-type]


def shown(before: PoseTable, after: PoseTable | None = None) -> ShownPerson:
    return ShownPerson(before, SmoothedTable(after or before, before.people))


def test_keypoints_that_move_are_shown() -> None:
    assert shown(table()).chosen() == [7, 8, 9, 10, 11]


def test_shares_of_an_image_have_its_shape() -> None:
    assert shown(table()).aspect == 1
    assert "--image_size" in shown(table()).title
    person = shown(table(image_size=(1920, 1080)))
    assert person.aspect == pytest.approx(1920 / 1080)
    assert "--image_size" not in person.title


def test_the_person_of_several_is_named() -> None:
    one = table()
    both = PoseTable(
        np.concatenate([one.frames, one.frames[:5]]),
        np.repeat([3, 8], [FRAMES, 5]),
        np.concatenate([one.keypoints, one.keypoints[:5]]),
        np.ones((FRAMES + 5, 12)),
        one.frame_numbers,
        DOTS,
        30.0,
    )
    person = shown(both)
    assert (person.name, person.of) == ("3", 2)
    assert person.title.startswith("person 3, seen most of 2: frames 0 to 39 at 30 fps")


def test_a_wide_doubt_does_not_flatten_the_curve() -> None:
    before = table()
    after = before.with_(deviation=np.full((FRAMES, 12), 100.0))
    figure = plots._trajectories(shown(before, after))
    low, high = figure.axes[0].get_ylim()
    values = before.keypoints[:, 7, 0]
    assert high - low == pytest.approx(1.16 * np.ptp(values), rel=1e-3)


def test_y_grows_downwards_in_an_image_and_upwards_where_the_file_says_so(tmp_path: Path) -> None:
    for y_up in (False, True):
        figure = plots._trajectories(shown(table(y_up=y_up)))
        low, high = figure.axes[1].get_ylim()
        assert (low < high) == y_up
        view = overlay.canvas(table(y_up=y_up))
        top, bottom = view.points(np.array([[0.3, 0.5], [0.3, 0.4]]))[:, 1]
        assert (top < bottom) == y_up


def test_filled_keypoints_are_white_in_the_film(tmp_path: Path) -> None:
    import cv2

    before = table()
    filled = np.zeros((FRAMES, 12), np.uint8)
    filled[:, 7:] = 2
    done = SmoothedTable(before.with_(provenance=filled), before.people)
    overlay.draw(before, done, tmp_path / "out.mp4")
    image = cv2.VideoCapture(str(tmp_path / "out.mp4")).read()[1]
    half = image.shape[1] // 2
    white = [(part[60:, 4:].min(axis=2) > 200).sum() for part in (image[:, :half], image[:, half:])]
    assert white[0] == 0
    assert white[1] > 20
