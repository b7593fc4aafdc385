import signal

import numpy as np
import pytest

from tests.supervised.linear_learner import LinearLearner
from tfsent.config_supervised import LearnerConfig
from tfsent.supervised.fit import Encoded, Fitting, Saved, outputs
from tfsent.supervised.reader import Padding
from tfsent.supervised.task import Task
from tfsent.training.stop import StopRequest

TASK = Task("binary", ("bad", "good"))


def texts(count, seed, noise=0.0):
    """Return texts in which word 3 is bad, word 4 is good, the others say nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    ids = []
    for label in labels:
        words = rng.choice([2, 5, 6], rng.integers(1, 6))
        told = 3 + (label if rng.random() >= noise else 1 - label)
        ids.append(np.append(words, told).astype(np.int32))
    return Encoded(ids, labels)


def fitting(learner, save=lambda *_: None, stop=None, noise=0.0, **settings):
    config = LearnerConfig(**{"learning_rate": 2.0, "batch_size": 8} | settings)
    return Fitting(
        learner,
        TASK,
        texts(61, 0, noise),
        texts(23, 1),
        config,
        Padding("after", None),
        5,
        save,
        stop=stop or StopRequest(),
    )


def test_planted_words_are_learnt():
    learner = LinearLearner()
    progress = fitting(learner, epochs=5).run()
    assert progress.best == 1.0
    weights = learner.weights()["embedding/weight"]
    assert weights[3, 0] > weights[3, 1]
    assert weights[4, 0] < weights[4, 1]


def test_best_weights_are_left_in_the_learner():
    learner = LinearLearner()
    seen = []

    def save(progress, weights, best, optimizer):
        last = progress.history[-1]
        seen.append(((last["val_accuracy"], -last["val_loss"]), weights))

    fitting(learner, save, epochs=4, noise=0.4, learning_rate=9.0, patience=99).run()
    assert len({score for score, _ in seen}) > 1
    best = max(seen, key=lambda one: one[0])[1]
    for name, value in learner.weights().items():
        np.testing.assert_array_equal(value, best[name])


def test_training_ends_when_patience_is_used_up():
    learner = LinearLearner()
    progress = fitting(learner, epochs=90, patience=2, eval_interval=3).run()
    first = next(h for h in progress.history if h["val_accuracy"] == progress.best)
    assert progress.updates == first["update"] + 6


def test_of_equal_scores_the_smaller_loss_is_kept():
    learner = LinearLearner()
    progress = fitting(learner, epochs=9, patience=99).run()
    tied = [h for h in progress.history if h["val_accuracy"] == progress.best]
    assert len(tied) > 1
    kept = min(tied, key=lambda h: h["val_loss"])
    assert progress.best_update == kept["update"]


def test_filler_rows_and_order_do_not_reach_the_outputs():
    learner = LinearLearner()
    fitting(learner, epochs=2).run()
    ids = texts(13, 3).ids
    alone = np.concatenate([outputs(learner, [text]) for text in ids])
    np.testing.assert_allclose(outputs(learner, ids, batch_size=4), alone, rtol=1e-6)


def test_chain_thaw_begins_each_stage_from_the_best_weights():
    learner = LinearLearner()
    fitting(learner, epochs=1, thaw="chain-thaw").run()
    begun = [call[1] for call in learner.calls if call[0] == "begin"]
    assert begun == [
        ("output/weight",),
        ("embedding/weight",),
        ("embedding/weight", "output/weight"),
    ]


def test_dropout_never_draws_the_same_number_twice():
    learner = LinearLearner()
    fitting(learner, epochs=2, thaw="chain-thaw").run()
    numbers = [call[2] for call in learner.calls if call[0] == "update"]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("thaw", ["full", "chain-thaw"])
@pytest.mark.parametrize("after", [1, 9, 14, 20])
def test_stopped_training_goes_on_to_the_same_weights(after, thaw):
    settings = {"epochs": 2.5, "eval_interval": 5, "thaw": thaw, "noise": 0.3}
    whole = LinearLearner()
    expected = fitting(whole, **settings).run()

    class Stopping(LinearLearner):
        def update(self, *args):
            if len([c for c in self.calls if c[0] == "update"]) == after - 1:
                stop.signal = signal.SIGTERM
            return super().update(*args)

    stop, kept = StopRequest(), []
    learner = Stopping()
    with pytest.raises(SystemExit) as left:
        fitting(learner, lambda *state: kept.append(state), stop, **settings).run()
    assert left.value.code == 143
    again = LinearLearner()
    progress = fitting(again, **settings).run(Saved(*kept[-1]))
    for name, value in whole.weights().items():
        np.testing.assert_array_equal(again.weights()[name], value)
    assert progress.best == expected.best
    assert progress.updates == expected.updates
    assert [h["val_accuracy"] for h in progress.history] == [
        h["val_accuracy"] for h in expected.history
    ]


def test_loss_that_is_not_finite_ends_with_advice():
    class Broken(LinearLearner):
        def update(self, *args):
            super().update(*args)
            return float("nan")

    with pytest.raises(ValueError, match="smaller learner.learning_rate"):
        fitting(Broken(), epochs=1).run()


def test_rarer_class_weighs_more_where_asked():
    learner = LinearLearner()
    seen = []

    class Watching(LinearLearner):
        def update(self, batch, rate, number):
            seen.append(batch)
            return super().update(batch, rate, number)

    learner = Watching()
    fitting(learner, epochs=1, class_weights="balanced").run()
    weights = {
        (int(label), float(weight))
        for batch in seen
        for label, weight, row in zip(
            batch.labels, batch.weight_N, batch.rows, strict=True
        )
        if row >= 0
    }
    counts = np.bincount(texts(61, 0).labels)
    assert weights == {(c, float(np.float32(61 / 2 / counts[c]))) for c in (0, 1)}
