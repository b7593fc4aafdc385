"""The twin alone: the Theano tutorial's equations, masks, dropout, sizes."""

import numpy as np
import pytest
import torch

from compare.formats.sequence_classifier import to_twin
from compare.twin import SequenceClassifier
from tests.reference_classifier import batch, draw, predict
from tests.tolerances import CLASSIFIER_F32
from tfsent.config_supervised import ClassifierConfig

CONFIG = ClassifierConfig(embedding_size=5, units=5, pooling="mean")
NAMES = {
    "embedding/weight": "Wemb",
    "layers/0/forward/wx": "lstm_W",
    "layers/0/forward/wh": "lstm_U",
    "layers/0/forward/b": "lstm_b",
    "output/weight": "U",
    "output/bias": "b",
}


@pytest.fixture(scope="module")
def params():
    return draw()


@pytest.fixture(scope="module")
def model(params):
    arrays = to_twin({ours: params[name] for ours, name in NAMES.items()}, CONFIG)
    model = SequenceClassifier(11, 2, CONFIG)
    model.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()})
    return model.eval()


@torch.no_grad()
def probabilities(model, words, mask=None):
    mask = None if mask is None else torch.from_numpy(mask)
    return torch.softmax(model(torch.from_numpy(words), mask), 1).numpy()


def test_probabilities_are_those_of_the_tutorial(params, model):
    x, mask = batch()
    expected = predict(params, x, mask, use_dropout=False)
    found = probabilities(model, x.T)
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_explicit_mask_may_leave_out_any_word(params, model):
    x, _ = batch()
    mask = np.random.default_rng(3).random(x.shape) < 0.6
    mask[2] = True
    expected = predict(params, x, mask, use_dropout=False)
    found = probabilities(model, x.T, mask.T)
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_padding_in_front_or_behind_changes_nothing(model):
    x, _ = batch()
    plain = probabilities(model, x.T)
    for sides in ((0, 4), (3, 0)):
        padded = np.pad(x.T, ((0, 0), sides))
        difference = np.abs(probabilities(model, padded) - plain)
        assert difference.max() < CLASSIFIER_F32.value


def test_text_of_padding_alone_gives_the_bias(params, model):
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, dtype=torch.long)).numpy()
    np.testing.assert_array_equal(logits[0], params["b"])


def test_every_weight_is_trained():
    model = SequenceClassifier(11, 2, CONFIG)
    x, _ = batch()
    model(torch.from_numpy(x.T)).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())


def test_dropout_acts_in_training_mode_only():
    torch.manual_seed(0)
    model = SequenceClassifier(11, 2, CONFIG)
    words = torch.from_numpy(batch()[0].T)
    assert not torch.equal(model(words), model(words))
    model.eval()
    assert torch.equal(model(words), model(words))


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="num_words is 0; at least 1"):
        SequenceClassifier(0)
