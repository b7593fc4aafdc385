"""Equal work: what is called equal, and what is not."""

import math

import numpy as np
import pytest

from compare.equal_work import gap_between

ANSWERS = {"logits": np.array([1.0, -4.0]), "gradient/w": np.array([[1e-3, 2e-3]])}


def changed(name, value):
    return {**ANSWERS, name: np.asarray(value)}


def test_equal_answers_pass():
    gap = gap_between(ANSWERS, dict(ANSWERS), "float32")
    assert gap.passed
    assert gap.value == 0


def test_the_answer_closest_to_its_tolerance_is_named():
    other = changed("gradient/w", [[1e-3, 2e-3 * (1 + 4e-6)]])
    gap = gap_between(ANSWERS, other, "float32")
    assert gap.passed
    assert gap.what == "gradient/w"
    assert gap.value == pytest.approx(4e-6)


@pytest.mark.parametrize(
    "other",
    [
        changed("logits", [1.0, -4.001]),
        changed("logits", [1.0, math.nan]),
        changed("logits", [1.0, -4.0, 0.0]),
        changed("gradient/w", [[2e-3, 1e-3]]),
        {"logits": ANSWERS["logits"]},
        {},
    ],
)
def test_other_answers_do_not(other):
    assert not gap_between(ANSWERS, other, "float32").passed
    assert not gap_between(other, ANSWERS, "float32").passed


def test_no_answers_prove_nothing():
    assert not gap_between({}, {}, "float32").passed


def test_half_precisions_may_differ_more_and_bytes_may_not():
    other = changed("logits", [1.0, -4.02])
    assert gap_between(ANSWERS, other, "mixed_bfloat16").passed
    one, two = ({"bytes": np.array([1, k], np.uint8)} for k in (2, 3))
    assert gap_between(one, dict(one), "mixed_bfloat16").passed
    assert not gap_between(one, two, "mixed_bfloat16").passed
