"""Settings of the supervised systems: what is refused, and in which words."""

import pytest

from tfsent.config_supervised import EmbeddingsConfig, LinearConfig
from tfsent.settings_json import from_dict, to_dict


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"word_ngrams": (0, 2)}, r"linear.word_ngrams is \(0, 2\)"),
        ({"word_ngrams": (3, 2)}, r"linear.word_ngrams is \(3, 2\)"),
        ({"character_ngrams": (0, 1)}, "linear.character_ngrams"),
        ({"word_ngrams": None}, "both None"),
        ({"weighting": "nbsvm", "sublinear": True}, "linear.sublinear.*nbsvm"),
        ({"smoothing": 0.0}, "linear.smoothing is 0.0"),
        ({"min_df": ()}, "linear.min_df is"),
        ({"min_df": (1, 0)}, "linear.min_df is"),
        ({"C": ()}, "linear.C is"),
        ({"C": (1.0, -1.0)}, "linear.C is"),
        ({"C": (float("inf"),)}, "linear.C is"),
    ],
)
def test_a_linear_model_that_cannot_work_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        LinearConfig(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": ""}, "embeddings.source is empty"),
        ({"vocabulary": 1}, "embeddings.vocabulary is 1"),
        ({"min_count": 0}, "embeddings.min_count is 0"),
        ({"dimensions": 0}, "embeddings.dimensions is 0"),
        ({"context_words": 0}, "embeddings.context_words is 0"),
        ({"frequent_weight": 0.0}, "embeddings.frequent_weight is 0.0"),
        ({"C": (0.0,)}, "embeddings.C is"),
    ],
)
def test_averaged_vectors_that_cannot_work_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingsConfig(**given)


@pytest.mark.parametrize(
    "config",
    [
        LinearConfig(word_ngrams=None, character_ngrams=(2, 5), min_df=(3,)),
        EmbeddingsConfig(source="imdb", C=(0.5, 2.0)),
    ],
)
def test_settings_come_back_from_json(config):
    assert from_dict(type(config), to_dict(config)) == config
