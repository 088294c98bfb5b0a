import numpy as np
import pytest
from scipy import stats
from test_tables import example

from kerasmooth.evaluation.bootstrap import paired_bootstrap, video_of


def counts(hits: np.ndarray, totals: np.ndarray) -> dict[str, tuple[int, ...]]:
    return {f"video {i:03d}": (h, h, h, n) for i, (h, n) in enumerate(zip(hits.tolist(), totals.tolist(), strict=True))}


def test_the_interval_is_scipys_where_all_videos_are_equally_long() -> None:
    random = np.random.default_rng(0)
    totals = np.full(40, 200)
    better, worse = (random.binomial(totals, share) for share in (0.6, 0.5))
    found = paired_bootstrap(counts(better, totals), counts(worse, totals), draws=20_000)[1]
    reference = stats.bootstrap(((better - worse) / 200,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    assert found.mean == pytest.approx((better.sum() - worse.sum()) / totals.sum())
    interval = reference.confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.002)
    assert found.low > 0


def test_long_videos_count_for_more_and_few_videos_prove_little() -> None:
    totals = np.array([1000, 10, 10])
    one, other = counts(np.array([500, 10, 10]), totals), counts(np.array([510, 0, 0]), totals)
    found = paired_bootstrap(one, other)[0]
    assert found.mean == pytest.approx(10 / 1020)
    assert found.low < 0 < found.high
    same = paired_bootstrap(one, one)[0]
    assert (same.low, same.high) == (0, 0)


def test_only_videos_that_both_have_are_compared() -> None:
    one = {"a": (5, 6, 7, 10), "b": (0, 0, 0, 1000)}
    found = paired_bootstrap(one, {"a": (4, 4, 4, 10), "c": (9, 9, 9, 9)})
    assert [round(each.mean, 9) for each in found] == [0.1, 0.2, 0.3]


def test_videos_of_an_evaluation_add_up_to_its_score() -> None:
    row = example(("penn_action", "brace")).scores.rows["bias_only"]
    assert list(row.videos) == ["brace/clip", "penn_action/clip"]
    *hits, total = np.sum([*row.videos.values()], axis=0)
    np.testing.assert_allclose(np.array(hits) / total, row.tracks["cells"], atol=1e-6)


def test_clips_of_one_video_count_as_one() -> None:
    ids = [b"brace/2011/abc/abc_1-90_powermove/12", b"brace/2011/abc/abc_95-99_powermove", b"penn_action/0001"]
    assert [video_of(clip_id) for clip_id in ids] == ["brace/2011/abc", "brace/2011/abc", "penn_action/0001"]
