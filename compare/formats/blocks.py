"""Order of the gate blocks along the axis G.

Shapes do not tell one order from another: every format declares its own, in our
letters: i input, f forget, o output, u candidate; for a GRU z update, r reset, n
candidate.
"""

from __future__ import annotations

import numpy as np

from tfsent.config import GATES

OUR_GATES = {
    "mlstm": "".join(GATES),
    "lstm": "".join(GATES),
    "gru": "zrn",
    "tanh": "",
    "relu": "",
}
"""Cell to the order of its blocks in this project; empty for a cell of one block."""

ONE_BLOCK = tuple(cell for cell, gates in OUR_GATES.items() if not gates)
"""Cells of one block: their weights look alike, so that somebody must say which."""

_SPELLINGS = {"ifou": str.maketrans("gc", "uu"), "zrn": str.maketrans("h", "n")}


def parse_gates(text: str) -> str:
    """Return a gate order as users spell it, such as "i,f,g,o", in our letters.

    The candidate is g, c or u (h or n in a GRU); commas and spaces do not count.
    "tanh" and "relu" are returned as they are: for a cell of one block they say all
    that its weights do not.

    Raises:
        ValueError: If every gate is not named exactly once.

    Example:
        >>> parse_gates("i f g o"), parse_gates("IFCO"), parse_gates("z,r,h")
        ('ifuo', 'ifuo', 'zrn')
    """
    bare = text.lower().translate(str.maketrans("", "", " ,"))
    if bare in ONE_BLOCK:
        return bare
    for order, letters in _SPELLINGS.items():
        if sorted(bare.translate(letters)) == sorted(order):
            return bare.translate(letters)
    raise ValueError(
        f"gates {text!r} are no order of i f o u (u may be g or c) or of z r n; "
        "such as ifgo."
    )


def reorder(array: np.ndarray, axis: int, order: str, wanted: str) -> np.ndarray:
    """Return `array` with its blocks along `axis`, in `order`, in the order `wanted`.

    Raises:
        ValueError: If the two orders do not name the same gates.
    """
    if sorted(order) != sorted(wanted):
        raise ValueError(f"gates {order!r} are no order of {' '.join(wanted)}.")
    if order == wanted:
        return array
    blocks = np.split(array, len(order), axis)
    return np.concatenate([blocks[order.index(gate)] for gate in wanted], axis)
