"""The built-in reviews: always the same, balanced, readable, learnable, not trivial."""

import hashlib
import itertools
import re
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from tfsent.data import corpus, corpus_typing
from tfsent.data.corpus import CORPUS_VERSION, reviews


@pytest.fixture(scope="module")
def written():
    """The first 8,000 reviews, a third of all."""
    return list(reviews(8000))


@pytest.fixture
def without_slips(monkeypatch):
    """Texts of 2,000 reviewers who type well."""
    monkeypatch.setattr(corpus_typing, "_mistype", lambda text, draw: text)
    return [text for text, _ in reviews(2000)]


def all_templates():
    """Every list of phrases that a review can draw from."""
    modules = (corpus.sentences, corpus.verdicts, corpus.words)

    def strings(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from strings(tuple(value.values()))
        elif isinstance(value, tuple):
            for each in value:
                yield from strings(each)

    for module in modules:
        for name, value in vars(module).items():
            if name.isupper():
                yield from strings(value)
    yield from strings(corpus.PARTS)
    yield from strings(corpus._tables())


def held_out_accuracy(some_reviews, ngrams):
    """Share of the last fifth that a bag of words, learnt on the rest, gets right."""
    texts, labels = zip(*some_reviews, strict=True)
    counts = CountVectorizer(ngram_range=(1, ngrams), min_df=3).fit_transform(texts)
    cut = len(texts) * 4 // 5
    model = LogisticRegression(C=0.3, solver="liblinear", random_state=0)
    model.fit(counts[:cut], labels[:cut])
    return model.score(counts[cut:], labels[cut:])


def test_first_reviews_are_frozen():
    digest = hashlib.sha256()
    for text, label in reviews(500):
        digest.update(f"{label}{text}\0".encode())
    # Another digest needs another CORPUS_VERSION.
    frozen = "7eca599edb2fa3c9ef78925215a0b889952c2c206b85c591debb358470d28c22"
    assert (CORPUS_VERSION, digest.hexdigest()) == (1, frozen)


def test_fewer_reviews_are_a_prefix_of_more():
    assert list(reviews(40, seed=3)) == list(reviews(300, seed=3))[:40]


def test_a_review_depends_on_its_seed_and_index_alone():
    alone = corpus._Writer().review(corpus._hash("review 7 11"), label=1)
    (twelfth,) = itertools.islice(reviews(12, seed=7), 11, None)
    assert twelfth == (alone, 1)


def test_seeds_give_different_reviews():
    # Long enough not to be equal by chance.
    first, second = (
        {text for text, _ in reviews(200, seed=seed) if len(text) > 150}
        for seed in (0, 1)
    )
    assert not first & second


def test_labels_balance_in_every_even_prefix(written):
    labels = [label for _, label in written]
    for stop in range(0, len(labels), 2):
        assert labels[stop] + labels[stop + 1] == 1
    assert 0.4 < sum(labels[::2]) / (len(labels) / 2) < 0.6


def test_there_are_24000_reviews_if_none_are_counted(monkeypatch):
    monkeypatch.setattr(corpus._Writer, "review", lambda self, key, label: "")
    assert sum(1 for _ in reviews()) == 24000


def test_lengths_are_skewed_from_two_words_to_over_2000_characters(written):
    lengths = sorted(len(text) for text, _ in written)
    median = lengths[len(lengths) // 2]
    assert min(len(text.split()) for text, _ in written) == 2
    assert lengths[-1] > 2000
    assert 200 < median < 0.9 * sum(lengths) / len(lengths)


def test_mean_length_makes_the_whole_some_8_to_12_megabytes(written):
    mean_bytes = sum(len(text.encode()) for text, _ in written) / len(written)
    assert 8e6 < 24000 * mean_bytes < 12e6


def test_vocabulary_is_rich(written):
    found = re.findall(r"[^\W\d_]+", " ".join(text for text, _ in written))
    assert len({word.lower() for word in found}) > 4000
    assert len({word for word in found if word.islower()}) > 1800


def test_almost_every_longer_review_is_unique(written):
    texts = [text for text, _ in written if len(text) > 40]
    assert len(set(texts)) > 0.995 * len(texts)


@pytest.mark.parametrize("num_bytes", [1, 2, 3, 4])
def test_characters_of_every_length_occur_under_both_labels(written, num_bytes):
    for wanted in (0, 1):
        texts = "".join(text for text, label in written if label == wanted)
        assert sum(len(character.encode()) == num_bytes for character in texts) > 100


def test_no_slot_is_left_open(written):
    assert not [text for text, _ in written if "{" in text or "}" in text]


def test_every_slot_of_every_phrase_can_be_filled():
    of_parts = {"noun", "says", "adj", "unadj", "noun2", "unsays"}
    fillable = set(corpus._tables()) | of_parts | {"thing", "name"}
    slots = {slot for text in all_templates() for slot in corpus._SLOT.findall(text)}
    assert slots <= fillable
    assert of_parts <= slots


def test_phrases_are_neither_empty_nor_torn():
    for text in all_templates():
        assert text
        assert text == " ".join(text.split())
        assert "|" not in text


def test_articles_suit_the_next_word(without_slips):
    text = " ".join(without_slips)
    assert re.findall(r"\ba useless\b", text)
    assert not re.findall(r"\b[Aa] (?:[aei]|o[^n])\w+", text)
    assert not re.findall(r"\b[Aa]n [bcdfgjklmnpqrstvwxz]\w+", text)


def test_sentences_begin_with_a_capital(without_slips):
    text = " ".join(without_slips)
    assert text.count("? ") > 50
    assert not re.findall(r"[.?!]\s+[a-z]\w+", text)


def test_some_reviewers_slip(written, without_slips):
    words = [set(re.findall(r"\w+", text)) for text in without_slips]
    slipped = sum(
        not set(re.findall(r"\w+", text)) <= sure
        for (text, _), sure in zip(written, words, strict=False)
    )
    assert 0.1 < slipped / len(without_slips) < 0.4
    assert any(text == text.lower() for text, _ in written)


def test_source_files_are_ascii():
    files = sorted(Path(corpus.__file__).parent.glob("corpus*.py"))
    assert len(files) >= 2
    assert all(file.read_bytes().isascii() for file in files)


def test_a_bag_of_words_learns_it_but_not_all(written):
    assert 0.75 < held_out_accuracy(written, ngrams=1) < 0.98


def test_order_tells_more_than_words_alone(written):
    few = written[:2500]
    assert held_out_accuracy(few, 2) > held_out_accuracy(few, 1) + 0.05


@pytest.mark.parametrize("rating", ["3/5", "6/10", "3 stars"])
def test_a_rating_in_the_middle_is_given_by_both_sides(written, rating):
    assert {label for text, label in written if rating in text} == {0, 1}
