import numpy as np
import pytest

from tests import reference_language_classifier as reference
from tests.compare.language_cases import CASES, LENGTHS, batch, learners, weights_for
from tests.tolerances import (
    LANGUAGE_FEATURE_F32,
    LANGUAGE_GRADIENT_F32,
    LANGUAGE_LOSS_F32,
    LANGUAGE_UPDATES_F32,
)
from tfsent.supervised.language import (
    CENTER,
    SCALE,
    center_and_scale,
    real_texts,
    with_a_byte,
)
from tfsent.supervised.task import Task

FRAMEWORKS = pytest.mark.parametrize("framework", [0, 1], ids=["keras", "torch"])
STEP = 1e-5


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def trained_features(learner, given):
    """Return the features of a batch's texts as an update computes them."""
    model, given = learner.model, with_a_byte(given)
    if hasattr(model, "eval"):
        model = model.eval().language_model
        pooled, _ = model.features(
            given.words_NT, _tensor(given.mask_NT), _parts(learner)
        )
        rows = np.concatenate([p.detach().numpy() for p in pooled], axis=1)
    else:
        data, mask = learner._filled_up(given)
        pooled, _ = model.language_model.features(data, mask, _parts(learner))
        rows = np.concatenate([p.numpy() for p in pooled], axis=1)
    return rows[given.rows >= 0]


def gradients(learner):
    """Return the gradient of each weight after one update by momentum at rate 1.

    What momentum keeps is minus the gradient, to the last bit; weights round it off.
    """
    ((_, names, optimizer),) = getattr(learner, "_optimizers", None) or learner._rules
    if hasattr(optimizer, "momentums"):
        return {
            n: -np.array(m) for n, m in zip(names, optimizer.momentums, strict=True)
        }
    places = learner._layout.twin_names()
    arrays = {n: np.zeros(p.shape) for n, p in learner.model.named_parameters()}
    for name, kept in zip(names, optimizer.slots[0], strict=True):
        arrays[places[name]] = -kept.numpy()
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    ours = learner._layout.to_ours(arrays)
    return {name: ours[name] for name in names}


def _tensor(array):
    import torch

    return torch.from_numpy(array)


def _parts(learner):
    return learner._reader.triples


@FRAMEWORKS
@pytest.mark.parametrize("case", CASES)
def test_training_reads_the_feature_that_featurize_gives(case, framework):
    learner = learners(case)[framework]
    given = batch(lengths=(131 if case == "lstm" else 59, 3, 1), filler=2)
    inference = np.asarray(
        learner._read.features(real_texts(given), learner._reader.feature)
    )
    together = trained_features(learner, given)
    assert LANGUAGE_FEATURE_F32.value > relative(together, inference)
    for n, text in enumerate(real_texts(given)):
        alone = batch(lengths=(len(text),), filler=0, more=0)
        data = np.frombuffer(text, np.uint8)[None].astype(np.int32)
        row = trained_features(learner, alone._replace(words_NT=data))[0]
        assert np.abs(row - inference[n]).max() < (
            LANGUAGE_FEATURE_F32.value * np.abs(inference).max()
        )


@FRAMEWORKS
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_texts_read_alone_in_float64(case, framework):
    learner = learners(case, optimizer="momentum")[framework]
    given, start = batch(), learner.weights()
    model, encoder = CASES[case][0], learner._encoder
    exact = {name: array.astype("f8") for name, array in start.items()}
    texts = [np.frombuffer(text, np.uint8) for text in real_texts(given)]

    def loss():
        labels = given.labels[: len(LENGTHS)]
        return reference.loss(
            model.cell, encoder, exact, _parts(learner), texts, labels, 3
        )

    learner.begin(learner.names)
    found = learner.update(given, 1.0, 0)
    assert abs(found - loss()) < LANGUAGE_LOSS_F32.value
    rng = np.random.default_rng(1)
    for name, slopes in gradients(learner).items():
        moved = slopes.ravel()
        assert np.abs(moved).max() > 0, name
        flat = exact[name].reshape(-1)
        for at in {int(np.abs(moved).argmax()), *rng.integers(0, len(flat), 2)}:
            value, sides = flat[at], []
            for step in (STEP, -STEP):
                flat[at] = value + step
                sides.append(loss())
            flat[at] = value
            slope = (sides[0] - sides[1]) / (2 * STEP)
            error = abs(moved[at] - slope) / np.abs(moved).max()
            assert error < LANGUAGE_GRADIENT_F32.value, (name, at)


@pytest.mark.parametrize("case", ["mlstm", "lstm"])
def test_losses_agree_over_a_hundred_updates(case):
    pair = learners(case, optimizer="adam", clip_norm=1.0, encoder={"rate_factor": 0.3})
    losses = []
    for learner in pair:
        learner.begin(learner.names)
        losses.append(
            [learner.update(batch((9, 2, 5), seed=k % 7), 0.01, k) for k in range(100)]
        )
    assert np.abs(np.subtract(*losses)).max() < LANGUAGE_UPDATES_F32.value
    assert losses[0][-1] < 0.95 * losses[0][0]


@FRAMEWORKS
def test_padding_and_neighbours_change_no_update(framework):
    learner = learners("lstm", optimizer="momentum")[framework]
    learner.begin(learner.names)
    start, still = learner.weights(), learner.state()
    source, moved = batch(filler=0, more=0), []
    for given in (source, batch(filler=3, more=40)):
        learner.set_weights(start)
        learner.set_state(still)
        # The same texts in both; all that differs is what stands around them.
        data = given.words_NT.copy()
        data[: len(LENGTHS), : source.words_NT.shape[1]] = source.words_NT
        labels = given.labels.copy()
        labels[: len(LENGTHS)] = source.labels
        learner.update(given._replace(words_NT=data, labels=labels), 1.0, 0)
        moved.append(gradients(learner))
    for name, move in moved[0].items():
        assert relative(moved[1][name], move) < LANGUAGE_GRADIENT_F32.value, name


@FRAMEWORKS
def test_logits_of_heads_are_averaged_not_their_probabilities(framework):
    task = Task("binary", ("no", "yes"))
    learner = learners("lstm", task)[framework]
    weights = learner.weights()
    for name in ("heads/output/weight", "heads/output/bias"):
        weights[name] = np.zeros_like(weights[name])
    # The first head says 8 and 0, the second -2 and 0.
    weights["heads/output/bias"] = np.array([8.0, 0.0, -2.0, 0.0], np.float32)
    learner.set_weights(weights)
    said_NK = learner.outputs(batch())[: len(LENGTHS)]
    np.testing.assert_allclose(said_NK, np.tile([3.0, 0.0], (3, 1)), atol=1e-6)
    told = task.predictions(said_NK)
    np.testing.assert_allclose(told, 1.0 / (1.0 + np.exp(3.0)), rtol=1e-6)


@FRAMEWORKS
def test_frozen_language_model_stays_as_it_is(framework):
    learner = learners("mlstm", weight_decay=0.1, max_norm=0.3)[framework]
    start = learner.weights()
    heads = [name for name in learner.names if name.startswith("heads/")]
    learner.begin(heads)
    heads = [name for name in heads if name not in (CENTER, SCALE)]
    learner.update(batch(), 0.05, 0)
    after = learner.weights()
    moved = [n for n in start if not np.array_equal(start[n], after[n])]
    assert moved == heads
    norms = np.linalg.norm(after["heads/output/weight"], axis=0)
    assert norms.max() <= 0.3 * (1 + 1e-5)


@FRAMEWORKS
def test_rate_factor_slows_the_language_model_alone(framework):
    moves = []
    for factor in (1.0, 0.25):
        encoder = {"rate_factor": factor}
        learner = learners("lstm", encoder=encoder, optimizer="sgd")[framework]
        start = learner.weights()
        learner.begin(learner.names)
        learner.update(batch(), 1.0, 0)
        after = learner.weights()
        moves.append({n: np.abs(after[n] - start[n]).max() for n in start})
    for name, whole in moves[0].items():
        if name in (CENTER, SCALE):
            assert whole == 0.0
            continue
        share = 1.0 if name.startswith("heads/") else 0.25
        assert moves[1][name] == pytest.approx(share * whole, rel=1e-3), name


@FRAMEWORKS
def test_dropout_depends_on_the_number_of_the_update_alone(framework):
    learner = learners("tanh", encoder={"dropout": 0.5})[framework]
    learner.begin(learner.names)

    def loss(number):
        return learner.update(batch(), 0.0, number)

    assert loss(3) == loss(3)
    assert loss(3) != loss(4)


@FRAMEWORKS
def test_optimizer_state_goes_on_bit_for_bit(framework):
    def make():
        encoder = {"rate_factor": 0.5}
        learner = learners("tanh", encoder=encoder, optimizer="adam")[framework]
        learner.begin(learner.names)
        return learner

    whole, begun, again = make(), make(), make()
    for learner in (whole, begun):
        for k in range(3):
            learner.update(batch(seed=k), 0.01, k)
    again.set_weights(begun.weights())
    again.set_state(begun.state())
    for learner in (whole, again):
        learner.update(batch(seed=9), 0.01, 3)
    for name, array in whole.weights().items():
        np.testing.assert_array_equal(again.weights()[name], array)


@pytest.mark.parametrize("case", CASES)
def test_weights_come_back_from_the_twin_bit_for_bit(case):
    keras, twin = learners(case)
    assert sorted(keras.weights()) == sorted(twin.weights())
    weights = weights_for(keras, seed=5)
    twin.set_weights(weights)
    for name, array in twin.weights().items():
        np.testing.assert_array_equal(array, weights[name])


def test_lengths_in_between_are_not_compiled_anew():
    learner, _ = learners("tanh")
    learner.begin(learner.names)
    from tfsent.model.recurrence import _forward, compiled

    program = compiled(
        _forward, learner.model.language_model.recurrent_layers[0].equations
    )
    counts = []
    for length in (5, 31, 64):
        learner.update(batch((length, 2), seed=length), 0.01, 0)
        counts.append(program.experimental_get_tracing_count())
    assert len(set(counts)) == 1
    shapes = {learner._filled_up(batch((n, 2)))[0].shape for n in (3, 31, 62)}
    assert len(shapes) == 1


@FRAMEWORKS
def test_feature_of_training_texts_comes_to_mean_0_and_deviation_1(framework):
    learner = learners("tanh")[framework]
    ids = [np.frombuffer(text, np.uint8) for text in real_texts(batch((9, 2, 4, 7)))]
    learner.standardize(ids)
    weights = learner.weights()
    rows = np.asarray(
        learner._read.features([i.tobytes() for i in ids], learner._reader.feature)
    )
    found = (rows - weights[CENTER]) * weights[SCALE]
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1.0, rtol=1e-4)


def test_column_that_never_changes_keeps_its_size():
    rows = np.array([[3.0, 50.0], [5.0, 50.0], [4.0, 50.000004]], np.float32)
    found = center_and_scale(iter(rows))
    np.testing.assert_allclose(found[CENTER], [4.0, 50.0])
    np.testing.assert_allclose(found[SCALE], [1.0 / np.std([3, 5, 4]), 1.0])
