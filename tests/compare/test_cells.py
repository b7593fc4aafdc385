"""Cells of the grid: names there and back, sizes, what runners are given."""

import re

import numpy as np
import pytest

from compare.cells import GridCell, parse_cells, write_given
from compare.presets import PRESETS
from tfsent.checkpoint import load_weights


@pytest.mark.parametrize("preset", PRESETS)
def test_keys_come_back_as_the_cell(preset):
    cells = parse_cells(PRESETS[preset]().cells)
    assert parse_cells(",".join(cell.key for cell in cells)) == cells
    assert all(re.fullmatch(r"[a-z0-9+_-]+", cell.key) for cell in cells)


@pytest.mark.parametrize(
    "text",
    [
        "sleep-lstm",
        "train",
        "train-rnn",
        "train-lstm+wd",
        "train-lstm-h0",
        "train-lstm-h4-h8",
        "train-lstm-n5",
        "train-lstm,train-lstm",
        "train-lstm-float64",
    ],
)
def test_what_is_no_cell_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match="^cell") as error:
        parse_cells(text)
    assert "\n" not in str(error.value)


def test_flops_are_those_of_the_products():
    cell = GridCell(hidden_size=512, batch_size=2, window=3)
    assert cell.flops == 3 * 2 * 6 * (5 * 512**2 + 256 * 512)
    two = GridCell(cell="lstm", hidden_size=8, layers=2, batch_size=1, window=1)
    assert two.flops == 3 * 2 * (4 * 64 * 2 + 4 * 64 + 256 * 8)
    features = GridCell(task="featurize", hidden_size=8, text_bytes=10)
    assert features.flops == 10 * 2 * 5 * 64


def test_all_lanes_begin_anew_and_nowhere_else(tmp_path):
    cell = GridCell(hidden_size=4, batch_size=3, window=5)
    given = write_given(cell, tmp_path)
    with np.load(given.inputs) as stored:
        assert stored["bytes"].shape == (3, 3, 6)
        assert stored["reset"][:, :, 0].all()
        assert not stored["reset"][:, :, 1:].any()
        assert len({batch.tobytes() for batch in stored["bytes"]}) == 3
    weights, config = load_weights(given.weights)
    assert config["model"] == given.config["model"]
    assert weights["layers/0/gh"].shape == (16,)


def test_a_cell_that_needs_more_memory_says_so():
    small, large = GridCell(hidden_size=64), GridCell(hidden_size=4096)
    assert large.needed_bytes(1) > 6 * 4 * 80e6
    assert small.needed_bytes(2) == 2 * small.needed_bytes(1) < large.needed_bytes(2)
