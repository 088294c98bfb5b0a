import json
import math

import pytest

from kerasmooth.training.experiment import ExperimentConfig
from kerasmooth.training.schedule import Schedule


def after(losses: list[float], scores: list[float] | None = None) -> Schedule:
    schedule = Schedule.start(ExperimentConfig(learning_rate=1.0))
    for epoch, loss in enumerate(losses, start=1):
        schedule.update(epoch, loss, scores[epoch - 1] if scores else 0.0)
    return schedule


def test_the_rate_falls_after_five_epochs_without_a_lower_loss_and_again_after_five_more() -> None:
    assert after([3, 2] + [2] * 4).learning_rate == 1.0
    assert after([3, 2] + [2] * 5).learning_rate == pytest.approx(0.1)
    assert after([3, 2] + [2] * 9).learning_rate == pytest.approx(0.1)
    assert after([3, 2] + [2] * 10).learning_rate == pytest.approx(0.01)


def test_a_lower_loss_starts_the_count_anew() -> None:
    schedule = after([3, 3, 3, 3, 3, 2.9, 3, 3, 3, 3])
    assert schedule.learning_rate == 1.0
    assert schedule.lowest_loss == 2.9


def test_training_stops_after_ten_epochs_without_a_lower_loss() -> None:
    assert not after([1] + [1] * 9).should_stop
    assert after([1] + [1] * 10).should_stop
    assert not after([1] + [1] * 9 + [0.5]).should_stop


def test_the_best_epoch_is_the_first_of_the_highest_score_whatever_the_loss() -> None:
    schedule = after([1, 2, 3, 4], [0.1, 0.5, 0.5, 0.4])
    assert (schedule.best_epoch, schedule.best_score) == (2, 0.5)


def test_what_is_no_number_is_no_improvement_but_there_is_always_a_best_epoch() -> None:
    schedule = after([math.nan, math.nan, 1.0], [math.nan, math.nan, 0.1])
    assert schedule.best_epoch == 3
    assert schedule.lowest_loss == 1.0
    assert after([math.nan], [math.nan]).best_epoch == 1


def test_a_schedule_goes_through_json_without_losing_a_bit() -> None:
    for schedule in (after([]), after([0.1 + 0.2, 1 / 3], [0.1, 0.7])):
        assert Schedule.from_json(json.loads(json.dumps(schedule.to_json()))) == schedule
