"""What is to be told of which texts: folds, and what is refused."""

import numpy as np
import pytest

from tests.supervised.reviews import labels_of, reviews, tagged
from tfsent.supervised.problem import pose
from tfsent.transfer.labelled import LabelledTexts, Labels


def posed(train, val=None, *, refit=False, seed=0):
    return pose(train, val, labels_of(train), "f1", refit, seed)


def test_validation_texts_are_what_is_tried_on():
    train, val = reviews(9, 0), reviews(4, 1, name="val")
    for refit, fitted in ((False, 9), (True, 13)):
        problem = posed(train, val, refit=refit)
        [(inside, outside)] = problem.parts
        assert problem.texts == train.texts + val.texts
        assert inside.tolist() == list(range(9))
        assert outside.tolist() == [9, 10, 11, 12]
        assert len(problem.final) == fitted
        assert problem.labels.tolist() == [0, 1] * 4 + [0] + [0, 1] * 2


def test_folds_hold_every_text_once_and_each_class_alike():
    problem = posed(reviews(33, 0, classes=3))
    assert "5 folds" in problem.how
    outside = np.concatenate([rows for _, rows in problem.parts])
    assert sorted(outside) == list(range(33))
    for inside, others in problem.parts:
        assert not set(inside) & set(others)
        counts = np.bincount(problem.labels[others])
        assert counts.max() - counts.min() <= 1


def test_folds_come_from_the_seed():
    texts = reviews(20, 0)
    one, same, other = (
        [rows.tolist() for _, rows in posed(texts, seed=seed).parts]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_folds_are_as_few_as_the_rarest_class():
    texts = reviews(20, 0)
    texts.labels[:, 0] = [1.0] * 3 + [0.0] * 17
    assert len(posed(texts).parts) == 3


def test_several_labels_have_plain_folds():
    problem = posed(tagged(23, 0))
    assert problem.outputs.shape == (23, 2)
    assert len(problem.parts) == 5


def test_texts_of_one_class_are_refused():
    train, both = reviews(6, 0), labels_of(reviews(6, 0))
    train.labels[:] = 1.0
    with pytest.raises(ValueError, match=r"data.train \(train\).*same"):
        pose(train, None, both, "f1", False, 0)


def test_no_texts_are_refused():
    both = labels_of(reviews(6, 0))
    empty = LabelledTexts("none", [], np.zeros((0, 1)))
    with pytest.raises(ValueError, match=r"data.train \(none\) has 0 texts"):
        pose(empty, None, both, "f1", False, 0)
    with pytest.raises(ValueError, match=r"data.val \(none\) has no text"):
        pose(reviews(6, 0), empty, both, "f1", False, 0)


def test_labels_that_training_lacks_are_refused():
    with pytest.raises(ValueError, match=r"data.val .*label 2"):
        posed(reviews(6, 0), reviews(6, 1, classes=3, name="val"))


def test_a_class_of_one_text_cannot_be_split():
    texts = reviews(6, 0)
    texts.labels[:, 0] = [1.0] + [0.0] * 5
    with pytest.raises(ValueError, match="class of one text"):
        posed(texts)


def test_regressions_are_no_matter_of_classes():
    texts = reviews(6, 0)
    texts.labels[:, 0] = np.linspace(0, 1, 6)
    with pytest.raises(ValueError, match="label_threshold|label-threshold"):
        labels_of(texts)
    assert Labels("binary", ("a", "b"), (0.0, 1.0)).kind == "binary"
