"""A profile is read from detections: its parameters are recovered from detections that were simulated with it."""

import numpy as np
import pytest

from kerasmooth.clip import PoseClip
from kerasmooth.noise import DetectorNoise, NoiseProfile
from kerasmooth.noise.fit import fit_noise
from kerasmooth.noise.pairs import Pairs, pairs_of_clip, pairs_of_tables
from kerasmooth.pose_table import PoseTable
from kerasmooth.sample.detector import KeypointHead, detect
from kerasmooth.skeletons import BOULDERING_25

SIZE, FRAMES, K = (300, 300), 300, BOULDERING_25.num_keypoints
SCALE = tuple(np.linspace(0.6, 1.5, K).round(3).tolist())


def simulated(people: int = 30, scalar: float = 1.0, **profile: object) -> list[Pairs]:
    """People whose keypoints lie far apart and from the border."""
    noise = DetectorNoise(shifting_scalar=scalar, profile=NoiseProfile(**profile))
    random = np.random.default_rng(0)
    start = random.uniform(60, 240, (people, 1, K, 2))
    truth = (start + np.cumsum(random.normal(0, 0.5, (people, FRAMES, K, 2)), axis=1)).astype(np.float32)
    keys, numbers = np.arange(people, dtype=np.uint32), np.tile(np.arange(FRAMES), (people, 1))
    seen = noise.simulate(truth, np.ones(truth.shape[:3], bool), keys, numbers, SIZE)
    detected = np.where(seen["visibility"][..., None], seen["keypoints"], np.nan)
    confidence = np.repeat(1 - seen["sigma_index"][..., None] / 10, K, axis=-1)
    return [Pairs(*one) for one in zip(detected.astype(np.float64), truth.astype(np.float64), confidence, strict=True)]


def test_a_mixture_of_everything_is_recovered() -> None:
    """Within 5 % of the deviation, 10 % of a scale, 0.05 of correlation and growth, 20 % of probabilities, a frame."""
    events = {"burst_probability": 0.05, "burst_size": 5.0, "burst_frames": 6}
    events |= {"dropout_probability": 0.08, "dropout_frames": 4, "exchange_probability": 0.04, "exchange_frames": 8}
    true = NoiseProfile(deviation=1.5, scale=SCALE, correlation=0.7, width_factor=0.2, **events)
    fit = fit_noise(simulated(**true.model_dump()))
    found = fit.profile
    size = true.deviation * np.sqrt(np.mean(np.square(SCALE)))
    assert found.deviation == pytest.approx(size, rel=0.05)
    np.testing.assert_allclose(np.array(found.scale) * found.deviation, 1.5 * np.array(SCALE), rtol=0.1)
    assert found.correlation == pytest.approx(0.7, abs=0.05)
    assert found.width_factor == pytest.approx(0.2, abs=0.05)
    assert found.burst_size * found.deviation == pytest.approx(5.0 * 1.5, rel=0.1)
    for name in ("burst", "dropout", "exchange"):
        probability, frames = f"{name}_probability", f"{name}_frames"
        assert getattr(found, probability) == pytest.approx(getattr(true, probability), rel=0.2), name
        assert abs(getattr(found, frames) - getattr(true, frames)) <= 1, name
    np.testing.assert_allclose(fit.correlation[2:4], [0.7**2, 0.7**3], atol=0.05)


def test_the_published_noise_is_recovered_as_such_at_any_size() -> None:
    for scalar in (0.3, 1.0, 2.0):
        found = fit_noise(simulated(people=10, scalar=scalar)).profile
        assert found.deviation == pytest.approx(2.95 * scalar, rel=0.03)
        assert found.correlation < 0.03
        assert found.width_factor < 0.02
        assert (found.burst_probability, found.dropout_probability, found.exchange_probability) == (0, 0, 0)


def test_a_bias_is_no_noise_and_what_nobody_knows_has_the_usual_scale() -> None:
    pairs = simulated(people=10)
    for one in pairs:
        one.detected[:, 3] += (4.0, -2.0)
        one.truth[:, 7] = np.nan
    fit = fit_noise(pairs)
    np.testing.assert_allclose(fit.bias[3], [4, -2], atol=0.3)
    np.testing.assert_allclose(fit.profile.scale, 1, atol=0.08)
    assert fit.profile.scale[7] == 1
    assert np.isnan(fit.deviation[7])
    with pytest.raises(ValueError, match="no keypoint has 30 detections"):
        fit_noise([Pairs(one.detected * np.nan, one.truth) for one in pairs])


def test_what_annotators_leave_as_it_was_or_leave_out_is_no_noise() -> None:
    """Truth that is the detection itself, in every second frame, of keypoints that the detector does not know."""
    pairs = simulated(people=10)
    for one in pairs:
        one.truth[:, 3] = one.detected[:, 3]
        one.truth[1::2] = np.nan
        one.detected[:, 7] = np.nan
    found = fit_noise(pairs).profile
    assert found.deviation == pytest.approx(2.95 * np.sqrt(23 / 24), rel=0.01), "of 24 keypoints one never errs"
    assert found.scale[3] < 0.01
    assert (found.correlation, found.dropout_probability, found.burst_probability) == (0, 0, 0)
    perfect = [Pairs(one.truth, one.truth, one.confidence) for one in simulated(people=3)]
    assert fit_noise(perfect).profile == NoiseProfile(deviation=0.01, scale=(1.0,) * K)


def test_a_generated_detector_is_read_from_its_heatmaps() -> None:
    """Drift and jitter are independent: their variances add; what is new in every frame forgets at once."""
    random, head = np.random.default_rng(1), KeypointHead(secondary_share=0.02, confusion_share=0.0, miss_share=0.05)
    boxes = np.tile((100.0, 50.0, 212.0, 162.0), (150, 1))
    pairs = []
    for number in range(3):
        truth = random.uniform((120, 70), (192, 142), (1, K, 2)) + np.zeros((150, 1, 1))
        heatmaps = np.moveaxis(detect(truth, boxes, head, random).heatmaps, 1, -1)
        shown, numbers = np.ones((150, K), bool), np.arange(150)
        name = f"climbalong/{number}"
        pairs.append(pairs_of_clip(PoseClip(name, name, truth, shown, boxes, numbers, heatmaps=heatmaps)))
    found = fit_noise(pairs).profile
    variance = head.drift_std**2 + head.jitter_std**2
    names = ("shoulder", "elbow", "thumb")
    for name, difficulty in zip(names, (0.8, 1.0, 1.2), strict=True):
        scale = found.scale[BOULDERING_25.index(f"left_{name}")]
        assert scale * found.deviation == pytest.approx(difficulty * variance**0.5, rel=0.2), name
    assert found.correlation == pytest.approx(head.drift_correlation * head.drift_std**2 / variance, abs=0.07)
    assert found.dropout_probability == pytest.approx(0.05, abs=0.015)
    assert abs(found.dropout_frames - head.run_length) <= 1


def test_people_of_two_files_are_matched_by_where_they_are() -> None:
    random, frames = np.random.default_rng(2), np.repeat(np.arange(5, 45), 2)
    truth = random.uniform(0, 100, (80, K, 2)) + 300 * (np.arange(80) % 2)[:, None, None]
    order = frames * 2 + np.where(
        frames % 3 == 0, 1 - np.arange(80) % 2, np.arange(80) % 2
    )  # sometimes the other first
    rows = np.argsort(order)
    seen = (truth + (1.0, 0.0))[rows][1:]  # the first frame lacks a person
    table = {"confidence": np.ones((80, K)), "frame_numbers": np.arange(5, 45), "skeleton": BOULDERING_25}
    true = PoseTable(frames=frames, people=np.arange(80) % 2, keypoints=truth, **table)
    nobody = {"people": np.full(79, -1), "confidence": np.ones((79, K))}
    found = pairs_of_tables(PoseTable(**table | nobody | {"frames": frames[1:], "keypoints": seen}), true)
    assert [one.detected.shape for one in found] == [(40, K, 2)] * 2
    for one in found:
        error = one.detected - one.truth
        there = np.isfinite(error).all(axis=-1)
        assert there.all(axis=1).sum() >= 39
        np.testing.assert_allclose(error[there][:, 1], 0, atol=1e-9)
        assert (error[there][:, 0] > 0.4).all()
    assert sum(int(np.isnan(one.detected).all(axis=(1, 2)).sum()) for one in found) == 1
