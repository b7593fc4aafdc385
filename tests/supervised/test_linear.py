"""The linear model on n-grams: what it finds, what it refuses, what it saves."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.supervised.reviews import SAYS, labels_of, reviews, tagged, told
from tfsent.checkpoint import CheckpointError
from tfsent.config_supervised import LinearConfig
from tfsent.data.word_splitting import split_words
from tfsent.supervised import FittedLinear, fit_linear
from tfsent.supervised.found_ngrams import find_ngrams
from tfsent.supervised.logistic import Regression
from tfsent.supervised.symbols import Split
from tfsent.supervised.weighting import log_count_ratios
from tfsent.transfer.labelled import LabelledTexts

KINDS = {
    "binary": lambda count, seed, **more: reviews(count, seed, noise=0.2, **more),
    "multiclass": lambda count, seed, **more: reviews(
        count, seed, classes=3, noise=0.2, **more
    ),
    "multilabel": tagged,
}
FEW = {"min_df": (1, 2), "C": (0.25, 4.0)}


def fitted(train, val=None, *, seed=0, metric="f1", **settings):
    config = LinearConfig(**{**FEW, **settings})
    return fit_linear(train, val, labels_of(train), config, seed, told, metric=metric)


@pytest.mark.parametrize("weighting", ["tfidf", "binary", "nbsvm"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_words_that_decide_are_found(weighting, penalty):
    train, val, test = reviews(80, 0), reviews(20, 1, name="val"), reviews(40, 2)
    made = fitted(train, val, weighting=weighting, penalty=penalty)
    said = made.probabilities(test.texts)
    assert said.shape == (40,)
    assert said.dtype == np.float64
    np.testing.assert_array_equal(said > 0.5, test.labels[:, 0] == 1)
    assert made.thresholds.tolist() == [0.5]


@pytest.mark.parametrize("weighting", ["tfidf", "nbsvm"])
def test_several_classes_are_told_apart(weighting):
    train, test = reviews(90, 0, classes=3), reviews(30, 1, classes=3)
    said = fitted(train, weighting=weighting).probabilities(test.texts)
    np.testing.assert_allclose(said.sum(1), 1.0)
    np.testing.assert_array_equal(said.argmax(1), test.labels[:, 0])


def test_several_labels_are_told_with_thresholds_of_their_own():
    train, val, test = tagged(120, 0), tagged(60, 1, name="val"), tagged(50, 2)
    made = fitted(train, val, metric="jaccard", word_ngrams=(1, 1), C=(64.0,))
    np.testing.assert_array_equal(
        made.probabilities(test.texts) > made.thresholds, test.labels
    )
    assert made.figures["measure"] == "jaccard"


def test_order_of_words_needs_pairs():
    texts = ["good not bad", "bad not good"] * 12
    train = LabelledTexts("order", texts, np.arange(24)[:, None] % 2.0)
    pairs = fitted(train).probabilities(texts[:2])
    words = fitted(train, word_ngrams=(1, 1)).probabilities(texts[:2])
    assert pairs[0] < 0.4
    assert pairs[1] > 0.6
    assert words[0] == words[1]


def test_characters_know_words_that_were_never_seen():
    train = reviews(60, 0)
    made = fitted(train, word_ngrams=None, character_ngrams=(2, 4))
    good, bad = made.probabilities(["goodness", "badly"])
    assert bad < 0.5 < good
    both = fitted(train, character_ngrams=(2, 4), characters="char")
    assert [each.split.unit for each in both.vocabularies] == ["word", "char"]
    assert len(both.idf) == sum(map(len, both.vocabularies))


def test_single_words_are_weighted_as_scikit_learn_does():
    train, val = reviews(30, 0), reviews(8, 1, name="val")
    made = fitted(train, val, word_ngrams=(1, 1), min_df=(2,))
    other = TfidfVectorizer(tokenizer=split_words, token_pattern=None, min_df=2)
    expected = other.fit(train.texts).transform(val.texts).toarray()
    [vocabulary] = made.vocabularies
    columns = [other.vocabulary_[name] for name in vocabulary.names]
    assert len(columns) == expected.shape[1]
    rows = made._rows(val.texts).toarray()
    np.testing.assert_allclose(rows, expected[:, columns], rtol=1e-14)


@pytest.mark.parametrize("weighting", ["tfidf", "binary", "nbsvm"])
def test_the_model_says_of_validation_texts_what_it_was_chosen_for(weighting):
    train, val = reviews(60, 0, noise=0.5), reviews(40, 1, name="val", noise=0.5)
    made = fitted(train, val, weighting=weighting, sublinear=weighting == "tfidf")
    right = (made.probabilities(val.texts) > 0.5) == val.labels[:, 0]
    assert made.figures["chosen"]["score"] == right.mean() < 1.0


def test_ratios_of_the_training_texts_multiply_the_ngrams():
    train, val = reviews(60, 0, noise=0.4), reviews(20, 1, name="val")
    made = fitted(train, val, weighting="nbsvm", word_ngrams=(1, 1), C=(0.5,))
    rows, outputs = made._rows(train.texts), train.labels.astype(int)
    ratios = log_count_ratios(rows, outputs, 1.0)
    found, _ = Regression().fit(rows.multiply(ratios[:, 0]).tocsr(), outputs, 0.5)
    np.testing.assert_allclose(made.fit.weights, found.weights * ratios, rtol=1e-9)
    plain = fitted(train, val, weighting="binary", word_ngrams=(1, 1), C=(0.5,))
    assert np.abs(plain.fit.weights - made.fit.weights).max() > 0.1


def test_the_rarity_that_is_best_on_validation_texts_is_taken():
    # Two words of each training text stand in no other; a validation text has those of
    # the other class, twice as many as there are texts that say good.
    train, val = reviews(40, 0), reviews(40, 1, name="val")
    train.texts[:] = [f"{t} rare{k}a rare{k}b" for k, t in enumerate(train.texts)]
    for k, text in enumerate(val.texts):
        rare = " ".join(f"rare{j}a rare{j}b" for j in range(1 - k % 2, 40, 2))
        val.texts[k] = f"{text} {rare}"
    made = fitted(train, val, word_ngrams=(1, 1), weighting="binary", min_df=(1, 2))
    scores = {}
    for one in made.figures["tried"]:
        scores[one["min_df"]] = max(one["score"], scores.get(one["min_df"], 0.0))
    assert scores[1] < scores[2] == 1.0
    assert made.figures["chosen"]["min_df"] == 2
    assert not [name for name in made.vocabularies[0].names if "rare" in name]


def test_of_equals_the_model_of_fewest_ngrams_is_taken():
    train, val = reviews(60, 0), reviews(20, 1, name="val")
    made = fitted(train, val, min_df=(1, 5, 2), C=(16.0,))
    assert {one["score"] for one in made.figures["tried"]} == {1.0}
    assert made.figures["chosen"]["min_df"] == 5


def test_without_validation_texts_folds_decide():
    train = reviews(50, 0, noise=0.3)
    made = fitted(train)
    assert "folds" in made.figures["chosen_on"]
    assert made.figures["texts_fitted"] == 50
    best = max(made.figures["tried"], key=lambda one: one["score"])
    assert made.figures["chosen"] == best


def test_validation_texts_are_fitted_only_if_asked_for():
    train, val = reviews(40, 0), reviews(10, 1, name="val")
    val.texts[:] = [f"{text} validation" for text in val.texts]
    without, with_val = (fitted(train, val, refit_on_val=yes) for yes in (False, True))
    assert "validation" not in without.vocabularies[0].names
    assert "validation" in with_val.vocabularies[0].names
    assert with_val.figures["texts_fitted"] == 50


def test_the_same_seed_gives_the_same_model():
    train = reviews(50, 0, noise=0.3)
    one, same, other = (fitted(train, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.fit.weights, same.fit.weights)
    assert one.figures == same.figures
    assert one.figures["tried"] != other.figures["tried"]


def test_balanced_classes_find_the_rare_one():
    train = reviews(80, 0, noise=0.6)
    keep = [k for k in range(80) if k % 2 == 0 or k % 16 == 1]
    few = train._replace(
        texts=[train.texts[k] for k in keep], labels=train.labels[keep]
    )
    plain, balanced = (
        fitted(few, class_weights=kind, word_ngrams=(1, 1), C=(0.25,))
        .probabilities(train.texts)
        .mean()
        for kind in ("none", "balanced")
    )
    assert plain < 0.25 < 0.4 < balanced < 0.6


def test_a_text_without_a_known_word_gets_what_is_likely_of_any():
    made = fitted(reviews(40, 0), weighting="binary")
    nothing, unknown = made.probabilities(["", "xyzzy"])
    assert nothing == unknown
    assert nothing == pytest.approx(1 / (1 + np.exp(-made.fit.bias[0])))
    assert made.probabilities([]).shape == (0,)


def test_empty_texts_are_read_as_texts_that_say_nothing():
    train, val = reviews(40, 0), reviews(10, 1, name="val")
    train.texts[::10], val.texts[0] = [""] * 4, " <br /> "
    assert np.isfinite(fitted(train, val).probabilities(["", "good"])).all()


def test_texts_with_nothing_in_common_are_refused():
    train, val = reviews(20, 0), reviews(4, 1, name="val")
    val.texts[:] = ["autre langue"] * 4
    with pytest.raises(ValueError, match=r"linear.min_df.*same language"):
        fitted(train, val)
    train.texts[:] = [""] * 20
    with pytest.raises(ValueError, match="linear.min_df"):
        fitted(train)
    train.texts[:] = [f"word{k}" for k in range(20)]
    with pytest.raises(ValueError, match=r"linear.min_df is \(2,\)"):
        fitted(train, reviews(4, 1), min_df=(2,))


def test_texts_of_one_class_are_refused():
    train, both = reviews(10, 0), labels_of(reviews(10, 0))
    train.labels[:] = 0.0
    with pytest.raises(ValueError, match="data.train"):
        fit_linear(train, None, both, LinearConfig(), 0, told)


def test_labels_that_training_lacks_are_refused():
    with pytest.raises(ValueError, match="data.val"):
        fitted(reviews(10, 0), reviews(9, 1, classes=3, name="val"))


@pytest.mark.parametrize("weighting", ["tfidf", "nbsvm"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_says_the_same_to_the_last_bit(tmp_path, kind, weighting):
    train, test = KINDS[kind](60, 0), KINDS[kind](30, 1)
    made = fitted(train, weighting=weighting, character_ngrams=(1, 3))
    made.save(tmp_path / "model")
    found = FittedLinear.load(tmp_path / "model")
    expected = made.probabilities(test.texts)
    np.testing.assert_array_equal(found.probabilities(test.texts), expected)
    np.testing.assert_array_equal(found.thresholds, made.thresholds)
    for name in ("config", "kind", "classes", "figures"):
        assert getattr(found, name) == getattr(made, name)


def test_texts_are_read_a_part_at_a_time_and_say_the_same(monkeypatch):
    made, texts = fitted(reviews(40, 0)), reviews(23, 1).texts
    expected = made.probabilities(texts)
    monkeypatch.setattr("tfsent.supervised.linear._TEXTS_AT_ONCE", 5)
    np.testing.assert_array_equal(made.probabilities(texts), expected)


@pytest.mark.parametrize(
    ("unit", "message"), [("word", "'a b c'"), ("char", r"holds \['char'\]")]
)
def test_another_vocabulary_than_the_settings_say_is_refused(tmp_path, unit, message):
    made = fitted(reviews(20, 0), min_df=(2,))
    wrong = find_ngrams(["a b c"], Split(unit, 3, 3, True), 1)
    every = wrong.vocabulary(np.ones(wrong.counts.shape[1], bool))
    replace(made, vocabularies=(every,)).save(tmp_path)
    with pytest.raises(CheckpointError, match=rf"vocabulary.json.*{message}"):
        FittedLinear.load(tmp_path)


def test_what_was_tried_is_json():
    made = fitted(reviews(20, 0))
    assert json.loads(json.dumps(made.figures)) == made.figures
    assert set(SAYS[:2]) <= set(made.vocabularies[0].names)
