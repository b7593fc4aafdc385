"""The order of things in a run, with a step that only pretends."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tfsent.config import (
    CheckpointConfig,
    LogConfig,
    RunConfig,
    TrainingConfig,
)
from tfsent.data.batches import Batch
from tfsent.training.counters import RunCounters
from tfsent.training.loop import DivergedError, total_steps, train
from tfsent.training.results import Score, StepResult

STEPS = 12


class Log:
    """Keeps what is logged."""

    def __init__(self):
        self.trained = []
        self.validated = []

    def train(self, step, **values):
        self.trained.append((step, values))

    def val(self, step, **values):
        self.validated.append((step, values["bpc"]))


class Run(RunCounters):
    """Counters and, for the carried state, the number of updates."""

    def __init__(self, step=0):
        super().__init__()
        self.step = self.carried = step


def result(bpc=2.0, finite=True, scale=1.0):
    return StepResult(bpc, 1.0, finite, 1e-3, scale)


class Trial:
    """One call of `train`, whose steps, validations and signals are given.

    Saves are kept as (step, best, best BPC, owed validation).
    """

    def __init__(self, run=None, results=None, bpc=None, signal_in=None):
        self.run = run or Run()
        self.log = Log()
        self.stop = SimpleNamespace(signal=None)
        self.saves = []
        self.results = results or {}
        self.bpc = bpc or {}
        self.signal_in = signal_in
        self.validations = []

    def update(self, batch):
        step = self.run.step
        assert int(batch.bytes_BT1[0, 0]) == step == self.run.carried
        self.run.carried += 1
        if self.signal_in == ("step", step + 1):
            self.stop.signal = 15
        return self.results.get(step + 1, result(bpc=float(step + 1)))

    def validate(self):
        self.validations.append(self.run.step)
        if self.signal_in == ("validation", self.run.step):
            self.stop.signal = 15
        return Score(self.bpc.get(self.run.step, 3.0), 100, 0.1)

    def save(self, best):
        run = self.run
        self.saves.append((run.step, best, run.best_val_bpc, run.owes_validation))

    def train(self, checks=4, saves=5, logs=3, validates=True, precision="float32"):
        config = RunConfig(
            training=TrainingConfig(batch_size=1, window=2, eval_interval=checks),
            checkpoint=CheckpointConfig(interval=saves),
            log=LogConfig(interval=logs),
            precision=precision,
        )
        batches = SimpleNamespace(
            batch=lambda step: Batch(np.full((1, 3), step), np.zeros((1, 2), bool))
        )
        return train(
            self.run,
            self.update,
            batches,
            config,
            self.log,
            steps=STEPS,
            validate=self.validate if validates else None,
            on_checkpoint=self.save,
            stop=self.stop,
        )


def test_run_logs_validates_and_saves_at_its_intervals_and_at_the_end():
    trial = Trial()
    assert trial.train(validates=True).finished
    assert [step for step, _ in trial.log.validated] == [4, 8, 12]
    # Every third step, and before each validation (4, 8) and save (5, 10).
    assert [step for step, _ in trial.log.trained] == [3, 4, 5, 6, 8, 9, 10, 12]
    assert [step for step, *_ in trial.saves] == [4, 5, 10, 12]
    assert trial.run.step == trial.run.carried == STEPS


def test_intervals_of_0_leave_the_end():
    trial = Trial()
    trial.train(checks=0, saves=0, logs=100)
    assert trial.validations == [12]
    assert [step for step, *_ in trial.saves] == [12]
    assert [step for step, _ in trial.log.trained] == [12]


def test_logged_bpc_is_the_mean_since_the_line_before():
    trial = Trial()
    trial.train(validates=False, saves=0, logs=5)
    found = [(step, values["bpc"]) for step, values in trial.log.trained]
    assert found == [(5, 3.0), (10, 8.0), (12, 11.5)]
    assert [values["bytes_seen"] for _, values in trial.log.trained] == [10, 20, 24]
    assert trial.run.recent_bpc == [float(step) for step in range(1, 13)]


def test_only_a_lower_validation_score_is_the_best():
    trial = Trial(bpc={4: 3.0, 8: 2.0, 12: 2.0})
    trial.train(saves=0)
    assert [(step, best) for step, best, *_ in trial.saves] == [
        (4, True),
        (8, True),
        (12, False),
    ]
    assert trial.run.best_val_bpc == 2.0


def test_best_score_of_an_earlier_start_counts():
    run = Run(step=6)
    run.best_val_bpc = 1.0
    trial = Trial(run)
    trial.train(saves=0)
    assert [(step, best) for step, best, *_ in trial.saves] == [(12, False)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_loss_that_is_no_number_stops_before_anything_is_saved(bad, precision):
    trial = Trial(results={7: result(bpc=bad)})
    with pytest.raises(DivergedError, match="^step 7: .*optimizer.learning_rate"):
        trial.train(logs=100, saves=1, validates=False, precision=precision)
    assert [step for step, *_ in trial.saves] == [1, 2, 3, 4, 5, 6]


def test_gradient_that_is_not_finite_stops_too():
    trial = Trial(results={7: result(finite=False)})
    with pytest.raises(DivergedError, match="^step 7: "):
        trial.train(logs=100, saves=8, validates=False)
    assert trial.saves == []


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_validation_that_is_no_number_stops_before_it_is_saved(bad):
    trial = Trial(bpc={8: bad})
    with pytest.raises(DivergedError, match="^step 8: validation"):
        trial.train(saves=4)
    assert [step for step, *_ in trial.saves] == [4]
    assert trial.run.best_val_bpc == 3.0


def overflows(*steps):
    return {step: result(bpc=math.nan, finite=False, scale=2.0) for step in steps}


def test_ten_overflows_in_a_row_stop_a_scaled_run():
    trial = Trial(results=overflows(*range(2, 12)))
    with pytest.raises(DivergedError, match="^step 11: 10 steps in a row overflowed"):
        trial.train(validates=False, precision="mixed_float16")


def test_nine_overflows_in_a_row_do_not_and_stay_out_of_the_mean():
    trial = Trial(results=overflows(*range(2, 11)))
    trial.train(validates=False, saves=0, logs=12, precision="mixed_float16")
    [(_, values)] = trial.log.trained
    assert values["bpc"] == (1 + 11 + 12) / 3
    assert trial.run.recent_bpc == [1.0, 11.0, 12.0]


def test_a_step_between_overflows_begins_the_count_anew():
    trial = Trial(results=overflows(*range(1, 7), *range(8, 13)))
    assert trial.train(validates=False, precision="mixed_float16").finished


def test_overflows_are_counted_across_log_lines():
    trial = Trial(results=overflows(*range(2, 12)))
    with pytest.raises(DivergedError):
        trial.train(validates=False, logs=1, saves=1, precision="mixed_float16")


def test_signal_during_a_step_saves_it_and_ends_the_run():
    trial = Trial(signal_in=("step", 7))
    assert not trial.train(saves=0, logs=100).finished
    assert trial.saves[-1][0] == trial.run.step == 7
    assert trial.log.trained[-1][0] == 7


def test_signal_during_a_validation_saves_the_step_and_drops_the_score():
    trial = Trial(signal_in=("validation", 8), bpc={8: 0.5})
    assert not trial.train(saves=0).finished
    assert trial.saves[-1] == (8, False, 3.0, True)
    assert trial.log.validated == [(4, 3.0)]


def test_validation_that_a_signal_prevented_is_made_first_on_resume():
    stopped = Trial(signal_in=("step", 8), bpc={4: 3.0, 8: 0.5})
    stopped.train(saves=0)
    assert stopped.validations == [4]
    assert stopped.saves[-1] == (8, False, 3.0, True)
    resumed = Trial(stopped.run, bpc={8: 0.5})
    assert resumed.train(saves=0).finished
    assert resumed.log.validated == [(8, 0.5), (12, 3.0)]
    assert resumed.saves == [(8, True, 0.5, False), (12, False, 0.5, False)]


def test_signal_during_an_owed_validation_changes_nothing():
    run = Run(step=8)
    run.owes_validation = True
    trial = Trial(run, signal_in=("validation", 8))
    assert not trial.train(saves=1).finished
    assert trial.saves == []
    assert (run.step, run.owes_validation) == (8, True)


def test_run_that_has_no_step_left_has_no_rate():
    trial = Trial(Run(step=STEPS))
    outcome = trial.train()
    assert outcome.finished
    assert math.isnan(outcome.bytes_per_s)
    assert trial.saves == []


def test_length_is_in_steps_or_in_epochs_of_the_text():
    batches = SimpleNamespace(steps_per_epoch=7)

    def length(**settings):
        return total_steps(RunConfig(training=TrainingConfig(**settings)), batches)

    assert length(steps=3) == 3
    assert length(epochs=2.5) == 18
    assert length(epochs=0.01) == 1
    assert length() == 7
