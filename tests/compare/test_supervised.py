import numpy as np
import pytest

from compare.twin.learner import TorchLearner
from compare.twin.sequence_classifier import SequenceClassifier as Twin
from tests.compare.classifier_cases import CASES, NUM_WORDS, batch, weights_for
from tests.tolerances import (
    SUPERVISED_GRADIENT_F32,
    SUPERVISED_LOGITS_F32,
    SUPERVISED_LOSS_F32,
)
from tfsent.config_supervised import ClassifierConfig, LearnerConfig
from tfsent.model.sequence_classifier import SequenceClassifier
from tfsent.supervised.keras_learner import KerasLearner
from tfsent.supervised.task import Task

THREE = Task("multiclass", ("a", "b", "c"))
TASKS = {
    "multiclass": THREE,
    "binary": Task("binary", ("a", "b")),
    "multilabel": Task("multilabel", ("a", "b", "c"), "f1", (0.5,) * 3),
    "regression": Task("regression", ("stars",)),
}


def learners(config, task=THREE, seed=0, **settings):
    """Return a learner of each framework, both with the same weights."""
    model = SequenceClassifier(NUM_WORDS, task.num_outputs, config, seed)
    model.build(None)
    learner = LearnerConfig(**settings)
    keras = KerasLearner(model, task, learner, seed)
    twin = TorchLearner(
        Twin(NUM_WORDS, task.num_outputs, config, seed), task, learner, seed
    )
    twin.set_weights(keras.weights())
    return keras, twin


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("pad_side", ["after", "before"])
@pytest.mark.parametrize("case", CASES)
def test_both_frameworks_say_the_same(case, pad_side):
    keras, twin = learners(CASES[case])
    weights = weights_for(keras)
    keras.set_weights(weights)
    twin.set_weights(weights)
    given = batch(pad_side)
    error = relative(twin.outputs(given), keras.outputs(given))
    assert error < SUPERVISED_LOGITS_F32.value


@pytest.mark.parametrize("case", CASES)
def test_weights_come_back_from_the_twin_bit_for_bit(case):
    keras, twin = learners(CASES[case])
    assert list(keras.weights()) == list(twin.weights())
    for name, array in weights_for(keras).items():
        assert array.shape == twin.weights()[name].shape
    weights = weights_for(keras)
    twin.set_weights(weights)
    for name, array in twin.weights().items():
        np.testing.assert_array_equal(array, weights[name])


@pytest.mark.parametrize("framework", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_text_says_the_same_alone_and_padded_on_either_side(case, framework):
    learner = learners(CASES[case])[framework]
    learner.set_weights(weights_for(learner))
    together = learner.outputs(batch("after"))
    before = learner.outputs(batch("before", seed=0))
    assert not np.array_equal(together, before)
    given = batch("after")
    for n, length in enumerate((6, 1, 4)):
        words = given.words_NT[n : n + 1, :length]
        alone = given._replace(words_NT=words, mask_NT=words > 0)
        error = relative(learner.outputs(alone)[0], together[n])
        assert error < SUPERVISED_LOGITS_F32.value
        shifted = given._replace(
            words_NT=np.pad(words, ((0, 0), (5, 0))),
            mask_NT=np.pad(words > 0, ((0, 0), (5, 0))),
        )
        error = relative(learner.outputs(shifted)[0], together[n])
        assert error < SUPERVISED_LOGITS_F32.value


@pytest.mark.parametrize("case", CASES)
def test_one_step_down_the_gradient_moves_every_weight_alike(case):
    keras, twin = learners(CASES[case], optimizer="sgd")
    start = weights_for(keras)
    moved = []
    for learner in (keras, twin):
        learner.set_weights(start)
        learner.begin(learner.names)
        learner.update(batch(), 1.0, 0)
        moved.append({n: learner.weights()[n] - start[n] for n in start})
    for name in start:
        assert np.abs(moved[0][name]).max() > 0, name
        error = relative(moved[1][name], moved[0][name])
        assert error < SUPERVISED_GRADIENT_F32.value, name


ADAM = {"optimizer": "adam", "learning_rate": 0.01}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *((kind, ADAM) for kind in TASKS),
        ("binary", {"optimizer": "adadelta", "learning_rate": 1.0}),
        ("binary", {"optimizer": "rmsprop", "learning_rate": 0.003}),
        ("binary", {"optimizer": "sgd", "learning_rate": 0.3, "clip_norm": 0.05}),
        ("binary", {"optimizer": "momentum", "learning_rate": 0.03, "max_norm": 0.9}),
        ("binary", ADAM | {"weight_decay": 0.1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_losses_agree_over_a_hundred_updates(kind, settings):
    task = TASKS[kind]
    keras, twin = learners(CASES["theano"], task, **settings)
    rng = np.random.default_rng(0)
    losses = []
    batches = []
    for k in range(100):
        given = batch(lengths=(6, 1, 4), num_classes=task.num_outputs, seed=k)
        if kind == "multilabel":
            given = given._replace(labels=rng.integers(0, 2, (4, 3)))
        if kind == "regression":
            given = given._replace(labels=rng.standard_normal(4).astype(np.float32))
        batches.append(given)
    for learner in (keras, twin):
        learner.begin(learner.names)
        rate = settings["learning_rate"]
        losses.append([learner.update(b, rate, k) for k, b in enumerate(batches)])
    gap = np.abs(np.subtract(*losses)).max()
    assert gap < SUPERVISED_LOSS_F32.value
    assert losses[0][0] != losses[0][-1]


@pytest.mark.parametrize("framework", [0, 1])
def test_only_weights_of_the_stage_change(framework):
    learner = learners(CASES["deepmoji"])[framework]
    start = learner.weights()
    learner.begin(["attention/weight", "output/bias"])
    learner.update(batch(), 0.1, 0)
    moved = {n for n, w in learner.weights().items() if not np.array_equal(w, start[n])}
    assert moved == {"attention/weight", "output/bias"}


@pytest.mark.parametrize("framework", [0, 1])
def test_columns_are_held_within_their_norm(framework):
    learner = learners(CASES["passage"], max_norm=0.2)[framework]
    learner.begin(learner.names)
    learner.update(batch(), 0.01, 0)
    weights = learner.weights()
    for name in ("layers/0/forward/wx", "layers/0/forward/wh", "output/weight"):
        norms = np.linalg.norm(weights[name], axis=0)
        assert norms.max() <= 0.2 * (1 + 1e-5)
        assert norms.max() > 0.19
    assert np.linalg.norm(weights["embedding/weight"], axis=0).max() < 0.2


@pytest.mark.parametrize("framework", [0, 1])
def test_dropout_depends_on_the_number_of_the_update_alone(framework):
    config = ClassifierConfig(
        embedding_size=8, units=8, dropout=0.5, spatial_dropout=0.5
    )

    def loss(number):
        learner = learners(config, optimizer="sgd")[framework]
        learner.set_weights(weights_for(learner))
        learner.begin(learner.names)
        return learner.update(batch(), 0.0, number)

    assert loss(3) == loss(3)
    assert loss(3) != loss(4)


@pytest.mark.parametrize("framework", [0, 1])
@pytest.mark.parametrize("optimizer", ["adam", "adadelta", "rmsprop", "momentum"])
def test_optimizer_state_goes_on_bit_for_bit(framework, optimizer):
    def make():
        learner = learners(CASES["passage"], optimizer=optimizer)[framework]
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


@pytest.mark.parametrize("framework", [0, 1])
def test_forget_gate_starts_at_its_bias(framework):
    learner = learners(CASES["deepmoji"])[framework]
    bias = learner.weights()["layers/1/backward/b"]
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 4))


def test_attention_weighs_the_words_of_a_text_alone():
    keras, twin = learners(CASES["deepmoji"])
    given = batch()
    _, found = keras.model(given.words_NT, mask=given.mask_NT, return_attention=True)
    found = np.array(found)
    assert not found[~given.mask_NT].any()
    np.testing.assert_allclose(found[:3].sum(1), 1, atol=1e-6)
    _, twins = twin.model.eval()(given.words_NT, given.mask_NT, return_attention=True)
    np.testing.assert_allclose(twins.detach().numpy(), found, atol=1e-6)


def test_start_weights_of_both_frameworks_have_the_same_spread():
    config = ClassifierConfig(
        embedding_size=40,
        units=50,
        layers=2,
        input_initialization="glorot",
        initialization="normal",
    )
    model = SequenceClassifier(300, 4, config, 1)
    model.build(None)
    keras = KerasLearner(model, THREE, LearnerConfig(), 0)
    twin = TorchLearner(Twin(300, 4, config, 1), THREE, LearnerConfig(), 0)
    others = twin.weights()
    for name, array in keras.weights().items():
        assert array.std() == pytest.approx(others[name].std(), rel=0.12), name
        assert np.abs(array).max() == pytest.approx(
            np.abs(others[name]).max(), rel=0.3
        ), name


def test_twin_refuses_weights_that_are_missing_or_left_over():
    from compare.formats.sequence_classifier import to_ours, to_twin, weight_names

    config = CASES["passage"]
    _, twin = learners(config)
    arrays = to_twin(twin.weights(), config)
    names = weight_names(config)
    with pytest.raises(ValueError, match=r"without a place: \['more'\]"):
        to_ours(arrays | {"more": np.zeros(2)}, names, config)
    arrays.pop("output.bias")
    with pytest.raises(ValueError, match="misses the weight 'output.bias'"):
        to_ours(arrays, names, config)
