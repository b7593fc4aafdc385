"""What becomes of the figures of trainings: time to a BPC, differences."""

import math

import numpy as np
import pytest

from compare.quality import comparisons, seconds_to, time_to_bpc

POINTS = [
    {"step": 1, "bytes": 10, "seconds": 10.0, "val_bpc": 3.0},
    {"step": 2, "bytes": 20, "seconds": 20.0, "val_bpc": 2.5},
    {"step": 3, "bytes": 30, "seconds": 40.0, "val_bpc": 2.3},
]


def run(framework, seed, slower=1.0, right=(), bpc=2.0):
    points = [{**point, "seconds": point["seconds"] * slower} for point in POINTS]
    found = {"sst": np.array(right, bool)} if len(right) else {}
    return {
        "framework": framework,
        "seed": seed,
        "points": points,
        "test_bpc": bpc,
        "right": found,
        "transfer": {name: {"accuracy": float(r.mean())} for name, r in found.items()},
    }


@pytest.mark.parametrize(
    ("level", "seconds"), [(3.0, 10), (2.75, 15), (2.5, 20), (2.4, 30), (2.2, math.inf)]
)
def test_between_validations_the_way_is_straight(level, seconds):
    assert seconds_to(POINTS, level) == pytest.approx(seconds)


def test_levels_are_those_that_all_reached():
    rows = time_to_bpc([run("keras", 0), run("twin", 0, 2.0), run("twin", 1, 4.0)])
    assert [row["bpc"] for row in rows] == [2.3, 2.4, 2.6]
    assert rows[0]["keras"]["median"] == pytest.approx(40)
    assert rows[0]["twin"]["low"] == pytest.approx(80)
    assert rows[0]["twin"]["high"] == pytest.approx(160)


def test_differences_are_told_in_pairs_of_one_seed():
    rng = np.random.default_rng(0)
    good, poor = rng.random((2, 400)) < [[0.9], [0.6]]
    runs = [
        run("twin", 1, right=poor, bpc=1.9),
        run("keras", 0, right=good, bpc=2.0),
        run("twin", 0, right=good, bpc=2.0),
        run("keras", 1, right=good, bpc=1.9),
    ]
    bpc, first, second, over = comparisons(runs)
    assert bpc["difference"] == 0
    assert first["p"] == 1
    assert second["what"] == "accuracy on sst, seed 1"
    assert "more than noise" in second["sentence"]
    assert second["difference"] > 0.2
    assert over["what"] == "accuracy on sst, over seeds"


def test_without_test_text_there_is_no_test_bpc():
    runs = [run("keras", 0, bpc=None), run("twin", 0, bpc=None)]
    assert comparisons(runs) == []
