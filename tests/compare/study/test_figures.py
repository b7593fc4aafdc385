"""Figures of what was measured: compiling apart, rounds in pairs, corrected p."""

import numpy as np
import pytest
from scipy import stats

from compare.study.answers import BETWEEN_FRAMEWORKS, MORE_LAYERS, comparisons, holm
from compare.study.figures import Times, interval, network_figures, steady
from compare.study.measure import packed
from compare.study.networks import Network

LENGTHS = [10, 20, 10, 20, 10, 30]


def entry(factor=1.0, right=(True, False, True, True), compiling=7.0):
    """Return what is measured of two epochs of three updates, 0.1 s for 10 words."""
    usual = [factor * length / 100 for length in LENGTHS]
    seconds = list(usual)
    seconds[0] += compiling
    seconds[1] += compiling
    return {
        "status": "ok",
        "reason": None,
        "stderr": "",
        "facts": {"import_s": 2.0},
        "start": {"process_s": 3.0, "build_s": 0.5, "first_s": 1.0, "loss": 0.7},
        "gap": {"value": 0.0, "tolerance": 1e-5, "what": "losses"},
        "epochs": [
            [
                {"round": None, "seconds": seconds[:1], "losses": [0.7]},
                {"round": 0, "seconds": seconds[1:3], "losses": [0.6, 0.5]},
            ],
            [{"round": 1, "seconds": seconds[3:], "losses": [0.4, 0.3, 0.2]}],
        ],
        "test": [
            {"round": 2, "seconds": [4.0 * factor]},
            {"round": 3, "seconds": [4.0 * factor]},
        ],
        "single": [
            {"round": 4, "seconds": [9.0, 0.2 * factor, 0.2 * factor]},
            {"round": 5, "seconds": [0.3 * factor, 0.1 * factor]},
        ],
        "right": packed(np.array(right)),
        "peak_resident_bytes": 5_000_000,
    }


def measured(**systems):
    return {
        "systems": {n.replace("_", "-"): each for n, each in systems.items()},
        "train_lengths": LENGTHS,
        "test_lengths": [30, 30],
    }


def test_the_first_of_a_length_counts_as_the_others_of_it():
    seconds, compiling = steady([5.0, 9.0, 1.0, 2.0, 1.0, 3.5], LENGTHS)
    # Of 30 words there is no other: as long as others take for so many words.
    assert seconds == [1.0, 2.0, 1.0, 2.0, 1.0, 3.0]
    assert compiling == pytest.approx(4.0 + 7.0 + 0.5)


def test_without_any_other_nothing_is_told_apart():
    assert steady([5.0, 9.0], [10, 20]) == ([5.0, 9.0], 0.0)
    assert steady([], []) == ([], 0.0)


def test_a_first_one_that_is_quicker_stays():
    assert steady([0.5, 1.0, 1.0], [10, 10, 10]) == ([0.5, 1.0, 1.0], 0.0)


def test_times_are_those_of_the_work_without_compiling():
    times = Times(entry(), LENGTHS, [30, 30])
    assert times.epochs_s == pytest.approx([0.4, 0.6])
    assert times.train_rounds == pytest.approx({0: 0.3, 1: 0.6})
    assert times.test_s == pytest.approx(8.0)
    assert times.single_rounds == pytest.approx({4: 0.2, 5: 0.2})
    assert times.compile_s == pytest.approx(7.0 + 7.0 + 8.8)
    assert (times.start_s, times.import_s) == (4.5, 2.0)


def test_ratios_are_those_of_one_round_and_only_of_what_is_ok():
    gone = entry() | {"status": "failed", "reason": "gone", "right": None}
    found = measured(
        keras=entry(), torch=entry(2.0), keras_layers=entry(0.5), torch_layers=gone
    )
    figures = network_figures({0: found}, Network("gru", 2, 8, 0), 99)
    assert figures["key"] == "gru-d2-w8"
    pairs = {(s["one"], s["other"]): s for s in figures["speed"]}
    assert set(pairs) == {("keras", "torch"), ("keras", "keras-layers")}
    for task in ("train", "test", "single"):
        assert pairs["keras", "torch"][task]["median"] == pytest.approx(2.0)
        assert pairs["keras", "keras-layers"][task]["median"] == pytest.approx(0.5)
    systems = figures["systems"]
    assert systems["torch-layers"]["epoch_s"] is None
    assert systems["torch-layers"]["reason"] == "gone"
    assert systems["torch"]["epoch_s"]["n"] == 2
    assert systems["keras"]["runs"][0]["accuracy"] == 0.75
    assert systems["keras"]["runs"][0]["losses"] == pytest.approx([0.6, 0.3])


def test_one_seed_that_failed_is_told_of_all():
    bad = entry() | {"status": "invalid", "reason": "other losses"}
    seeds = {0: measured(keras=entry()), 1: measured(keras=bad)}
    figures = network_figures(seeds, Network("gru", 1, 8, 0), 99)
    assert figures["systems"]["keras"]["status"] == "invalid"
    both = {0: measured(keras=entry()), 1: measured(keras=entry(3.0))}
    figures = network_figures(both, Network("gru", 1, 8, 0), 99)
    assert figures["systems"]["keras"]["epoch_s"]["n"] == 4
    assert [r["seed"] for r in figures["systems"]["keras"]["runs"]] == [0, 1]


def test_a_single_figure_is_both_ends():
    assert interval([[3.0]]) == {"median": 3.0, "low": 3.0, "high": 3.0, "n": 1}
    assert interval([[3.0], [5.0]])["low"] < interval([[3.0], [5.0]])["high"]


def test_holm_is_sequential_and_keeps_the_order():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_answers_are_compared_text_by_text_and_corrected_within_their_kind():
    rng = np.random.default_rng(0)
    good, poor = rng.random((2, 500)) < [[0.9], [0.6]]
    right = {
        ("gru", 1, 8, 0, "keras"): good,
        ("gru", 1, 8, 0, "torch"): good,
        ("gru", 2, 8, 0, "keras"): poor,
        ("gru", 2, 8, 0, "torch"): good,
        ("rnn", 2, 8, 0, "torch"): poor,
    }
    found = comparisons(right)
    between = [each for each in found if each["kind"] == BETWEEN_FRAMEWORKS]
    assert [each["key"] for each in between] == ["gru-d1-w8", "gru-d2-w8"]
    same, apart = between
    assert (same["p"], same["difference"], same["interval"]) == (1.0, 0.0, [0.0, 0.0])
    only = (int((poor & ~good).sum()), int((good & ~poor).sum()))
    assert (apart["only_one"], apart["only_other"]) == only
    assert apart["p"] == stats.binomtest(only[0], sum(only)).pvalue
    assert apart["holm_p"] == pytest.approx(2 * apart["p"])
    low, high = apart["interval"]
    assert low < apart["difference"] < high < 0
    deeper = [each for each in found if each["kind"] == MORE_LAYERS]
    assert [(each["key"], each["one"], each["other"]) for each in deeper] == [
        ("gru-d2-w8", "keras", "keras, d1"),
        ("gru-d2-w8", "torch", "torch, d1"),
    ]
    assert deeper[0]["difference"] == pytest.approx(poor.mean() - good.mean())
