"""The command that holds the twin's step against its targets."""

import json

import pytest

from compare import speed
from compare.cells import GridCell


def test_each_turn_is_divided_by_the_product_around_it():
    cell = GridCell(batch_size=2, hidden_size=4, window=50)
    turns = {
        "keras-tensorflow": [{"seconds": 2.0, "gemm_flop_per_s": cell.flops}] * 2,
        "torch": [
            {"seconds": 1.0, "gemm_flop_per_s": cell.flops},
            {"seconds": 0.5, "gemm_flop_per_s": cell.flops},
        ],
    }
    found = {name: {"turns": each, "gap": {}} for name, each in turns.items()}
    figures = speed.figures(cell, found)
    assert figures["keras"]["bytes_per_s"]["median"] == 50
    assert figures["twin"]["ratio_to_gemm"] == {"median": 1.5, "low": 1.0, "high": 2.0}
    assert figures["twin_times_keras"]["high"] == 4.0


def test_cell_that_failed_has_its_error_in_the_table():
    row = speed.table([{"cell": "4x8", "window": 2, "error": "torch: no."}])
    assert "| B4 H8 | 2 | failed: torch: no. |" in row


@pytest.mark.slow
def test_both_frameworks_are_measured_on_a_small_cell(tmp_path, capsys):
    out = tmp_path / "speed.json"
    flags = "--cells 4x8 --window 8 --repeats 2 --fill-s 0.02 --json --out".split()
    speed.main([*flags, str(out)])
    [cell] = json.loads(out.read_text())["cells"]
    assert json.loads(capsys.readouterr().out)["cells"] == [cell]
    keras, twin = (cell["runners"][name] for name in (speed.KERAS, speed.TWIN))
    assert keras["parameters"] == twin["parameters"] > 0
    assert 0 < cell["gap"]["value"] < cell["gap"]["tolerance"]
    assert cell["twin"]["ratio_to_gemm"]["median"] > 0
    assert len(twin["turns"]) == 2
