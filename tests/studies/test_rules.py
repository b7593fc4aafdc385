"""What figures say, by rule: made-up figures, both ways."""

import pytest

from tests.studies.made_up import point, results, run_of, words
from tfsent.studies.rules import sentences


def said(*args, **more):
    return " ".join(sentences(results(*args, **more)))


def test_the_optimizer_that_reaches_the_level_first_is_named_first():
    slow = run_of("sgd", 0.1, 0.80, ((10, 0.6), (20, 0.80)))
    fast = run_of("adam", 0.01, 0.78, ((10, 0.78), (20, 0.77)))
    found = said("optimizers", [slow, fast])
    assert found.startswith("Best on validation texts: sgd 0.8000 (rate 0.1), adam")
    # 0.5 + 0.9 * 0.3
    assert "0.7700, 90% of the way" in found
    assert "reached first by adam (10 updates), sgd (20 updates)." in found
    assert "not reached" not in found


def test_an_optimizer_that_does_not_reach_it_is_named():
    found = said(
        "optimizers", [run_of("sgd", val=0.6, curve=((9, 0.6),)), run_of("adam")]
    )
    assert "It is not reached by sgd." in found


@pytest.mark.parametrize(("best", "edge"), [(0.1, True), (0.3, False), (0.9, True)])
def test_a_best_rate_at_the_edge_is_said_to_be_there(best, edge):
    runs = [run_of("sgd", x, 0.9 if x == best else 0.7) for x in (0.1, 0.3, 0.9)]
    assert ("may lie beyond: sgd" in said("optimizers", runs)) == edge


def test_tricks_save_what_the_first_needs_more_than_the_last():
    plain = run_of("plain", 0, 0.8, ((10, 0.5), (100, 0.8)))
    full = run_of("+ all", 1, 0.8, ((20, 0.8), (100, 0.79)))
    found = said("tricks", [plain, full])
    assert "plain: reached after 400 texts, 200 s." in found
    assert "5.0 times fewer texts and 5.0 times less time." in found


def test_a_first_that_never_gets_there_gives_a_bound():
    plain = run_of("plain", 0, 0.5, ((10, 0.5), (100, 0.5)))
    full = run_of("+ all", 1, 0.8, ((20, 0.8),))
    found = said("tricks", [plain, full])
    assert "plain: not reached in 400 texts" in found
    assert "at least 5.0 times fewer texts" in found


def test_tricks_that_do_not_help_are_said_not_to():
    plain = run_of("plain", 0, 0.9, ((10, 0.9),))
    full = run_of("+ all", 1, 0.6, ((20, 0.6),))
    assert "they do not add up here" in said("tricks", [plain, full])


def test_lines_that_cross_are_said_to_and_where():
    lines = [
        point("linear", 100, 0.70),
        point("network", 100, 0.60),
        point("linear", 1000, 0.80),
        point("network", 1000, 0.85),
    ]
    found = said("crossover", lines=lines)
    assert (
        "100 labels: linear 0.7000, network 0.6000; linear leads, intervals apart"
        in (found)
    )
    assert "1,000 labels: network 0.8500, linear 0.8000; network leads" in found
    assert "cross: between 100 and 1,000 network goes ahead." in found


def test_lines_that_do_not_cross_are_said_not_to():
    lines = [point(line, x, v) for line, v in (("a", 0.7), ("b", 0.8)) for x in (9, 99)]
    assert "b is ahead of a at every number from 9 to 99: they do not cross." in said(
        "crossover", lines=lines
    )


def test_intervals_that_touch_do_not_lead():
    lines = [point("a", 100, 0.70, 0.05), point("b", 100, 0.72, 0.05)]
    assert "intervals of b and a touch" in said("crossover", lines=lines)


@pytest.mark.parametrize(("mean", "word"), [(0.85, "apart"), (0.81, "touch")])
def test_depth_pays_only_where_intervals_are_apart(mean, word):
    lines = [point("gru", 1, 0.80), point("gru", 2, mean, seconds=2.5)]
    found = said("depth", lines=lines)
    assert f"{100 * (mean - 0.8):+.2f} points, intervals {word}; 2.50 times" in found


@pytest.mark.parametrize(("told", "verb"), [(0.7, "sort"), (0.1, "do not sort")])
def test_words_sort_only_if_they_do_so_more_than_shuffled_ones(told, verb):
    found = said("words", words=words(told, 0.2))
    assert found.startswith(f"Word vectors {verb} by sentiment")
    assert "Lowest: awful" in found
