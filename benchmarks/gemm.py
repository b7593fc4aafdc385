"""The machine's own rate at float32 products, by which every figure is divided.

Products run as `tf.matmul` outside XLA, where TensorFlow uses oneDNN on a CPU.

Axes: B lanes, T time steps, H hidden units, G = 4 H gate columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from benchmarks.timing import calls_filling, seconds_per_call

SQUARE = "square_2048"
"""The product of two 2048 x 2048 matrices, the yardstick of all benchmarks."""


def model_shapes(
    batch_size: int, hidden_size: int, window: int
) -> dict[str, tuple[int, int, int]]:
    """Return the yardstick and the products an mLSTM spends its time on.

    Returns:
        Name to (m, k, n) of a product (m, k) @ (k, n): `recurrent` is one time step
        with the weight on the left, `weight_gradient` the sum over the window.
    """
    return {
        SQUARE: (2048, 2048, 2048),
        "recurrent": (4 * hidden_size, hidden_size, batch_size),
        "weight_gradient": (hidden_size, window * batch_size, 4 * hidden_size),
    }


class GemmGauge:
    """Measures the rates of some products; made once, called often.

    Args:
        shapes: Name to (m, k, n).
        fill_s: Seconds for which each product is repeated, at least.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, int, int]], fill_s: float):
        self._products = {
            name: _Product(*shape, fill_s) for name, shape in shapes.items()
        }

    def __call__(self) -> dict[str, float]:
        """Return the present rate of each product, FLOP/s."""
        return {name: product.rate() for name, product in self._products.items()}


class _Product:
    def __init__(self, m: int, k: int, n: int, fill_s: float):
        self._flops = 2 * m * k * n
        self._a = tf.random.stateless_normal((m, k), (0, 1))
        self._b = tf.random.stateless_normal((k, n), (0, 2))
        self._result = tf.zeros((1, 1))
        self._multiply()  # oneDNN compiles a kernel for a shape when it first meets it
        self._calls = calls_filling(
            fill_s, seconds_per_call(self._multiply, sync=self._sync)
        )

    def rate(self) -> float:
        call_s = seconds_per_call(self._multiply, self._calls, sync=self._sync)
        return self._flops / call_s

    def _multiply(self) -> None:
        self._result = tf.matmul(self._a, self._b)

    def _sync(self) -> float:
        return float(self._result[0, 0])
