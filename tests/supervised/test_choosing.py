"""The choice of settings: the best on validation rows, whatever the order."""

import numpy as np
import pytest
from scipy import sparse

from tests.supervised.reviews import labels_of, reviews, tagged, told
from tests.transfer.planted import planted
from tfsent.supervised import choosing
from tfsent.supervised.choosing import (
    Candidate,
    View,
    choose,
    chosen_fit,
    figures,
    predict,
)
from tfsent.supervised.logistic import Regression
from tfsent.supervised.problem import Problem
from tfsent.supervised.task import Task

STRENGTHS = (0.002, 0.03, 0.5, 8.0)


def problem(train=40, val=300, *, strength=1.0, refit=False):
    """Return a problem of numbered texts, and the features of its rows."""
    count = train + (val or 0)
    features, labels = planted(count, 30, 0, strength=strength)
    rows = np.arange(train)
    parts = [(rows, np.arange(train, count))]
    if val is None:
        parts = [(rows[k::4], np.setdiff1d(rows, rows[k::4])) for k in range(4)]
    made = Problem(
        [str(k) for k in range(count)],
        Task.of(labels_of(reviews(4, 0)), "f1"),
        labels,
        labels[:, None],
        parts,
        np.arange(count) if refit else rows,
        "planted",
    )
    return made, features.astype(np.float64)


def candidate(features, **settings):
    return Candidate(
        settings, lambda one, other: View(features[one], features[other], None)
    )


def score(made, features, C):
    [(inside, outside)] = made.parts
    found, _ = Regression().fit(features[inside], made.outputs[inside], C)
    predicted = predict(found.scores(features[outside]), "binary")
    return np.mean((predicted > 0.5) == made.labels[outside])


def chosen(made, candidates, strengths=STRENGTHS):
    return choose(made, candidates, strengths, Regression(), "refused", told)


def test_the_best_strength_on_validation_rows_is_taken():
    made, features = problem()
    best, tried = chosen(made, [candidate(features, of="all")], STRENGTHS[::-1])
    expected = [score(made, features, C) for C in STRENGTHS]
    assert [one.C for one in tried] == list(STRENGTHS)
    assert [one.score for one in tried] == expected
    assert len(set(expected)) > 2
    assert best.C == STRENGTHS[int(np.argmax(expected))]


def test_the_better_candidate_is_taken_wherever_it_stands():
    made, features = problem()
    noise = np.random.default_rng(1).standard_normal(features.shape)
    good, bad = candidate(features, of="good"), candidate(noise, of="bad")
    for order in ([good, bad], [bad, good]):
        best, tried = chosen(made, order)
        assert best.candidate.settings == {"of": "good"}
        assert len(tried) == 8


def test_of_equals_the_first_candidate_and_the_smallest_strength_are_taken():
    made, features = problem(strength=50.0)
    both = [candidate(features, of="first"), candidate(features, of="second")]
    best, tried = chosen(made, both)
    assert {one.score for one in tried} == {1.0}
    assert (best.candidate.settings["of"], best.C) == ("first", STRENGTHS[0])


def test_folds_are_judged_together():
    made, features = problem(val=None)
    best, _ = chosen(made, [candidate(features, of="all")], [0.5])
    right = []
    for inside, outside in made.parts:
        found, _ = Regression().fit(features[inside], made.outputs[inside], 0.5)
        said = predict(found.scores(features[outside]), "binary") > 0.5
        right += (said == made.labels[outside]).tolist()
    assert best.score == np.mean(right)
    assert best.fit is None


@pytest.mark.parametrize(("val", "refit"), [(20, False), (20, True), (None, False)])
def test_the_chosen_fit_is_that_of_all_rows_it_may_see(val, refit):
    made, features = problem(val=val, refit=refit)
    best, _ = chosen(made, [candidate(features, of="all")])
    found, _ = chosen_fit(made, best, Regression())
    rows = made.final
    expected, _ = Regression().fit(features[rows], made.outputs[rows], best.C)
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_a_candidate_without_a_view_is_left_out():
    made, features = problem()
    none = Candidate({"of": "none"}, lambda *rows: None)
    best, tried = chosen(made, [none, candidate(features, of="all")])
    assert {one.candidate.settings["of"] for one in tried} == {"all"}
    with pytest.raises(ValueError, match="refused"):
        chosen(made, [none])


def test_where_numbers_are_many_worse_strengths_end_the_search(monkeypatch):
    made, features = problem(train=60, val=400)
    strengths = [2.0**k for k in range(-8, 12, 2)]
    every = chosen(made, [candidate(features, of="all")], strengths)
    monkeypatch.setattr(choosing, "FULL_CELLS", 60 * 30 - 1)
    fewer = chosen(made, [candidate(features, of="all")], strengths)
    assert len(fewer[1]) < len(every[1]) == len(strengths)
    scores = [one.score for one in fewer[1]]
    assert max(scores[-2:]) < max(scores) == fewer[0].score
    monkeypatch.setattr(choosing, "FULL_CELLS", 60 * 30)
    assert len(chosen(made, [candidate(features, of="all")], strengths)[1]) == 10


def test_the_size_of_sparse_rows_is_what_they_hold(monkeypatch):
    made, features = problem()
    sparse_rows = sparse.csr_matrix(np.where(np.abs(features) > 1.5, features, 0.0))
    view = View(sparse_rows, sparse_rows)
    assert choosing._size(view.inside, made) == sparse_rows.nnz < features.size


def test_several_labels_have_thresholds_of_their_own():
    texts = tagged(200, 0)
    labels = labels_of(texts)
    outputs = labels.encode(texts, "data.train")
    features = outputs + np.random.default_rng(0).standard_normal(outputs.shape)
    rows, others = np.arange(100), np.arange(100, 200)
    made = Problem(
        texts.texts,
        Task.of(labels, "jaccard"),
        outputs,
        outputs,
        [(rows, others)],
        rows,
        "planted",
    )
    best, _ = chosen(made, [candidate(features, of="all")])
    assert best.thresholds.shape == (2,)
    assert 0.5 not in best.thresholds
    predicted = predict(best.fit.scores(features[others]), "multilabel")
    yes = predicted > best.thresholds
    both, either = (yes & outputs[others]).sum(0), (yes | outputs[others]).sum(0)
    assert best.score == pytest.approx(np.mean(both / either))
    assert figures(made, best, [best])["measure"] == "jaccard"
