import dataclasses
import json
import math

import pytest

from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.state import RunState

CONFIG = TrainingConfig(learning_rate=1.0)


def after(losses: list[float], scores: list[float] | None = None) -> RunState:
    """The state after epochs of these validation losses and scores."""
    state = RunState("records")
    for loss, score in zip(losses, scores or [0.0] * len(losses), strict=True):
        state.end_epoch({"val_loss": loss, "val_pck@0.2": score, "val_pck@0.05": 1 - score, "seconds": 1.0})
    return state


def rate(losses: list[float]) -> float:
    return after(losses).learning_rate(CONFIG, 1)


def test_the_rate_falls_after_five_epochs_without_a_lower_loss_and_again_after_five_more() -> None:
    assert rate([3, 2] + [2] * 4) == 1.0
    assert rate([3, 2] + [2] * 5) == pytest.approx(0.1)
    assert rate([3, 2] + [2] * 9) == pytest.approx(0.1)
    assert rate([3, 2] + [2] * 10) == pytest.approx(0.01)
    assert rate([3, 3, 3, 3, 3, 2.9, 3, 3, 3, 3]) == 1.0


def test_the_rate_warms_up_over_steps_of_the_run_not_of_an_epoch() -> None:
    config, state = CONFIG.replace(warmup_steps=4), after([3.0])
    rates = []
    for state.step in range(3):
        rates.append(state.learning_rate(config, 2))
    assert rates == [0.75, 1.0, 1.0]


def test_training_stops_after_ten_epochs_without_a_lower_loss() -> None:
    assert not after([1] + [1] * 9).why_finished(CONFIG)
    assert "--patience_stop" in after([1] + [1] * 10).why_finished(CONFIG)
    assert "--patience_stop" in after([math.nan] * 10).why_finished(CONFIG)
    assert not after([1] + [1] * 9 + [0.5]).why_finished(CONFIG)


def test_the_best_epoch_is_the_first_of_the_highest_score_whatever_the_loss() -> None:
    state = after([1, 2, 3, 4], [0.1, 0.5, 0.5, 0.4])
    assert state.best_epoch(CONFIG) == 2
    assert state.best_epoch(CONFIG.replace(best_by=0.05)) == 1


def test_what_is_no_number_is_no_improvement_but_there_is_always_a_best_epoch() -> None:
    state = after([math.nan, math.nan, 1.0], [math.nan, math.nan, 0.1])
    assert state.best_epoch(CONFIG) == 3
    assert state.learning_rate(CONFIG.replace(patience_lr=2), 1) == pytest.approx(0.1)
    assert after([math.nan], [math.nan]).best_epoch(CONFIG) == 1


def test_a_state_goes_through_json_without_losing_a_bit() -> None:
    for state in (after([]), after([0.1 + 0.2, 1 / 3], [0.1, 0.7])):
        assert RunState(**json.loads(json.dumps(dataclasses.asdict(state)))) == state
