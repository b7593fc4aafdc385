"""A weight packed once beside the plain product, and sums of rows by their index."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.twin import products  # noqa: E402
from tests import tolerances  # noqa: E402

B, I, K = 3, 7, 5  # noqa: E741


def some(*shape, dtype=torch.float32):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=shape)).to(dtype)


def assert_near(ours, truth, tolerance):
    error = (ours.double() - truth).abs().max() / truth.abs().max()
    assert error <= tolerance.value


TOLERANCE = {
    torch.float64: tolerances.TWIN_F64,
    torch.float32: tolerances.GRADIENT_F32,
    torch.bfloat16: tolerances.GRADIENT_BF16,
    torch.float16: tolerances.GRADIENT_F16,
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_equals_the_float64_product(dtype, transposed):
    w_KI, x_BI, added_BK = some(K, I), some(B, I), some(B, K)
    given = w_KI.t().contiguous().t() if transposed else w_KI
    ready = products.product(given.to(dtype), B)
    truth = x_BI.double() @ w_KI.double().t()
    assert_near(ready(x_BI.to(dtype)), truth, TOLERANCE[dtype])
    truth = truth + added_BK.double()
    # In the type of the products the post-operation of the kernel adds.
    plus = ready.plus(x_BI.to(dtype), added_BK.to(dtype))
    assert plus.dtype == dtype
    assert_near(plus, truth, TOLERANCE[dtype])


@pytest.mark.skipif(not products.packable(torch.float32), reason="torch without oneDNN")
def test_float32_is_packed_bfloat16_where_it_can_be_and_float64_is_not():
    packed = {
        dtype: isinstance(
            products.product(some(K, I, dtype=dtype), B), products.PackedProduct
        )
        for dtype in (torch.float32, torch.bfloat16, torch.float64)
    }
    bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    expected = {torch.float32: True, torch.bfloat16: bfloat16, torch.float64: False}
    assert packed == expected


@pytest.mark.skipif(not products.packable(torch.float32), reason="torch without oneDNN")
def test_a_packed_weight_multiplies_other_batch_sizes_too():
    w_KI, x_BI = some(K, I), some(2 * B, I)
    ready = products.PackedProduct(w_KI, B)
    assert_near(
        ready(x_BI), x_BI.double() @ w_KI.double().t(), TOLERANCE[torch.float32]
    )


def test_a_gradient_of_the_state_added_to_a_half_product_stays_float32():
    w_KI, x_BI = some(K, I, dtype=torch.bfloat16), some(B, I, dtype=torch.bfloat16)
    added_BK = some(B, K) * 1e4
    total = products.product(w_KI, B).plus(x_BI, added_BK)
    assert total.dtype == torch.float32
    # bfloat16 would round the sum to multiples of 64.
    truth = x_BI.double() @ w_KI.double().t() + added_BK.double()
    assert (total.double() - truth).abs().max() < 0.1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_rows_that_share_an_index_are_summed_in_float32_at_least(dtype):
    d_NK, index_N = torch.full((1000, 3), 1.0).to(dtype), torch.arange(1000) % 2 * 4
    sum_VK = products.sum_by_row(d_NK, index_N, 6)
    assert sum_VK.shape == (6, 3)
    # In bfloat16 the sum would stop growing at 256.
    assert sum_VK[:, 0].tolist() == [500, 0, 0, 0, 500, 0]
    d_NK = some(50, 3, dtype=dtype)
    truth = torch.zeros(6, 3, dtype=torch.float64)
    truth.index_add_(0, torch.arange(50) % 6, d_NK.double())
    sums = products.sum_by_row(d_NK, torch.arange(50) % 6, 6)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert sums.dtype == wide
    assert_near(sums, truth, TOLERANCE[wide])
