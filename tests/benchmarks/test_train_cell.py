"""Equal work is proved by equal losses."""

import math

import pytest

from benchmarks.train_cell import loss_gap

BITS = 1 / math.log(2)


def test_loss_gap_is_the_largest_in_nats():
    assert loss_gap([5 * BITS, 4.0002 * BITS], [5.0001, 4.0], "float32") == (
        pytest.approx(2e-4)
    )


@pytest.mark.parametrize("other", [3.99, 4.01, math.nan])
def test_other_losses_are_other_work(other):
    with pytest.raises(ValueError, match="equal work"):
        loss_gap([5 * BITS, 4 * BITS], [5.0, other], "float32")


def test_half_precision_rounds_and_is_only_told():
    assert loss_gap([5 * BITS], [5.01], "mixed_bfloat16") == pytest.approx(0.01)
