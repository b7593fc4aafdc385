"""The model in the repository: whole, and one that has learned English reviews."""

from pathlib import Path

import pytest

import compare
import tfsent

FOLDER = Path(__file__).parents[1] / "models" / "imdb-small"
REVIEW = (
    "This film was a complete waste of time. The acting is wooden, the story makes no "
    "sense and the ending is a joke. I would not recommend it to anyone."
)


@pytest.mark.parametrize("load", [tfsent.load, compare.load], ids=["keras", "torch"])
def test_it_predicts_a_review_on_both_frameworks(load):
    model = load(FOLDER)
    assert model.bpc([REVIEW]) < 1.9
    # Letters in another order are not what it learned.
    assert model.bpc([REVIEW[::-1]]) > 3.0


def test_it_is_small_enough_to_be_shipped():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 16e6
