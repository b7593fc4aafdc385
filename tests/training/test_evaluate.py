"""The score of a text: by the float64 equations, whatever batch, window and order."""

import math

import numpy as np
import pytest

from tests import reference_rnn, tolerances
from tfsent.config import ModelConfig
from tfsent.data.batches import ScoreBatches
from tfsent.model import ByteLanguageModel
from tfsent.training.evaluate import Evaluator


class Texts:
    """Samples in memory, read like shards."""

    def __init__(self, texts):
        self.bytes = np.frombuffer(b"".join(texts), np.uint8)
        self.bounds = np.cumsum([0, *map(len, texts)])

    def sample_bounds(self):
        return self.bounds

    def read(self, start, stop):
        return self.bytes[start:stop]


TEXTS = [b"\n A film to see twice. ", b"\n Dull ", b"x", b"\n Not bad at all! " * 3]


@pytest.fixture(scope="module")
def model():
    model = ByteLanguageModel(ModelConfig(hidden_size=8, embedding_size=4), seed=2)
    model.build(None)
    # Larger outputs than at the start: else every text has eight bits a byte.
    model.output_weight.assign(np.asarray(model.output_weight) * 20)
    return model


def expected_bpc(model):
    weights = {n: np.asarray(v, np.float64) for n, v in model.named_weights().items()}
    bits, scored = 0.0, 0
    for text in TEXTS:
        bytes_BT1 = np.frombuffer(text, np.uint8)[None]
        if bytes_BT1.size > 1:
            nats = reference_rnn.language_model_loss("mlstm", weights, bytes_BT1)
            bits += nats / math.log(2) * (bytes_BT1.size - 1)
            scored += bytes_BT1.size - 1
    return bits / scored, scored


@pytest.mark.parametrize(("batch_size", "window"), [(1, 200), (2, 7), (5, 16)])
def test_the_score_is_that_of_the_equations(model, batch_size, window):
    batches = ScoreBatches(Texts(TEXTS), batch_size=batch_size, window=window)
    score = Evaluator(model).score(batches)
    bpc, scored = expected_bpc(model)
    assert score.scored_bytes == scored
    assert abs(score.bpc - bpc) <= tolerances.LOGITS_F32.value
    assert abs(bpc - 8) > 0.1


def test_the_order_of_texts_does_not_matter(model):
    scores = [
        Evaluator(model).score(ScoreBatches(Texts(texts), batch_size=2, window=9))
        for texts in (TEXTS, TEXTS[::-1])
    ]
    assert scores[0].bpc == pytest.approx(scores[1].bpc, abs=1e-6)


def test_text_without_a_byte_to_predict_has_no_score(model):
    score = Evaluator(model).score(ScoreBatches(Texts([b"x"]), batch_size=1, window=4))
    assert score.scored_bytes == 0
    assert math.isnan(score.bpc)


def test_new_weights_are_used_at_once(model):
    evaluator = Evaluator(model)
    batches = ScoreBatches(Texts(TEXTS), batch_size=2, window=9)
    before = evaluator.score(batches).bpc
    kept = np.asarray(model.output_bias)
    model.output_bias.assign(kept + np.linspace(0, 3, 256))
    after = evaluator.score(batches).bpc
    model.output_bias.assign(kept)
    assert abs(after - before) > 0.01
