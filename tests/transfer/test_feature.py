"""Names of features and what their columns are."""

import pytest

from tfsent.config import ModelConfig
from tfsent.transfer.feature import Column, Part, column, default_feature, parse_feature

TWO = ModelConfig(layers=2, hidden_size=7)


def test_parts_stand_in_the_order_of_the_name():
    assert parse_feature("hidden-max + all-cell+cell-mean", TWO) == (
        Part(1, "hidden", "max"),
        Part(0, "cell", "last"),
        Part(1, "cell", "last"),
        Part(1, "cell", "mean"),
    )


def test_without_a_pooling_the_last_state_is_meant():
    assert parse_feature("cell", TWO) == parse_feature("cell-last", TWO)


def test_a_column_is_a_unit_of_a_part():
    parts = parse_feature("all-cell+hidden-min", TWO)
    assert column(parts, 0, 7) == Column(Part(0, "cell", "last"), 0)
    assert column(parts, 13, 7) == Column(Part(1, "cell", "last"), 6)
    assert column(parts, 14, 7) == Column(Part(1, "hidden", "min"), 0)


@pytest.mark.parametrize(
    "name",
    ["", "cel", "cell-", "-cell", "all", "all-", "cell-mean-max", "cell+", "Cell"],
)
def test_what_is_no_feature_is_refused_with_what_would_do(name):
    with pytest.raises(ValueError, match=r"hidden or cell.*-mean.*will do"):
        parse_feature(name, TWO)


def test_a_part_named_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        parse_feature("all-cell+cell", TWO)


@pytest.mark.parametrize("cell", ["gru", "tanh", "relu"])
def test_a_cell_state_that_a_model_has_not_is_refused(cell):
    config = ModelConfig(cell=cell)
    assert default_feature(config) == "hidden"
    with pytest.raises(ValueError, match=f"{cell} keeps no cell state; hidden-mean"):
        parse_feature("cell-mean", config)
    assert default_feature(TWO) == "cell"
