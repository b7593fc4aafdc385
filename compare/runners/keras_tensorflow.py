"""The runner of `scripts/train.py`: Keras layers, one compiled TensorFlow update."""

from __future__ import annotations

from collections.abc import Callable

from tfsent.quiet import quiet


def main() -> None:
    """Answer the lines on standard input."""
    quiet()
    import tensorflow as tf

    from compare.runners.framework_runner import FrameworkRunner
    from compare.runners.process import serve
    from tfsent.keras_session import KerasFramework

    def multiply(side: int) -> tuple[Callable[[], None], Callable[[], object]]:
        a, b = (tf.random.stateless_normal((side, side), (0, k)) for k in (1, 2))
        result = tf.Variable(tf.zeros((side, side)))
        product = tf.function(lambda: result.assign(tf.matmul(a, b)))
        return product, lambda: float(result[0, 0])

    serve(
        FrameworkRunner(
            KerasFramework(),
            lambda model, weights: model.set_named_weights(weights),
            multiply,
        )
    )


if __name__ == "__main__":
    main()
