import numpy as np
import pytest
import torch

from compare.containers import Container
from compare.formats import theano
from compare.twin.classifiers import WordClassifier
from tests.reference_classifier import batch, draw, predict
from tests.tolerances import CLASSIFIER_F32


@pytest.fixture(scope="module")
def params():
    return draw()


@pytest.fixture(scope="module")
def model(params):
    # Without the tutorial's dropout the weights are the parameters as they stand.
    word_model = theano.read(Container("npz", params), dropout=0.0)
    arrays = theano.write_torch(word_model, ".pt").arrays
    model = WordClassifier(**word_model.settings())
    tensors = {n: torch.from_numpy(np.array(a)) for n, a in arrays.items()}
    model.load_state_dict(tensors)
    return model.eval()


def probabilities(model, words, mask=None):
    with torch.no_grad():
        mask = None if mask is None else torch.from_numpy(mask)
        return model.probabilities(torch.from_numpy(words), mask).numpy()


def test_probabilities_are_those_of_the_equations(params, model):
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


def test_second_bias_stays_zero_and_everything_else_is_trained():
    model = WordClassifier(11, 5)
    x, _ = batch()
    model(torch.from_numpy(x.T)).square().sum().backward()
    trained = {n for n, p in model.named_parameters() if p.grad is not None}
    assert {n for n, _ in model.named_parameters()} - trained == {"lstm.bias_hh_l0"}
    assert not model.lstm.bias_hh_l0.any()


def test_dropout_acts_in_training_mode_only():
    torch.manual_seed(0)
    model = WordClassifier(11, 5)
    words = torch.from_numpy(batch()[0].T)
    assert not torch.equal(model(words), model(words))
    model.eval()
    assert torch.equal(model(words), model(words))


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="units is 0; at least 1"):
        WordClassifier(5, units=0)
