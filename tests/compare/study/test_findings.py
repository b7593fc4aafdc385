"""Each rule says what its figures say, and the opposite of the opposite figures."""

import pytest

from compare.study.findings import (
    accuracy,
    best,
    depth_pays,
    equal_work,
    faster,
    findings,
    growth,
    quickest,
    speed,
    speed_of_cells,
    start_up,
)
from tests.compare.study.made_up import (
    compared,
    interval,
    left_out,
    network_of,
    study_of,
    system_of,
)

KERAS, TORCH = "Keras with this project's layers", "PyTorch with this project's layers"
PAIR, OWN = ("keras", "torch"), ("keras-layers", "torch-layers")
BETWEEN, LAYERS = "between frameworks", "more layers"


def networks(*ratios, pair=PAIR, cell="lstm"):
    """Return networks of one cell, a depth for each ratio of training."""
    return [
        network_of(cell, depth + 1, 64, {pair[0]: 5.0, pair[1]: 6.0}, {pair: ratio})
        for depth, ratio in enumerate(ratios)
    ]


@pytest.mark.parametrize(
    ("ratio", "side"),
    [
        ({"low": 1.01, "high": 1.2}, 1),
        ({"low": 0.8, "high": 0.99}, -1),
        ({"low": 0.99, "high": 1.2}, 0),
        ({"low": 1.0, "high": 1.2}, 0),
        (None, 0),
    ],
)
def test_a_time_differs_where_the_interval_leaves_out_1(ratio, side):
    assert faster(ratio) == side


def test_networks_are_counted_by_which_is_faster():
    found = list(speed(networks(interval(1.2), interval(1.5), interval(0.5))))
    assert found[0] == (
        f"Training: of 3 networks {KERAS} is faster in 2 and {TORCH} in 1; 0 show no "
        "difference. The first is 0.5 to 1.5 times as fast as the second, median 1.2."
    )
    assert [line.partition(":")[0] for line in found[1:]] == [
        "The test texts",
        "One text alone",
    ]
    (same, *_) = speed(networks(interval(1.01), pair=OWN))
    assert "1 show no difference" in same
    assert "Keras with its own layers is faster in 0" in same
    assert list(speed([])) == []


def test_each_cell_says_which_is_faster_where_and_by_how_much():
    (said,) = speed_of_cells(networks(interval(1.5), interval(0.5), interval(1.01)))
    assert said == (
        f"lstm, training: {KERAS} is faster at depth 1 and 64 units (1.5 times [1.46, "
        f"1.54]); {TORCH} is faster at depth 2 and 64 units (2 times [1.94, 2.06]); no "
        f"difference of {KERAS} and {TORCH} is shown at depth 3 and 64 units (1.01 "
        "times [0.98, 1.04])."
    )
    other = networks(interval(0.7), pair=OWN, cell="gru")
    (said,) = speed_of_cells(other)
    assert said.startswith(
        "gru, training: PyTorch with its own layers is faster at depth 1"
    )


@pytest.mark.parametrize(
    ("axis", "seconds", "words"),
    [
        ("depth", 6.0, "median 1.5: less than the depth, 4 times as large"),
        ("depth", 16.8, "median 4.2: as the depth, 4 times as large"),
        ("depth", 24.0, "median 6: more than the depth, 4 times as large"),
        ("width", 6.0, "median 1.5: less than the width, 4 times as large"),
        ("width", 15.6, "median 3.9: as the width, 4 times as large"),
        ("width", 40.0, "median 10: more than the width, less than its square"),
        ("width", 64.0, "median 16: as the square of the width"),
        ("width", 80.0, "median 20: more than the square of the width"),
    ],
)
def test_growth_is_held_against_the_growth_of_the_size(axis, seconds, words):
    sizes = {"depth": (1, 4, 8, 8), "width": (2, 2, 16, 64)}[axis]
    small = network_of("gru", sizes[0], sizes[2], {"torch": 4.0})
    large = network_of("gru", sizes[1], sizes[3], {"torch": seconds})
    odd = network_of("gru", 9, 9, {"torch": left_out("failed", "gone")})
    if axis == "depth":
        odd = odd | {"depth": sizes[1]}
    else:
        odd = odd | {"width": sizes[3]}
    (said,) = growth([small, large, odd], axis)
    assert said.startswith("PyTorch with this project's layers: an epoch with ")
    assert words in said


def test_the_system_with_the_shortest_epochs_is_counted():
    made = [
        network_of("gru", 1, 8, {"keras": 2.0, "torch": 3.0, "torch-layers": 4.0}),
        network_of("gru", 2, 8, {"keras": 2.0, "torch": 1.0}),
        network_of("gru", 3, 8, {"keras": 2.0, "torch": 1.0}),
        network_of("gru", 4, 8, {"keras": 2.0, "torch": left_out("failed", "x")}),
    ]
    assert list(quickest(made)) == [
        f"The shortest epochs of 3 networks: {TORCH} in 2, {KERAS} in 1."
    ]
    assert list(quickest(made[3:])) == []


def test_growth_needs_two_sizes():
    assert list(growth([network_of("gru", 1, 8, {"torch": 4.0})], "depth")) == []


def test_accuracy_differs_only_after_the_correction():
    same = [
        compared(BETWEEN, "gru-d1-w64", -0.004, 0.06),
        compared(BETWEEN, "gru-d2-w64", 0.001, 1.0),
        compared(LAYERS, "gru-d2-w64", 0.5, 0.0),
    ]
    assert list(accuracy(same)) == [
        f"Accuracy differs between {KERAS} and {TORCH} in none of 2 comparisons of one "
        "network and seed, after Holm's correction; the largest difference is -0.40 "
        "points [-0.60, -0.20] in gru-d1-w64, seed 0 (p = 0.06)."
    ]
    apart = [*same, compared(BETWEEN, "rnn-d1-w64", 0.03, 0.01)]
    (said,) = accuracy(apart)
    assert "in 1 of 3 comparisons" in said
    assert "+3.00 points [+2.80, +3.20] in rnn-d1-w64" in said
    assert "gru" not in said


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([(0.02, 0.01), (0.001, 0.9)], "gru: depth pays. Of 2"),
        ([(-0.02, 0.01), (0.3, 0.9)], "gru: depth costs accuracy. Of 2"),
        ([(-0.02, 0.01), (0.3, 0.01)], "gru: depth pays in some and costs"),
        ([(0.02, 0.05), (0.01, 0.9)], "gru: depth is not shown to pay. Of 2"),
    ],
)
def test_depth_pays_or_costs_where_it_is_shown(pairs, words):
    every = [compared(LAYERS, "gru-d2-w64", *pair) for pair in pairs]
    every.append(compared(BETWEEN, "gru-d2-w64", 0.5, 0.0))
    (said,) = depth_pays(every)
    assert said.startswith(words)


def test_equal_work_is_told_and_what_is_not_equal_is_named():
    study = study_of()
    found = list(equal_work(study["networks"]))
    assert found[0].startswith("In 9 of 11 cases the systems did the same work")
    assert "at most 1.2e-07 of the largest" in found[0]
    assert found[1] == (
        f"{TORCH}, mlstm-d1-w64, invalid: not the same work: 0.3 apart."
    )
    assert len(found) == 3
    assert len(list(equal_work(study["networks"][:2]))) == 1


def test_start_up_has_its_import_and_compiling_beside_it():
    ok = system_of(1.0, start_s=interval(9.0), compile_s=interval(31.0))
    made = [network_of("gru", 1, 8, {"keras": ok, "torch": left_out("failed", "x")})]
    assert list(start_up(made)) == [
        f"{KERAS}: 9 s from the start of the process to the end of the first update, "
        "4.5 s of them importing; compiling takes 31 s in all."
    ]


def test_the_best_and_the_quickest_are_named():
    made = [
        network_of("gru", 1, 8, {"keras": system_of(9.0, 0.8)}),
        network_of("rnn", 1, 8, {"torch": system_of(2.0, 0.7)}),
    ]
    (said,) = best(made)
    assert said.startswith(
        "Highest on these test texts is gru-d1-w8 of Keras with this project's layers,"
    )
    assert (
        "the quickest to train is rnn-d1-w8 of PyTorch with this project's layers, 70"
        in said
    )
    assert list(best([])) == []


def test_all_rules_speak_of_a_whole_study():
    rules = [each["rule"] for each in findings(study_of())]
    assert set(rules) == {
        "equal work",
        "speed",
        "speed of each cell",
        "quickest",
        "growth with depth",
        "start-up",
        "accuracy between frameworks",
        "accuracy and depth",
        "best",
    }
