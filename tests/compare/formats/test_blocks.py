import itertools

import numpy as np
import pytest

from compare.formats.blocks import OUR_GATES, parse_gates, reorder
from tfsent.config import GATES


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("ifou", "ifou"),
        ("i,f,g,o", "ifuo"),
        ("I F C O", "ifuo"),
        ("igfo", "iufo"),
        ("z r h", "zrn"),
        ("rzn", "rzn"),
        ("tanh", "tanh"),
        ("ReLU", "relu"),
    ],
)
def test_users_spellings_become_our_letters(text, order):
    assert parse_gates(text) == order


@pytest.mark.parametrize(
    "text", ["", "ifo", "iffo", "ifgu", "ifoux", "zr", "zrr", "lstm"]
)
def test_what_is_no_permutation_is_refused(text):
    with pytest.raises(ValueError, match="no order of i f o u"):
        parse_gates(text)


def test_our_order_is_that_of_the_model():
    assert OUR_GATES["mlstm"] == OUR_GATES["lstm"] == "".join(GATES)


@pytest.mark.parametrize("order", ["".join(p) for p in itertools.permutations("ifou")])
def test_blocks_of_every_order_find_their_place(order):
    blocks = {gate: np.full((2, 3), n) for n, gate in enumerate("ifou")}
    there = np.concatenate([blocks[gate] for gate in order], axis=1)
    ours = np.concatenate([blocks[gate] for gate in "ifou"], axis=1)
    assert np.array_equal(reorder(there, 1, order, "ifou"), ours)
    assert np.array_equal(reorder(ours, 1, "ifou", order), there)


def test_orders_of_other_gates_are_refused():
    with pytest.raises(ValueError, match="'zrn' are no order of i f o u"):
        reorder(np.zeros(12), 0, "zrn", "ifou")
