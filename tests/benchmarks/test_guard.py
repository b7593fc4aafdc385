"""The guard on ratios: what counts as moved, what is kept, how it leaves."""

import contextlib
import json
from pathlib import Path

import pytest

from benchmarks import guard
from benchmarks.featurize import FeaturizeSpeedConfig
from benchmarks.generate import GenerateSpeedConfig
from benchmarks.guard import BENCHMARKS, Row, compared
from benchmarks.timing import Spread
from benchmarks.train_step import TrainStepConfig
from tfsent.cli import parse_config

ROOT = Path(__file__).parents[2]
OLD = Spread(0.50, 0.45, 0.55)


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (Spread(0.52, 0.50, 0.60), ""),
        (Spread(0.40, 0.38, 0.45), ""),
        (Spread(0.40, 0.38, 0.44), "slower"),
        (Spread(0.60, 0.56, 0.70), "faster"),
        (None, "gone"),
    ],
)
def test_a_ratio_has_moved_where_the_ranges_do_not_meet(now, moved):
    assert Row("x", OLD, now).moved == moved


def test_every_ratio_of_either_side_has_a_row():
    rows = compared({"a": OLD, "b": OLD}, {"b": OLD, "c": OLD})
    assert [(row.name, row.moved) for row in rows] == [
        ("a", "gone"),
        ("b", ""),
        ("c", "new"),
    ]


def spread(median):
    return {"median": median, "low": median - 0.05, "high": median + 0.05}


def step(median):
    """Return the result of `benchmarks.train_step` with one cell."""
    return {
        "cells": [
            {"batch_size": 32, "hidden_size": 512, "ratio_to_gemm": spread(median)}
        ]
    }


@pytest.fixture
def benchmark(monkeypatch):
    """What the benchmark "step" prints; the others are not run."""
    printed = {"result": step(0.5)}

    class Child:
        def result(self):
            if "error" in printed:
                raise ChildProcessError(printed["error"])
            return printed["result"]

    @contextlib.contextmanager
    def started(script, flags):
        assert script.is_file()
        assert script.name == "train_step.py"
        assert flags == [*BENCHMARKS["step"].flags.split(), "--json"]
        yield Child()

    monkeypatch.setattr(guard, "started", started)
    return printed


def call(file, *flags):
    """Return the code it leaves with."""
    try:
        guard.main(["--only", "step", "--file", str(file), *flags])
    except SystemExit as ended:
        return ended.code
    return 0


def test_without_kept_ratios_nothing_is_compared(benchmark, tmp_path, capsys):
    assert call(tmp_path / "none.json") == 0
    told = capsys.readouterr().out
    assert "| step: B32 H512 of GEMM |  | 0.50 [0.45-0.55] |  |" in told
    assert "No ratios are kept for this kind of machine" in told
    assert not (tmp_path / "none.json").exists()


def test_a_ratio_that_fell_below_the_kept_range_leaves_with_1(
    benchmark, tmp_path, capsys
):
    file = tmp_path / "ratios.json"
    assert call(file, "--keep") == 0
    assert call(file) == 0
    assert "0 of 1 ratios moved" in capsys.readouterr().out
    benchmark["result"] = step(0.3)
    assert call(file) == 1
    told = capsys.readouterr().out
    assert "| 0.30 [0.25-0.35] | slower |" in told
    assert "1 of 1 ratios moved" in told
    benchmark["result"] = step(0.7)
    assert call(file) == 0
    assert "| 0.70 [0.65-0.75] | faster |" in capsys.readouterr().out


def test_keeping_some_leaves_other_ratios_and_machines(benchmark, tmp_path):
    file = tmp_path / "ratios.json"
    call(file, "--keep")
    (machine, facts), *_ = json.loads(file.read_text()).items()
    facts["ratios"] |= {"writing: S1": spread(9.0), "step: gone": spread(1.0)}
    file.write_text(json.dumps({machine: facts, "another": {"ratios": {}}}))
    benchmark["result"] = step(0.6)
    call(file, "--keep")
    found = json.loads(file.read_text())
    assert list(found) == [machine, "another"]
    assert found[machine]["ratios"] == {
        "writing: S1": spread(9.0),
        "step: B32 H512 of GEMM": spread(0.6),
    }


def test_a_benchmark_that_fails_is_told_and_nothing_is_kept(
    benchmark, tmp_path, capsys
):
    file = tmp_path / "ratios.json"
    benchmark["error"] = "train_step.py failed with code 1: no room"
    assert call(file, "--keep") == 1
    assert "step was not measured: train_step.py failed with code 1: no room" in (
        capsys.readouterr().out
    )
    assert not file.exists()


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"only has 'nothing'; there are step, "):
        guard.GuardConfig(only=("nothing",))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_a_script_with_these_flags(name):
    script, flags, _ = BENCHMARKS[name]
    config = {
        "train_step.py": TrainStepConfig,
        "featurize.py": FeaturizeSpeedConfig,
        "featurize_speed.py": FeaturizeSpeedConfig,
        "generate.py": GenerateSpeedConfig,
        "generate_speed.py": GenerateSpeedConfig,
    }[Path(script).name]
    assert (ROOT / script).is_file()
    assert parse_config([*flags.split(), "--json"], config).json


def test_ratios_of_features_and_of_writing_are_found():
    ways = {
        "own": {"of_product": spread(0.6)},
        "padded": {"own_times_this": spread(3.0)},
        "loop": {"own_times_this": spread(20.0)},
    }
    found = guard.featurizing_ratios({"kinds": {"sst": ways}})
    assert {name: s.median for name, s in found.items()} == {
        "sst of GEMM": 0.6,
        "sst times padded": 3.0,
        "sst times loop": 20.0,
    }
    cell = {"samples": 1, "hidden_size": 64, "folded": {"own_times_this": spread(12.0)}}
    found = guard.writing_ratios({"cells": [cell]})
    assert {name: s.median for name, s in found.items()} == {"S1 H64 times loop": 12.0}
