"""Averaged word vectors with a linear model: found, refused, saved."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.supervised.reviews import labels_of, reviews, tagged, told
from tfsent.checkpoint import CheckpointError
from tfsent.config_supervised import EmbeddingsConfig
from tfsent.supervised import FittedEmbeddings, FittedLinear, fit_embeddings
from tfsent.supervised.averages import first_component, without
from tfsent.supervised.logistic import Regression

KINDS = {
    "binary": reviews,
    "multiclass": lambda count, seed: reviews(count, seed, classes=3),
    "multilabel": tagged,
}


def fitted(train, val=None, *, seed=0, unlabelled=None, metric="f1", **settings):
    given = {"dimensions": 9, "C": (0.25, 16.0), **settings}
    return fit_embeddings(
        train,
        val,
        labels_of(train),
        unlabelled or (lambda: train.texts),
        EmbeddingsConfig(**given),
        seed,
        told,
        metric=metric,
    )


@pytest.mark.parametrize("features", ["average", "weighted", "both"])
def test_words_that_decide_are_found(features):
    train, val, test = reviews(150, 0), reviews(30, 1, name="val"), reviews(60, 2)
    made = fitted(train, val, features=features)
    said = made.probabilities(test.texts)
    assert said.shape == (60,)
    assert np.mean((said > 0.5) == test.labels[:, 0]) > 0.95
    tried = {one["feature"] for one in made.figures["tried"]}
    assert tried == ({"average", "weighted"} if features == "both" else {features})


def test_several_labels_are_told_with_thresholds_of_their_own():
    train, test = tagged(200, 0), tagged(60, 1)
    made = fitted(train, metric="jaccard")
    said = made.probabilities(test.texts)
    assert np.mean((said > made.thresholds) == test.labels) > 0.9
    assert made.figures["measure"] == "jaccard"


def test_the_model_says_of_validation_texts_what_it_was_chosen_for():
    train, val = reviews(80, 0, noise=0.5), reviews(40, 1, noise=0.5)
    for features in ("average", "weighted"):
        made = fitted(train, val, features=features)
        right = (made.probabilities(val.texts) > 0.5) == val.labels[:, 0]
        assert made.figures["chosen"]["score"] == right.mean() < 1.0


def test_weighted_texts_have_no_first_component_left():
    train = reviews(80, 0)
    made = fitted(train, reviews(20, 1), features="weighted")
    component = made.averages.component
    assert np.linalg.norm(component) == pytest.approx(1.0)
    assert np.abs(made.averages.rows(train.texts) @ component).max() < 1e-9
    plain = fitted(train, reviews(20, 1), features="average")
    assert not plain.averages.component.any()


def test_component_and_unit_are_those_of_the_training_texts():
    train, val = reviews(60, 0, noise=0.4), reviews(20, 1, name="val")
    val.texts[:] = [f"{text} music music music music" for text in val.texts]
    made = fitted(train, val, features="weighted", C=(2.0,))
    rows = replace(made.averages, component=np.zeros(9)).rows(train.texts)
    component = first_component(rows)
    np.testing.assert_array_equal(made.averages.component, component)
    rows = without(rows, component)
    unit = np.linalg.norm(rows - rows.mean(0)) / 60**0.5
    found, _ = Regression().fit(rows / unit, train.labels.astype(int), 2.0)
    np.testing.assert_allclose(made.fit.weights * unit, found.weights, rtol=1e-6)


def test_vectors_come_from_unlabelled_text():
    train = reviews(60, 0)
    more = [*train.texts, *["superb good superb good", "bad awful bad awful"] * 30]
    made = fitted(train, unlabelled=lambda: more)
    assert made.figures["words"] == len(made.averages.vocabulary)
    bad, good = made.probabilities(["awful", "superb"])
    assert bad < 0.5 < good


def test_validation_texts_are_fitted_only_if_asked_for():
    train, val = reviews(40, 0), reviews(10, 1, name="val")
    counts = [
        fitted(train, val, refit_on_val=yes).figures["texts_fitted"]
        for yes in (False, True)
    ]
    assert counts == [40, 50]


def test_the_same_seed_gives_the_same_model():
    train = reviews(60, 0, noise=0.4)
    one, same, other = (fitted(train, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.fit.weights, same.fit.weights)
    assert one.figures == same.figures
    assert one.figures["tried"] != other.figures["tried"]


def test_texts_without_a_vector_are_refused():
    train = reviews(20, 0)
    foreign = ["autre langue ici"] * 20
    with pytest.raises(ValueError, match="has a vector"):
        fitted(train, unlabelled=lambda: foreign)
    val = reviews(4, 1, name="val")
    val.texts[:] = foreign[:4]
    with pytest.raises(ValueError, match="has a vector"):
        fitted(train, val)


def test_a_text_without_a_known_word_gets_what_is_likely_of_any():
    nothing, unknown = fitted(reviews(60, 0)).probabilities(["", "xyzzy"])
    assert nothing == unknown
    assert 0 < nothing < 1


def test_texts_of_one_class_are_refused():
    train, both = reviews(10, 0), labels_of(reviews(10, 0))
    train.labels[:] = 0.0
    with pytest.raises(ValueError, match="data.train"):
        fit_embeddings(
            train, None, both, lambda: train.texts, EmbeddingsConfig(), 0, told
        )


@pytest.mark.parametrize("features", ["average", "weighted"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_says_the_same_to_the_last_bit(tmp_path, kind, features):
    train, test = KINDS[kind](60, 0), KINDS[kind](30, 1)
    made = fitted(train, features=features)
    made.save(tmp_path)
    found = FittedEmbeddings.load(tmp_path)
    expected = made.probabilities(test.texts)
    np.testing.assert_array_equal(found.probabilities(test.texts), expected)
    np.testing.assert_array_equal(found.thresholds, made.thresholds)
    for name in ("config", "kind", "classes", "feature", "figures"):
        assert getattr(found, name) == getattr(made, name)
    assert json.loads(json.dumps(made.figures)) == made.figures


def test_another_system_is_refused(tmp_path):
    fitted(reviews(40, 0)).save(tmp_path)
    with pytest.raises(CheckpointError, match=r"manifest.json.*linear"):
        FittedLinear.load(tmp_path)
