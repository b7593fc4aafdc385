"""How many operations a model cannot do without; needs no framework."""

from __future__ import annotations

from tfsent.config import NUM_BYTES, ModelConfig

_PRODUCTS = {"mlstm": 5, "lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
"""Cell to its recurrent products at a time step, in blocks of H x H."""


def byte_flops(model: ModelConfig, decoder: bool = True) -> int:
    """Return the floating-point operations of the products for one byte, forward.

    A multiplication and an addition are two. Recurrent matrices, the inputs of layers
    above the first, and the output matrix (H, 256). A gather needs none, so input
    projections of bytes do not count, whatever a way spends on them.

    Args:
        model: Its shape.
        decoder: Whether there are logits.

    Example:
        >>> byte_flops(ModelConfig(hidden_size=512), decoder=False)
        2621440
    """
    size, blocks = model.hidden_size, _PRODUCTS[model.cell]
    # The input of a layer above the first has H columns, as its state.
    layers = (2 * model.layers - 1) * blocks * size**2
    return 2 * (layers + (NUM_BYTES * size if decoder else 0))
