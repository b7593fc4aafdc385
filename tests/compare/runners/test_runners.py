"""All runners do the same work, and a swapped gate is found out."""

import contextlib

import pytest

from compare.cells import parse_cells
from compare.rounds import INVALID, OK, Pool, measure_cell, takes
from compare.runners.facts import find_runners, runners_of
from compare.settings import Timing

TIMING = Timing(passes=1, rounds=1, fill_s=0.01, limit_s=300)
FOUND = find_runners()


@pytest.fixture(scope="module")
def pool():
    """Processes of all tests here: starting them takes most of their time."""
    runners = {**FOUND, **runners_of("tests.compare.runners.swapped")}
    with contextlib.closing(Pool(runners, TIMING.limit_s)) as pool:
        yield pool


def measured(pool, cell, runners):
    (cell,) = parse_cells(cell)
    names = [n for n, one in runners.items() if takes(one, cell)]
    return measure_cell(cell, names, pool, TIMING, 0)["runners"]


def test_every_runner_has_a_name_of_its_own_and_says_what_it_is():
    assert {
        "keras-tensorflow",
        "keras-jax",
        "torch",
        "torch-compiled",
        "addons",
        "keras-graph",
        "keras-eager",
        "keras-layers",
        "torch-layers",
        "savedmodel",
    } <= set(FOUND)
    for name, one in FOUND.items():
        assert one.facts.name == name
        assert one.facts.what
        assert one.facts.models
        absent = one.facts.absent()
        assert absent is None or "make addons" in absent


def test_swapped_gates_are_marked_and_not_timed(pool):
    swapped = runners_of("tests.compare.runners.swapped")
    runners = {"torch": FOUND["torch"], **swapped}
    found = measured(pool, "train-lstm-h8-b2-t4", runners)
    assert found["torch"]["status"] == OK
    assert found["swapped"]["status"] == INVALID
    assert found["swapped"]["turns"] == []
    assert "not the same work: " in found["swapped"]["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlstm+norm", "lstm", "gru"])
def test_all_that_are_here_do_the_same_training_step(pool, model):
    runners = {n: one for n, one in FOUND.items() if not one.facts.absent()}
    found = measured(pool, f"train-{model}-h8-b2-t4", runners)
    assert {name: entry["reason"] for name, entry in found.items()} == dict.fromkeys(
        found
    )
    assert len(found) >= 4
    for entry in found.values():
        assert 0 <= entry["gap"]["value"] <= entry["gap"]["tolerance"]
        assert len(entry["turns"]) == 1
        assert entry["peak_resident_bytes"] > 1e8
    assert len({entry["parameters"] for entry in found.values()}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("featurize-mlstm+norm-h8-n500", ("keras-tensorflow", "savedmodel", "torch")),
        ("generate-gru-h8-n9", ("keras-tensorflow", "torch")),
    ],
)
def test_both_frameworks_featurize_and_write_the_same(pool, cell, names):
    found = measured(pool, cell, {name: FOUND[name] for name in names})
    assert {name: entry["status"] for name, entry in found.items()} == dict.fromkeys(
        names, OK
    )
