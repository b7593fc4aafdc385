"""The verdict over four runs' losses."""

import math

import pytest

from compare.crossing import CrossingConfig, compared

LINE = [4.0, 3.0, 2.0, 1.0]


def verdict(**changed):
    runs = ("keras", "twin", "keras-twin", "twin-keras")
    return compared({name: changed.get(name, LINE) for name in runs}, 1e-4)


def test_equal_losses_pass():
    result = verdict()
    assert result["passed"]
    assert [pair["steps"] for pair in result["pairs"].values()] == [2, 2, 4]


def test_first_half_of_a_crossing_run_need_not_be_there():
    assert verdict(**{"twin-keras": [math.nan] * 2 + LINE[2:]})["passed"]


@pytest.mark.parametrize("run", ["keras", "twin", "keras-twin", "twin-keras"])
@pytest.mark.parametrize("value", [2.001, math.nan, math.inf])
def test_one_step_that_differs_in_any_run_fails(run, value):
    result = verdict(**{run: [4.0, 3.0, value, 1.0]})
    assert not result["passed"]
    pairs = [pair for name, pair in result["pairs"].items() if run in name.split(" / ")]
    assert {pair["step"] for pair in pairs} == {3}


def test_odd_number_of_steps_has_no_middle():
    with pytest.raises(ValueError, match="steps is 7; an even number"):
        CrossingConfig(out="runs/crossing", steps=7)
