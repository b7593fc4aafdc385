import numpy as np
import pytest

from tests import reference_deepmoji as reference
from tests.tolerances import MOJI_DIFFERENCE_F64


@pytest.mark.parametrize("side", ["after", "before"])
def test_gradients_are_central_differences(side):
    weights = {n: w.astype("f8") for n, w in reference.draw().items()}
    given = reference.batch(side=side)
    grads = reference.gradients(weights, *given)
    rng = np.random.default_rng(5)
    assert grads.keys() == weights.keys()
    for name, weight in weights.items():
        direction = rng.standard_normal(weight.shape)
        step = 1e-6
        there, back = (
            reference.loss(weights | {name: weight + sign * step * direction}, *given)
            for sign in (1, -1)
        )
        slope = (there - back) / (2 * step)
        assert abs(slope - (grads[name] * direction).sum()) < MOJI_DIFFERENCE_F64.value


def test_padding_on_either_side_changes_nothing():
    weights = reference.draw()
    words_NT, mask_NT, _ = reference.batch()
    logits_NK, _ = reference.forward(weights, words_NT, mask_NT)
    for n, length in enumerate((6, 1, 4, 3)):
        for sides in ((0, 0), (0, 3), (4, 0)):
            words_1T = np.pad(words_NT[n : n + 1, :length], ((0, 0), sides))
            alone_1K, _ = reference.forward(weights, words_1T, words_1T > 0)
            np.testing.assert_allclose(alone_1K[0], logits_NK[n], rtol=0, atol=1e-14)
