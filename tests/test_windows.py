import numpy as np
import pytest

from kerasmooth.windows import covered, drop_reasons, frame_indices, merge_windows, segments, span, window_starts


def usable(text: str) -> np.ndarray:
    """`xx.x` -> [True, True, False, True]."""
    return np.array([letter == "x" for letter in text])


@pytest.mark.parametrize(
    ("frames", "window", "frame_step", "stride", "expected"),
    [
        ("xxxxxxx", 5, 1, 1, [0, 1, 2]),
        ("xxxxx", 5, 1, 1, [0]),
        ("xxxx", 5, 1, 1, []),
        ("", 5, 1, 1, []),
        ("xxxxxxxxx", 5, 2, 1, [0]),
        ("xxxxxxxx", 5, 2, 1, []),
        ("xxxxxxxxx", 3, 1, 3, [0, 3, 6]),
        ("xxxx.xxxx", 3, 1, 1, [0, 1, 5, 6]),
        (".xxxxx", 3, 1, 2, [1, 3]),  # a stretch begins anew with its own first frame
        ("xx.xx.xx", 3, 1, 1, []),
        ("x.x", 1, 1, 1, [0, 2]),
        ("xx.xx", 2, 2, 1, []),  # a window does not reach over a hole, even if it would not show it
    ],
)
def test_window_starts(frames: str, window: int, frame_step: int, stride: int, expected: list[int]) -> None:
    assert window_starts(usable(frames), window, frame_step, stride).tolist() == expected


def test_window_starts_against_trying_every_frame() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        good = random.random(random.integers(0, 40)) < 0.85
        window, frame_step = random.integers(1, 6), random.integers(1, 4)
        length = (window - 1) * frame_step + 1
        expected = [s for s in range(len(good) - length + 1) if good[s : s + length].all()]
        assert window_starts(good, window, frame_step).tolist() == expected


def test_half_frame_rate_shows_every_second_frame() -> None:
    assert frame_indices(np.array([0, 3]), 5, 2).tolist() == [[0, 2, 4, 6, 8], [3, 5, 7, 9, 11]]
    assert span(5, 2) == 9


def test_stretches_are_runs() -> None:
    assert segments(usable(".xx.x")).tolist() == [[1, 3], [4, 5]]
    assert segments(usable("...")).shape == (0, 2)


@pytest.mark.parametrize(
    ("frames", "stride", "expected"),
    [
        ("xxxxxxxxx", 1, {}),
        ("xxxx", 1, {"too_short": 4}),
        ("xxxx.xxxxxx..", 1, {"no_box": 3, "too_short": 4}),
        ("xxxxxxx", 3, {"between_windows": 2}),
    ],
)
def test_every_frame_is_shown_or_dropped_for_a_reason(frames: str, stride: int, expected: dict[str, int]) -> None:
    good = usable(frames)
    starts = window_starts(good, 5, 1, stride)
    assert drop_reasons(good, starts, 5) == expected
    assert covered(starts, len(good), 5).sum() + sum(expected.values()) == len(good)


@pytest.mark.parametrize("name", ["window", "frame_step", "stride"])
def test_a_setting_below_one_is_named(name: str) -> None:
    settings = {"window": 5, "frame_step": 1, "stride": 1, name: 0}
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        window_starts(usable("xxxxxxxxx"), **settings)


def test_merging_cut_windows_gives_the_clip_back() -> None:
    clip = np.random.default_rng(1).normal(size=(12, 3, 2))
    indices = frame_indices(window_starts(np.ones(12, bool), 4, 2), 4, 2)
    np.testing.assert_allclose(merge_windows(clip[indices], indices, 12), clip, atol=1e-12)


def test_merging_takes_the_mean_of_what_is_known() -> None:
    values = np.array([[1.0, 2.0], [4.0, np.nan]])
    merged = merge_windows(values, np.array([[0, 1], [1, 2]]), 4)
    np.testing.assert_array_equal(merged, [1.0, 3.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("shape", "indices", "message"),
    [((2, 3), [[0, 1], [1, 2]], "Received: values.shape"), ((1, 2), [[0, 9]], "Received: num_frames=5")],
)
def test_merging_what_does_not_fit_is_refused(shape: tuple, indices: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        merge_windows(np.zeros(shape), np.array(indices), 5)
