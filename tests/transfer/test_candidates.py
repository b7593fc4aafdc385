"""Features to choose among are read at once and cut out of one."""

import numpy as np
import pytest

from tests.transfer.planted import PlantedModel
from tfsent.config import ModelConfig
from tfsent.transfer.candidates import candidates

TEXTS = ["a good film", "bad", ""]


@pytest.mark.parametrize(
    ("asked", "layers", "joined"),
    [
        ("auto", 1, "cell+cell-mean+hidden-mean"),
        ("hidden-max", 2, "hidden-max"),
        ("cell,all-cell,hidden+cell", 2, "all-cell+hidden"),
        ("all-cell,cell", 1, "all-cell"),
        ("cell-mean,hidden+cell-mean , cell-mean", 1, "cell-mean+hidden"),
    ],
)
def test_every_candidate_is_what_the_model_gives_for_it(asked, layers, joined):
    model = PlantedModel(hidden_size=4, layers=layers)
    found = candidates(asked, model.model.config)
    assert found.feature == joined
    whole = model.features(TEXTS, found.feature)
    for one in found.each:
        expected = model.features(TEXTS, one.feature)
        np.testing.assert_array_equal(whole[:, list(one.columns)], expected)


def test_auto_asks_a_cell_without_cell_state_for_its_hidden_state():
    names = [one.feature for one in candidates("auto", ModelConfig(cell="gru")).each]
    assert names == ["hidden", "hidden-mean", "hidden+hidden-mean"]


@pytest.mark.parametrize("asked", ["cell,", "sell", "cell+cell", "all-cell+cell"])
def test_what_is_no_feature_is_refused(asked):
    with pytest.raises(ValueError, match="feature"):
        candidates(asked, ModelConfig())


def test_feature_that_the_model_does_not_have_is_refused():
    with pytest.raises(ValueError, match="tanh keeps no cell state"):
        candidates("hidden,cell-mean", ModelConfig(cell="tanh"))
