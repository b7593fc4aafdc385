"""A weight made ready once and multiplied many times; sums of rows by their index.

A time step multiplies few rows, the lanes, by a large matrix, and the next step by
the same one. `torch.matmul` brings the matrix into the order of its kernels every
time; oneDNN takes one that is in order already.

Axes: N rows, B lanes, I input units, K output units, V rows of a table.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_linear = torch.ops.mkldnn._linear_pointwise.default
_linear_and_add = torch.ops.mkldnn._linear_pointwise.binary


class PlainProduct:
    """`x @ w^T` on any device and in any type.

    Args:
        w_KI: float[K, I]. The weight, [out, in]; it may be a transposed view.
    """

    def __init__(self, w_KI):
        self._w_KI = w_KI

    def __call__(self, x_BI):
        """Return `x @ w^T`, float[B, K]."""
        return functional.linear(x_BI, self._w_KI)

    def plus(self, x_BI, added_BK=None):
        """Return `x @ w^T + added`, float[B, K], in the wider type of the two."""
        y_BK = self(x_BI)
        return y_BK if added_BK is None else y_BK + added_BK


class PackedProduct(PlainProduct):
    """`x @ w^T` on a CPU, with a weight in the order of oneDNN's kernels.

    Args:
        w_KI: float32 or bfloat16[K, I]. The weight, [out, in]; it is copied.
        batch_size: B of the products to come; others work too.
    """

    def __init__(self, w_KI, batch_size: int):
        super().__init__(torch.ops.mkldnn._reorder_linear_weight(w_KI, batch_size))

    def __call__(self, x_BI):
        """Return `x @ w^T`, float[B, K]."""
        return _linear(x_BI, self._w_KI, None, "none", [], "")

    def plus(self, x_BI, added_BK=None):
        """Return `x @ w^T + added`, float[B, K], in the wider type of the two."""
        if added_BK is None or added_BK.dtype != x_BI.dtype:
            return super().plus(x_BI, added_BK)
        return _linear_and_add(x_BI, added_BK, self._w_KI, None, "add")


def product(w_KI, batch_size: int) -> PlainProduct:
    """Return the fastest way to multiply `batch_size` rows by `w^T` many times."""
    if w_KI.device.type == "cpu" and packable(w_KI.dtype):
        return PackedProduct(w_KI.contiguous(), batch_size)
    return PlainProduct(w_KI)


def packable(dtype: torch.dtype) -> bool:
    """Return whether oneDNN multiplies weights of a type here, packed.

    bfloat16 needs a processor that has AVX-512 (or AMX), or PyTorch refuses.
    """
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def sum_by_row(d_NK, index_N, rows: int):
    """Return the sum of the rows of `d` that share an index, at least in float32.

    Args:
        d_NK: float[N, K].
        index_N: int64[N]. The row of the result that each row of `d` belongs to.
        rows: V, the rows of the result.

    Returns:
        float[V, K].
    """
    # 1.6 ms for 2048 rows of 2560 and 11 ms for 8192 of 5120 on one core; index_add_
    # takes 3.5 and 16, a product with one-hot rows 29 and 252.
    d_NK = d_NK.to(torch.promote_types(d_NK.dtype, torch.float32))
    return torch.ops.aten.embedding_dense_backward(d_NK, index_N, rows, -1, False)
