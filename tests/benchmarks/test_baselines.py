"""The n-gram model that a language model has to beat."""

import numpy as np
import pytest

from benchmarks.baselines import contexts, ngram_bpc


class Texts:
    """Samples in memory, as `contexts` reads them."""

    def __init__(self, *texts):
        self.texts = [np.frombuffer(t, np.uint8) for t in texts]
        self.num_samples = len(texts)
        self.num_bytes = sum(map(len, texts))

    def sample(self, k):
        return self.texts[k]


def test_contexts_hold_three_bytes_back_within_their_sample():
    grams = contexts(Texts(b"abcde", b"xy"), None)
    expected = [b"\0\0ab", b"\0abc", b"abcd", b"bcde", b"\0\0xy"]
    assert grams.tolist() == [int.from_bytes(g, "big") for g in expected]


def test_samples_are_taken_at_even_distances():
    texts = Texts(*(bytes([97, k]) for k in range(10)))
    assert [g & 255 for g in contexts(texts, 4).tolist()] == [0, 5]


def test_order_zero_is_the_mixture_worked_out_by_hand():
    train = contexts(Texts(b"?aab"), None)
    test = contexts(Texts(b"?a", b"?c"), None)
    # n = 3, two kinds: p(a) = (2 + 2/256) / 5, p(c) = (0 + 2/256) / 5.
    expected = -np.mean(np.log2([(2 + 2 / 256) / 5, 2 / 256 / 5]))
    assert ngram_bpc(train, test, 0) == pytest.approx(expected)


def test_order_one_falls_back_to_order_zero_in_an_unseen_context():
    train = contexts(Texts(b"?abab"), None)
    seen, unseen = contexts(Texts(b"ab"), None), contexts(Texts(b"zb"), None)
    p_b = (2 + 2 / 256) / 6
    assert ngram_bpc(train, unseen, 1) == pytest.approx(-np.log2(p_b))
    assert ngram_bpc(train, seen, 1) == pytest.approx(-np.log2((2 + p_b) / 3))


def test_probabilities_of_all_bytes_sum_to_one():
    rng = np.random.default_rng(0)
    train = contexts(Texts(bytes(rng.integers(97, 100, 500).tolist())), None)
    for start in (b"abc", b"aaa", b"zzz"):
        every = contexts(Texts(*(start + bytes([k]) for k in range(256))), None)
        last = every.reshape(256, 3)[:, 2]
        bits = [ngram_bpc(train, last[k : k + 1], 3) for k in range(256)]
        assert sum(2.0 ** -np.array(bits)) == pytest.approx(1)
