"""The twin's score of a text: by the float64 equations, and as Keras scores it."""

import math

import numpy as np
import pytest
import torch

from compare.twin.evaluate import Evaluator
from tests.compare.twin.pair import make_pair, make_twin, settings
from tests.tolerances import LOGITS_F32, SCORE_F32
from tests.training.test_evaluate import TEXTS, Texts, expected_bpc
from tfsent.data.batches import ScoreBatches
from tfsent.training.evaluate import Evaluator as KerasEvaluator

MODEL = {"hidden_size": 8, "embedding_size": 4, "layers": 1, "dropout": 0.5}


@pytest.fixture(scope="module")
def pair():
    """Return both runs, with larger outputs than at the start."""
    (keras, _), (twin, _) = make_pair(settings(model=MODEL))
    keras.model.output_weight.assign(np.asarray(keras.model.output_weight.value) * 20)
    with torch.no_grad():
        twin.model.output.weight.mul_(20)
    return keras.model, twin.model


def batches(texts=TEXTS, batch_size=2, window=7):
    return ScoreBatches(Texts(texts), batch_size=batch_size, window=window)


@pytest.mark.parametrize(("batch_size", "window"), [(1, 200), (2, 7), (5, 16)])
def test_the_score_is_that_of_the_equations_and_of_keras(pair, batch_size, window):
    score = Evaluator(pair[1]).score(batches(TEXTS, batch_size, window))
    bpc, scored = expected_bpc(pair[0])
    assert score.scored_bytes == scored
    assert abs(score.bpc - bpc) <= LOGITS_F32.value
    keras = KerasEvaluator(pair[0]).score(batches(TEXTS, batch_size, window))
    assert abs(score.bpc - keras.bpc) <= SCORE_F32.value
    assert keras.scored_bytes == scored
    assert abs(bpc - 8) > 0.1


def test_the_order_of_texts_does_not_matter(pair):
    one, other = (
        Evaluator(pair[1]).score(batches(texts)) for texts in (TEXTS, TEXTS[::-1])
    )
    assert one.bpc == pytest.approx(other.bpc, abs=1e-6)


def test_text_without_a_byte_to_predict_has_no_score(pair):
    score = Evaluator(pair[1]).score(batches([b"x"]))
    assert score.scored_bytes == 0
    assert math.isnan(score.bpc)


def test_new_weights_are_used_at_once(pair):
    evaluator = Evaluator(pair[1])
    before = evaluator.score(batches()).bpc
    bias = pair[1].output.bias
    with torch.no_grad():
        kept = bias.clone()
        bias.add_(torch.linspace(0, 3, 256))
        after = evaluator.score(batches()).bpc
        bias.copy_(kept)
    assert abs(after - before) > 0.01


def test_scoring_between_updates_changes_no_update():
    from tests.compare.twin.pair import advance

    losses = []
    for scores in (False, True):
        run, step = make_twin(settings(model=MODEL))
        found = []
        for _ in range(3):
            if scores:
                Evaluator(run.model).score(batches())
            found.append(float(advance(run, step).bpc))
        losses.append(found)
    assert losses[0] == losses[1]


def test_half_precision_scores_nearly_the_same(pair):
    plain, half = (
        Evaluator(pair[1], precision).score(batches()).bpc
        for precision in ("float32", "mixed_bfloat16")
    )
    assert plain != half
    assert plain == pytest.approx(half, abs=0.05)
