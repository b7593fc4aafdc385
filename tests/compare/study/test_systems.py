"""All systems do the same work: losses, answers and weights of the same updates."""

import importlib
import os

import numpy as np
import pytest

from compare.study.measure import find_systems
from compare.study.networks import Network, start_weights
from tests.tolerances import STUDY_LOGITS_F32, STUDY_LOSS_F32
from tfsent.data.word_batches import training_batches

NUM_WORDS = 23
RATE = 0.03


@pytest.fixture(scope="module")
def batches():
    """Five batches of one length, the last with filler rows: one is compiled."""
    rng = np.random.default_rng(3)
    ids = [
        rng.integers(2, NUM_WORDS, length).astype(np.int32)
        for length in rng.integers(1, 12, 17)
    ]
    found = training_batches(ids, rng.integers(0, 2, 17), 4, 0, 0, "after")
    assert any((batch.rows < 0).any() for batch in found)
    more = [((0, 0), (0, 13 - batch.words_NT.shape[1])) for batch in found]
    return [
        b._replace(words_NT=np.pad(b.words_NT, m), mask_NT=np.pad(b.mask_NT, m))
        for b, m in zip(found, more, strict=True)
    ]


def learner_of(name, network, weights):
    """Return a system's network in this process, whose threads stay as they are."""
    module = importlib.import_module(find_systems()[name].module)
    side = {
        "keras": "OurKeras",
        "torch": "OurTorch",
        "keras-layers": "KerasLayers",
        "torch-layers": "TorchLayers",
    }[name]
    kind = getattr(module, side)
    return kind.learner(object.__new__(kind), network, NUM_WORDS, weights)


def trained(name, network, batches):
    """Return the loss of each update, and the logits after them."""
    learner = learner_of(name, network, start_weights(network, NUM_WORDS))
    losses = [learner.update(batch, RATE, k) for k, batch in enumerate(batches)]
    real = batches[0].rows >= 0
    return np.array(losses), learner.outputs(batches[0])[real]


@pytest.mark.usefixtures("tensorflow")
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mlstm"])
def test_all_systems_make_the_same_updates(cell, batches):
    network = Network(cell, 2, 7, 1)
    names = [n for n, each in find_systems().items() if cell in each.facts.models]
    assert len(names) == (2 if cell == "mlstm" else 4)
    found = {name: trained(name, network, batches) for name in names}
    losses, logits_NK = found.pop("torch")
    assert losses[0] != losses[-1]
    for other, others_NK in found.values():
        assert np.abs(other - losses).max() < STUDY_LOSS_F32.value
        assert np.abs(others_NK - logits_NK).max() < STUDY_LOGITS_F32.value


def test_every_weight_starts_where_the_network_says():
    network = Network("mlstm", 2, 7, 1)
    weights = start_weights(network, NUM_WORDS)
    assert weights["embedding/weight"].shape == (NUM_WORDS, 7)
    assert np.abs(weights["embedding/weight"]).max() < 0.05
    block = weights["layers/1/forward/wh"][:, 7:14].astype(np.float64)
    np.testing.assert_allclose(block @ block.T, np.eye(7), atol=1e-6)
    bias = weights["layers/0/forward/b"].reshape(4, 7)
    np.testing.assert_array_equal(bias, [[0] * 7, [1] * 7, [0] * 7, [0] * 7])
    again = start_weights(network, NUM_WORDS)
    other = start_weights(network._replace(seed=2), NUM_WORDS)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, again[name])
        assert name.endswith(("/b", "bias")) or not np.array_equal(array, other[name])


def test_threads_are_as_many_as_the_process_is_told(monkeypatch):
    import torch

    from compare.study.system_torch import OurTorch

    before = torch.get_num_threads()
    try:
        monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        assert OurTorch().threads == torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
