import json

import pytest

from compare.containers.vocabulary import NAME, words_beside
from tfsent.checkpoint import CheckpointError

WORDS = {"CUSTOM_MASK": 0, "CUSTOM_UNKNOWN": 1, "CUSTOM_AT": 2, "b": 4, "a": 3}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.h5"
    path.touch()
    (tmp_path / NAME).write_text(json.dumps(WORDS))
    return path


def test_every_number_but_the_first_two_keeps_its_word(model):
    assert words_beside(model, 5) == ("<pad>", "<unk>", "CUSTOM_AT", "a", "b")


def test_no_vocabulary_is_none(model):
    (model.parent / NAME).unlink()
    assert words_beside(model, 5) is None


def test_longer_vocabulary_is_cut_where_that_is_asked_for(model):
    assert words_beside(model, 4, longer=True) == ("<pad>", "<unk>", "CUSTOM_AT", "a")
    with pytest.raises(CheckpointError, match="has 5 words .* the model beside it 4"):
        words_beside(model, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": 5}, "has 5 words up to number 5"),
        ({"a": 4}, "gives 'a' the number 4"),
        ({"a": -3}, "gives 'a' the number -3"),
        ({"a": "3"}, "gives 'a' the number '3'"),
        ({"a": True}, "gives 'a' the number True"),
        ({"more": 5}, "has 6 words"),
    ],
)
def test_vocabulary_that_is_none_of_the_model_is_refused(model, change, message):
    (model.parent / NAME).write_text(json.dumps(WORDS | change))
    with pytest.raises(CheckpointError, match=message):
        words_beside(model, 5)


def test_link_is_not_followed(model, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps(WORDS))
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "other.json")
    with pytest.raises(CheckpointError, match="is a link"):
        words_beside(model, 5)
