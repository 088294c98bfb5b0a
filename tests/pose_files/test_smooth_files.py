"""Tables smoothed with a model, and drawn; the model is a stand-in that knows some keypoints."""

from pathlib import Path

import numpy as np
import pytest

from kerasmooth.errors import InputError
from kerasmooth.pose_files import overlay
from kerasmooth.pose_files import plots as smooth_plots
from kerasmooth.pose_files.table_smoothing import SmoothedTable, smooth_table
from kerasmooth.pose_table import INTERPOLATED, PoseTable
from kerasmooth.skeletons import BOULDERING_25, COCO_17, SHELF_15, Skeleton, index_map
from kerasmooth.smoothing.settings import SmoothingSettings
from kerasmooth.smoothing.spectra import mean_spectrum

FPS = 30.0


class StandIn:
    """Moves every keypoint 3 px to the right, but puts ankles, which it never learnt, where they are not."""

    name = "stand-in"
    supervised = np.array(["ankle" not in name for name in BOULDERING_25.keypoints])

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        self.asked.append(keypoints)
        assert ((confidence > 0) == np.isfinite(keypoints).all(axis=-1)).all()
        answer = keypoints + [3, 0]
        answer[:, [BOULDERING_25.index("left_ankle"), BOULDERING_25.index("right_ankle")]] += 500
        return answer


def standing(skeleton: Skeleton, frames: int = 60) -> PoseTable:
    random = np.random.default_rng(0)
    place = random.uniform((200, 50), (320, 350), (skeleton.num_keypoints, 2))
    keypoints = place + random.normal(0, 1, (frames, len(place), 2))
    keypoints[20:24, 0] = np.nan
    rows = np.arange(frames)
    confidence = np.where(np.isnan(keypoints[..., 0]), 0.0, 0.8)
    return PoseTable(rows, np.zeros(frames, np.int64), keypoints, confidence, rows, skeleton, FPS, (400, 640))


def test_a_model_smooths_what_it_knows_and_filters_the_rest() -> None:
    model, table = StandIn(), standing(COCO_17)
    done = smooth_table(table, SmoothingSettings(outliers=False, swaps=False), model=model)
    methods = done.reports[0].methods
    assert methods["model"] == 13  # of 15 that both have, less the ankles
    moved = done.table.keypoints - table.keypoints
    wrist, ankle, eye = (COCO_17.index(name) for name in ("left_wrist", "left_ankle", "left_eye"))
    np.testing.assert_allclose(moved[:, wrist], np.tile([3.0, 0.0], (60, 1)), atol=1e-9)
    for by_filter in (ankle, eye):
        assert np.abs(moved[:, by_filter]).max() < 5
    known = index_map(COCO_17, BOULDERING_25) >= 0
    assert np.isnan(model.asked[0][:, ~known]).all()
    assert np.isfinite(model.asked[0][:, known]).all()  # the gap is filled before
    assert done.table.provenance[21, 0] == INTERPOLATED


@pytest.mark.parametrize(("strength", "shift"), [(0.0, 0.0), (0.5, 1.5), (1.0, 3.0), (2.0, 3.0)])
def test_strength_of_a_model_is_its_share(strength: float, shift: float) -> None:
    table = standing(COCO_17)
    done = smooth_table(table, SmoothingSettings(strength=strength, outliers=False, swaps=False), model=StandIn())
    wrist = COCO_17.index("left_wrist")
    np.testing.assert_allclose((done.table.keypoints - table.keypoints)[:, wrist, 0], shift, atol=1e-9)


def test_a_model_needs_shoulders_and_hips() -> None:
    smooth_table(standing(SHELF_15), SmoothingSettings(), model=StandIn())
    with pytest.raises(InputError, match="shoulder"):
        smooth_table(standing(Skeleton("dots", ("a", "b", "c"), ())), SmoothingSettings(), model=StandIn())


def test_what_is_too_uncertain_to_smooth_is_kept() -> None:
    table = standing(COCO_17)
    confidence = np.array(table.confidence)
    confidence[30:, 5] = 0.001
    confidence[:, 6] = -2.0
    done = smooth_table(table.with_(confidence=confidence), SmoothingSettings()).table
    for part in ((slice(30, None), 5), (slice(None), 6)):
        np.testing.assert_array_equal(done.keypoints[part], table.keypoints[part])
        np.testing.assert_array_equal(done.confidence[part], confidence[part])


def test_a_file_without_confidence_gets_none() -> None:
    table = standing(COCO_17)
    table = table.with_(confidence=np.full(table.confidence.shape, np.nan))
    assert np.isnan(smooth_table(table, SmoothingSettings()).table.confidence).all()


def drawn(table: PoseTable, folder: Path) -> list[Path]:
    return smooth_plots.draw_all(table, smooth_table(table, SmoothingSettings()), folder)


@pytest.mark.parametrize("frames", [0, 2])
def test_pictures_of_next_to_nothing(frames: int, tmp_path: Path) -> None:
    table = standing(COCO_17)
    few = np.arange(frames)
    parts = {
        name: getattr(table, name)[few] for name in ("frames", "people", "keypoints", "confidence", "frame_numbers")
    }
    few_rows = PoseTable(**parts, skeleton=COCO_17, fps=FPS)
    for path in drawn(few_rows, tmp_path):
        assert path.stat().st_size > 5_000


def test_a_spectrum_has_its_peak_where_the_motion_is() -> None:
    time = np.arange(300) / FPS
    keypoints = np.zeros((300, 2, 2))
    keypoints[..., 0] = np.sin(2 * np.pi * 4 * time)[:, None]
    keypoints[100:104, 1] = np.nan
    frequencies, amplitude = mean_spectrum(keypoints, FPS, 1)
    assert abs(frequencies[amplitude.argmax()] - 4) <= 0.5
    assert not len(mean_spectrum(keypoints[:10], FPS, 1)[0])


def film(path: Path) -> list[np.ndarray]:
    import cv2

    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def test_a_film_over_a_video(tmp_path: Path) -> None:
    import cv2

    writer = cv2.VideoWriter(str(tmp_path / "in.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (321, 201))
    for _ in range(8):
        writer.write(np.full((201, 321, 3), 90, np.uint8))
    writer.release()
    table = standing(COCO_17, 30)
    done = smooth_table(table, SmoothingSettings())
    overlay.draw(table, done, tmp_path / "out.mp4", video=tmp_path / "in.mp4")
    frames = film(tmp_path / "out.mp4")
    assert len(frames) == 8
    assert frames[0].shape[1] >= 2 * 320
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize("missing", ["first", "last", "none"])
def test_a_film_shows_the_pose_on_its_own_frame(missing: str, tmp_path: Path) -> None:
    """Frames are counted from 1; in the first or the last one nobody is there. The video shows a disc on the nose."""
    import cv2

    x = 60 + 12 * np.arange(16)
    writer = cv2.VideoWriter(str(tmp_path / "in.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 200))
    for place in x.tolist():
        writer.write(cv2.circle(np.full((200, 320, 3), 90, np.uint8), (place, 100), 5, (0, 0, 0), -1))
    writer.release()
    seen = {"first": slice(1, None), "last": slice(None, -1), "none": slice(None)}[missing]
    numbers, nose = (1 + np.arange(16))[seen], np.stack([x, np.full(16, 100)], axis=-1)[seen, None].astype(float)
    table = PoseTable(
        numbers, 0 * numbers, nose, np.ones((len(numbers), 1)), numbers, Skeleton("dot", ("nose",), ()), FPS, (200, 320)
    )
    if missing == "last":
        table = table.with_(first_frame=1)
    overlay.draw(table, SmoothedTable(table, table.people), tmp_path / "out.mp4", video=tmp_path / "in.mp4")
    for place, image in list(zip(x, film(tmp_path / "out.mp4"), strict=True))[1:-1]:
        left = image[40:, :320].astype(int)
        coloured = np.argwhere(np.ptp(left, axis=2) > 60)
        assert abs(coloured[:, 1].mean() - place) < 3


@pytest.mark.parametrize("unit", ["normalised", "m"])
def test_a_film_of_other_units_shows_the_person(unit: str, tmp_path: Path) -> None:
    table = standing(COCO_17, 5)
    scaled = table.with_(keypoints=table.keypoints / [640, 400], unit=unit, y_up=unit == "m", image_size=None)
    done = smooth_table(scaled, SmoothingSettings())
    overlay.draw(scaled, done, tmp_path / "out.mp4", style="over")
    image = film(tmp_path / "out.mp4")[2]
    lit = np.argwhere(image.max(axis=2) > 150)
    assert (np.ptp(lit, axis=0) > 0.4 * np.array(image.shape[:2])).all()


def test_nobody_is_a_film_of_one_frame(tmp_path: Path) -> None:
    table = standing(COCO_17, 3)
    parts = {
        name: getattr(table, name)[:0] for name in ("frames", "people", "keypoints", "confidence", "frame_numbers")
    }
    empty = PoseTable(**parts, skeleton=COCO_17, fps=FPS)
    overlay.draw(empty, SmoothedTable(empty, empty.people), tmp_path / "out.mp4")
    assert len(film(tmp_path / "out.mp4")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
