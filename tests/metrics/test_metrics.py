import math

import numpy as np
import pytest

from kerasmooth import boxes, metrics
from kerasmooth.skeletons import BOULDERING_25, PENN_ACTION_13

K = 25
THRESHOLDS = (0.05, 0.1, 0.2)
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 3, 4, 15, 16


def person(torso: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """One frame [1, 1, K, 2]: the torso is upright and `torso` long, everything else at (10, 10)."""
    keypoints = np.full((1, 1, K, 2), 10, np.float32)
    for shoulder, hip, x in ((LEFT_SHOULDER, LEFT_HIP, 30), (RIGHT_SHOULDER, RIGHT_HIP, 15)):
        keypoints[0, 0, shoulder], keypoints[0, 0, hip] = (x, 5), (x, 5 + torso)
    return keypoints, np.ones((1, 1, K), bool)


def random_case(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 56, (13, 7, K, 2)).astype(np.float32)
    predicted = (truth + rng.normal(0, 3, truth.shape)).astype(np.float32)
    visibility = rng.random(truth.shape[:-1]) < 0.9
    visibility[2, 3], visibility[:, :, 9] = False, False
    truth[~visibility] = np.nan
    return truth, predicted, visibility


def test_agrees_with_the_published_code(golden: dict[str, np.ndarray]) -> None:
    truth, predicted = golden["pck_truth"], golden["pck_pred"]
    visibility = (truth != 0).any(axis=-1)  # the published sign of a missing keypoint
    counts = metrics.pck_counts(truth, predicted, visibility, golden["pck_thresholds"], torso="published")
    np.testing.assert_allclose(counts.total(), golden["pck_total"], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_case_worked_out_by_hand(dtype: type) -> None:
    truth, visibility = person(torso=20)
    predicted = truth.copy()
    nose, left_wrist, right_wrist, left_knee = 0, 7, 8, 17
    predicted[0, 0, nose] += (0, 1)  # at 0.05 x 20 exactly: a hit, as <= has it
    predicted[0, 0, left_wrist] += (0, 2)  # at 0.1 x 20 exactly
    predicted[0, 0, right_wrist] -= (1.5, 2)  # 2.5 away: a hit at 0.2 only
    predicted[0, 0, left_knee] = 50  # far away
    visibility[0, 0, 20] = False
    counts = metrics.pck_counts(truth.astype(dtype), predicted.astype(dtype), visibility)
    np.testing.assert_array_equal(counts.hits.sum(axis=1), [21, 22, 23])
    assert counts.totals.sum() == 24
    np.testing.assert_allclose(counts.total(), [21 / 24, 22 / 24, 23 / 24])
    names = counts.by_name()
    assert " ".join(names) == "nose ear shoulder elbow wrist pinky index thumb hip knee ankle heel foot_index"
    np.testing.assert_allclose(names["wrist"], [0, 0.5, 1])
    np.testing.assert_allclose(names["knee"], 0.5)
    np.testing.assert_allclose(names["ankle"], 1)
    np.testing.assert_allclose(names["nose"], 1)
    assert (counts.frames, counts.frames_skipped) == (1, 0)


def test_torso_is_the_mean_of_the_visible_sides() -> None:
    truth, visibility = person()
    truth[0, 0, LEFT_SHOULDER] = (30 - 7, 25 - 24)  # 25 from the left hip; the right side has 20
    for torso in metrics.TORSO_RULES:
        assert metrics.torso_diameter(truth, visibility, torso=torso).tolist() == [[22.5]]
    assert metrics.torso_diameter(truth, visibility).dtype == np.float32
    for missing, other_side in ((LEFT_SHOULDER, 20), (LEFT_HIP, 20), (RIGHT_SHOULDER, 25), (RIGHT_HIP, 25)):
        partly = visibility.copy()
        partly[0, 0, missing] = False
        truth[0, 0, missing] = np.nan
        assert metrics.torso_diameter(truth, partly).tolist() == [[other_side]]
        assert np.isnan(metrics.torso_diameter(truth, partly, torso="published")).all()
        truth, _ = person()
        truth[0, 0, LEFT_SHOULDER] = (30 - 7, 25 - 24)
    visibility[0, 0, [LEFT_SHOULDER, RIGHT_HIP]] = False  # a shoulder and a hip, but not of one side
    assert np.isnan(metrics.torso_diameter(truth, visibility)).all()


def naive_pck(
    truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray, threshold: float, torso: str
) -> tuple[dict, int]:
    """Another way to the same numbers: plain Python, one keypoint at a time."""
    tally, skipped = {k: [0, 0] for k in range(K)}, 0
    for window in range(len(truth)):
        for frame in range(truth.shape[1]):
            pose, shown = truth[window, frame].tolist(), visibility[window, frame]
            sides = [side for side in ((LEFT_SHOULDER, LEFT_HIP), (RIGHT_SHOULDER, RIGHT_HIP)) if all(shown[[*side]])]
            if len(sides) < (2 if torso == "published" else 1):
                skipped += 1
                continue
            diameter = sum(math.dist(pose[shoulder], pose[hip]) for shoulder, hip in sides) / len(sides)
            for k in range(K):
                if shown[k]:
                    distance = math.dist(predicted[window, frame, k].tolist(), pose[k])
                    tally[k][0] += distance <= threshold * diameter
                    tally[k][1] += 1
    return tally, skipped


@pytest.mark.parametrize("torso", metrics.TORSO_RULES)
def test_agrees_with_a_naive_loop_on_random_data(torso: str) -> None:
    truth, predicted, visibility = random_case()
    counts = metrics.pck_counts(truth, predicted, visibility, THRESHOLDS, torso)
    for a, threshold in enumerate(THRESHOLDS):
        tally, skipped = naive_pck(truth, predicted, visibility, threshold, torso)
        assert counts.hits[a].tolist() == [tally[k][0] for k in range(K)]
        assert counts.totals.tolist() == [tally[k][1] for k in range(K)]
        assert counts.frames_skipped == skipped > (20 if torso == "published" else 1)
        assert counts.judged_share == pytest.approx(1 - skipped / (13 * 7))
    assert counts.frames == 13 * 7
    assert np.isnan(counts.per_keypoint()[:, 9]).all()
    assert np.isfinite(np.delete(counts.per_keypoint(), 9, axis=1)).all()


def test_counts_add_up_over_batches_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, predicted, visibility = random_case(1)
    whole = metrics.pck_counts(truth, predicted, visibility)
    error = metrics.acceleration_error(truth, predicted, visibility)
    monkeypatch.setattr("kerasmooth.metrics.arrays._CHUNK_FRAMES", 15)
    parts = [slice(0, 5), slice(5, 6), slice(6, 6), slice(6, 13)]
    pck = sum((metrics.pck_counts(truth[p], predicted[p], visibility[p]) for p in parts), metrics.PckCounts.zero())
    np.testing.assert_array_equal(pck.hits, whole.hits)
    np.testing.assert_array_equal(pck.totals, whole.totals)
    assert (pck.frames, pck.frames_skipped) == (whole.frames, whole.frames_skipped)
    sums = sum(
        (metrics.acceleration_error(truth[p], predicted[p], visibility[p]) for p in parts), metrics.KeypointSums.zero()
    )
    np.testing.assert_allclose(sums.sums, error.sums)
    np.testing.assert_array_equal(sums.counts, error.counts)


def test_frames_without_a_torso_are_skipped_and_counted() -> None:
    truth, visibility = person(torso=0)  # shoulders on hips: nothing to measure by
    counts = metrics.pck_counts(truth, truth, visibility)
    assert (counts.frames, counts.frames_skipped, counts.totals.sum()) == (1, 1, 0)
    assert np.isnan(counts.total()).all()
    assert np.isnan(counts.by_name()["nose"]).all()
    assert math.isnan(metrics.PckCounts.zero().judged_share)


def test_a_scorer_gives_the_same_shares_batch_by_batch_and_worker_by_worker() -> None:
    truth, predicted, visibility = random_case(5)
    scorers = [metrics.Scorer((0.1, 0.2)), metrics.Scorer((0.1, 0.2))]
    for worker, part in ((0, slice(0, 4)), (1, slice(4, 9)), (0, slice(9, 13))):
        scorers[worker].add(truth[part], predicted[part], visibility[part])
    padding = np.zeros((3, 7, K, 2), np.float32)  # the windows that fill up a last batch
    scorers[1].add(padding, padding, np.zeros((3, 7, K), bool))
    vectors: list[np.ndarray] = []
    scorers[0].result(lambda sums: vectors.append(sums) or sums)  # type: ignore[func-returns-value]
    scores = scorers[1].result(lambda sums: sums + vectors[0])
    whole = metrics.pck_counts(truth, predicted, visibility, (0.1, 0.2))
    assert list(scores) == ["pck@0.1", "pck@0.2", "frames_judged"]
    assert list(scores.values()) == pytest.approx([*whole.total(), whole.judged_share], abs=1e-12)


def test_a_scorer_that_judged_nothing_says_nan() -> None:
    assert all(math.isnan(score) for score in metrics.Scorer().result().values())


def test_a_prediction_that_is_not_finite_is_a_miss_and_an_error_without_end() -> None:
    truth, visibility = person()
    for bad in (np.nan, np.inf):
        predicted = truth.copy()
        predicted[0, 0, 0] = bad
        assert metrics.pck_counts(truth, predicted, visibility).hits[:, 0].tolist() == [0, 0, 0]
        assert not np.isfinite(metrics.end_point_error(truth, predicted, visibility).mean())
        hidden = visibility.copy()
        hidden[0, 0, 0] = False
        assert metrics.end_point_error(truth, predicted, hidden).mean() == 0


def test_image_pixels_are_the_same_functions_on_image_coordinates() -> None:
    truth, visibility = person(torso=20)
    predicted = truth + np.float32([1.2, 0])
    box, size = np.array([[[100.0, 50.0, 100 + 56 * 4, 50 + 40 * 2]]]), (40, 56)  # 4 x 2 pixels a cell
    in_pixels = [boxes.to_image(keypoints, box, size) for keypoints in (truth, predicted)]
    assert metrics.end_point_error(*in_pixels, visibility).mean() == pytest.approx(4.8)
    assert metrics.end_point_error(truth, predicted, visibility).mean() == pytest.approx(1.2, rel=1e-5)
    # 4.8 pixels of a torso of 40: beyond 0.1 there, though 1.2 cells of 20 are within.
    assert metrics.pck_counts(*in_pixels, visibility).total().tolist() == [0, 0, 1]
    assert metrics.pck_counts(truth, predicted, visibility).total().tolist() == [0, 1, 1]


def test_end_point_error_is_the_mean_distance() -> None:
    truth, predicted, visibility = random_case(2)
    expected = np.linalg.norm(predicted - truth, axis=-1)[visibility].mean()
    error = metrics.end_point_error(truth, predicted, visibility)
    assert error.mean() == pytest.approx(expected, rel=1e-5)
    assert error.counts.sum() == visibility.sum()
    ankles = [BOULDERING_25.index("left_ankle"), BOULDERING_25.index("right_ankle")]
    distances = np.linalg.norm(predicted - truth, axis=-1)[:, :, ankles][visibility[:, :, ankles]]
    assert error.by_name()["ankle"] == pytest.approx(distances.mean(), rel=1e-5)
    assert math.isnan(error.per_keypoint()[9])


def test_acceleration_of_known_motions() -> None:
    time = np.arange(6.0)[:, None, None]
    falling = np.concatenate([3 * time, 0.5 * 2 * time**2 + 1], axis=-1)[None] + np.zeros((1, 6, K, 2))
    assert metrics.acceleration(falling).mean() == pytest.approx(2)
    assert metrics.acceleration(falling).counts.tolist() == [4] * K
    uniform = np.concatenate([3 * time, 2 - time], axis=-1)[None] + np.zeros((1, 6, K, 2))
    visibility = np.ones((1, 6, K), bool)
    assert metrics.acceleration(uniform).mean() == pytest.approx(0, abs=1e-12)
    assert metrics.acceleration_error(falling, falling + 5, visibility).mean() == pytest.approx(0, abs=1e-12)
    assert metrics.acceleration_error(falling, uniform, visibility).mean() == pytest.approx(2)
    jumping = falling + np.array([1, -1, 1, -1, 1, -1])[None, :, None, None] * np.array([3 / 4, 1])
    assert metrics.acceleration_error(falling, jumping, visibility).mean() == pytest.approx(5)
    assert math.isnan(metrics.acceleration(falling[:, :2]).mean())


def test_acceleration_error_wants_three_visible_frames_in_a_row() -> None:
    truth, predicted, visibility = random_case(3)
    error, jitter = 0.0, 0.0
    count = 0
    for window, frame, k in np.ndindex(13, 5, K):
        if visibility[window, frame : frame + 3, k].all():
            a, b, c = predicted[window, frame : frame + 3, k].astype(float)
            d, e, f = truth[window, frame : frame + 3, k].astype(float)
            error += np.linalg.norm((a - 2 * b + c) - (d - 2 * e + f))
            jitter += np.linalg.norm(a - 2 * b + c)
            count += 1
    ours = metrics.acceleration_error(truth, predicted, visibility)
    assert ours.counts.sum() == count
    assert ours.mean() == pytest.approx(error / count)
    assert metrics.acceleration(predicted, visibility).mean() == pytest.approx(jitter / count)


def test_inputs_are_left_as_they_were() -> None:
    case = random_case(4)
    copies = [array.copy() for array in case]
    metrics.pck_counts(*case)
    metrics.end_point_error(*case)
    metrics.acceleration_error(*case)
    metrics.acceleration(case[1], case[2])
    for array, copy in zip(case, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_misuse_is_named() -> None:
    truth, visibility = person()
    with pytest.raises(ValueError, match=r"predicted.shape=\(1, 1, 24, 2\)"):
        metrics.pck_counts(truth, truth[:, :, :24], visibility)
    with pytest.raises(ValueError, match=r"shape=\(1, 25, 2\)"):
        metrics.end_point_error(truth[0], truth[0], visibility[0])
    with pytest.raises(ValueError, match="torso='both'"):
        metrics.pck_counts(truth, truth, visibility, torso="both")
    with pytest.raises(ValueError, match=r"\(\(0.1,\), 25\)"):
        metrics.PckCounts.zero((0.1,)) + metrics.PckCounts.zero()
    legs = type(PENN_ACTION_13)("legs", ("left_hip", "left_knee"), ())
    with pytest.raises(ValueError, match="skeleton=legs"):
        metrics.torso_diameter(truth[:, :, :2], visibility[:, :, :2], legs)
