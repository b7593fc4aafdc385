import ml_dtypes
import numpy as np
import pytest

from compare.formats.numbers import narrowed, two_terms, widened


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_every_half_value_survives_widening(dtype):
    bits = np.arange(2**16, dtype=np.uint16)
    values = bits.view(dtype)
    values = values[np.isfinite(values.astype("f4"))]
    back = narrowed(widened(values), np.dtype(dtype).name, "w")
    assert back.view(np.uint16).tobytes() == values.view(np.uint16).tobytes()


@pytest.mark.parametrize("value", [1e-12, 70000.0, 1 + 2.0**-12])
def test_a_value_that_half_precision_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="w holds values that float16 cannot"):
        narrowed(np.array([value], "f4"), "float16", "w")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_a_sum_of_two_biases_is_the_sum_of_the_two_written(dtype):
    rng = np.random.default_rng(0)
    scale = 2.0 ** rng.integers(-8, 4, 20000)
    a = (rng.normal(size=20000) * scale).astype(dtype)
    b = (rng.normal(size=20000) * scale[::-1]).astype(dtype)
    total = widened(a) + widened(b)
    name = np.dtype(dtype).name
    first, second = (narrowed(term, name, "b") for term in two_terms(total, name))
    again = widened(first) + widened(second)
    assert again.tobytes() == total.tobytes()


def test_minus_zero_stays_minus_zero():
    total = np.array([-0.0, 0.0], "f4")
    first, second = two_terms(total, "float32")
    assert np.signbit(first + second).tolist() == [True, False]
