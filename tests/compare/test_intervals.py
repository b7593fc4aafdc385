"""Intervals over processes, and differences in pairs."""

import numpy as np
import pytest

from compare.intervals import bootstrapped
from compare.paired import compare_pairs, compare_texts


def test_interval_knows_that_processes_differ():
    rng = np.random.default_rng(0)
    rounds = [list(level + rng.normal(0, 0.01, 20)) for level in (1.0, 1.2, 1.4)]
    found = bootstrapped(rounds)
    together = bootstrapped([sum(rounds, [])])
    assert found.low < 1.05
    assert found.high > 1.35
    assert found.n == 60
    assert together.high - together.low < (found.high - found.low) / 2


def test_interval_holds_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    held = 0
    for k in range(30):
        levels = rng.normal(10, 1, 8)
        found = bootstrapped([list(rng.normal(x, 0.1, 5)) for x in levels], seed=k)
        held += found.low <= 10 <= found.high
    assert held >= 24


def test_interval_needs_figures():
    for nothing in ([], [[1.0], []]):
        with pytest.raises(ValueError, match="needs figures"):
            bootstrapped(nothing)


def test_classifiers_that_differ_by_chance_are_not_told_apart():
    rng = np.random.default_rng(0)
    one, other = rng.random(1000) < 0.8, rng.random(1000) < 0.8
    found = compare_texts("accuracy", one, other)
    assert found["p"] > 0.05
    assert "no more than noise" in found["sentence"]
    assert found["interval"][0] < found["difference"] < found["interval"][1]


def test_classifiers_that_differ_are_told_apart():
    rng = np.random.default_rng(0)
    one = rng.random(1000) < 0.9
    other = one & (rng.random(1000) < 0.9)
    found = compare_texts("accuracy", one, other)
    assert found["p"] < 1e-6
    assert found["interval"][0] > 0
    assert ", more than noise" in found["sentence"]
    assert found["difference"] == pytest.approx(one.mean() - other.mean())


def test_equal_classifiers_have_no_difference():
    right = np.array([True, False, True])
    found = compare_texts("accuracy", right, right)
    assert found["interval"] == [0, 0]
    assert found["p"] == 1


def test_seeds_are_compared_in_pairs():
    keras = [1.80, 1.90, 2.00]
    found = compare_pairs("BPC", "bits", keras, [x - 0.01 - 0.001 * x for x in keras])
    assert found["p"] < 0.01
    assert found["interval"][0] > 0
    noisy = compare_pairs("BPC", "bits", keras, [1.83, 1.86, 2.01])
    assert "no more than noise" in noisy["sentence"]
    alone = compare_pairs("BPC", "bits", [1.8], [1.7])
    assert alone["p"] is None
    assert "one seed cannot tell" in alone["sentence"]
