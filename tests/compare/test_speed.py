"""The comparison of steps: turns, equal work, figures, the table; processes."""

import json

import pytest

from compare import speed
from compare.runners.process import RunnerError, RunnerProcess


class Fake:
    """A runner whose steps and products take given seconds."""

    def __init__(self, step_s, rates):
        self.step_s, self.rates, self.asked = step_s, iter(rates), []

    def ask(self, do, **arguments):
        self.asked.append((do, arguments))
        return self.step_s if do == "turn" else next(self.rates)


def test_each_turn_is_divided_by_the_products_around_it():
    config = speed.SpeedConfig(repeats=2, fill_s=1.0)
    runners = {
        "keras": Fake(0.5, [2e9, 4e9, 6e9, 8e9]),
        "twin": Fake(0.25, [1e9, 1e9, 1e9, 1e9]),
    }
    facts = {"keras": {"step_s": 0.5}, "twin": {"step_s": 0.25}}
    turns = speed._turns(config, runners, facts)
    assert [t["gemm_flop_per_s"] for t in turns["keras"]] == [3e9, 7e9]
    assert runners["keras"].asked[1] == ("turn", {"calls": 2})
    assert runners["twin"].asked[1] == ("turn", {"calls": 4})
    figures = speed._figures(turns["keras"], step_bytes=100, flops=3_000_000_000)
    assert figures["bytes_per_s"]["median"] == 200
    assert figures["ratio_to_gemm"]["high"] == 2.0


@pytest.mark.parametrize("losses", [[8.0, 7.001, 6.0], [8.0, float("nan"), 6.0]])
def test_losses_that_differ_are_not_equal_work(losses):
    facts = {"keras": {"bpc": [8.0, 7.0, 6.0]}, "twin": {"bpc": losses}}
    with pytest.raises(RunnerError, match="losses of the first steps differ"):
        speed._loss_gap(facts, "float32")


def test_cell_that_failed_has_its_error_in_the_table():
    row = speed.table([{"cell": "4x8", "window": 2, "error": "twin: no."}])
    assert "| B4 H8 | 2 | failed: twin: no. |" in row


def test_runner_that_does_not_exist_is_told():
    runner = RunnerProcess("no_such_runner")
    try:
        with pytest.raises(RunnerError, match="no_such_runner: its process left"):
            runner.ask("gauge", fill_s=0.1)
    finally:
        runner.close()


@pytest.mark.slow
def test_both_frameworks_are_measured_on_a_small_cell(tmp_path, capsys):
    out = tmp_path / "speed.json"
    flags = "--cells 4x8 --window 8 --repeats 2 --fill-s 0.02 --json --out".split()
    speed.main([*flags, str(out)])
    [cell] = json.loads(out.read_text())["cells"]
    assert json.loads(capsys.readouterr().out)["cells"] == [cell]
    parameters = [cell["facts"][name]["parameters"] for name in speed.RUNNERS]
    assert parameters[0] == parameters[1] > 0
    assert cell["loss_gap_bpc"] < speed.MAX_LOSS_GAP["float32"]
    for name in speed.RUNNERS:
        assert cell[name]["ratio_to_gemm"]["median"] > 0
    assert len(cell["turns"]["twin"]) == 2
