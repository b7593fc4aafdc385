"""benchmarks.train_step as a user calls it; cells are replaced where one is slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import train_step
from benchmarks.train_cell import TrainCellConfig
from tfsent.cli import parse_config

ROOT = Path(__file__).parents[2]
GAUGE = {"square_2048": 1e11, "recurrent": 1e11, "weight_gradient": 1e11}
MEASURED = {
    "step_first_s": 2.0,
    "step_peak_resident_bytes": 10**9,
    "batch_s": 1e-4,
    "repetitions": {"step": [{"seconds": 1.0, "before": GAUGE, "after": GAUGE}]},
}


@pytest.fixture
def cells(monkeypatch):
    """The settings of every cell that was run; H = 3 fails."""
    ran = []

    def run_cell(flags):
        config = parse_config(flags, TrainCellConfig)
        ran.append(config)
        if config.hidden_size == 3:
            raise train_step.CellError("out of memory")
        return MEASURED

    monkeypatch.setattr(train_step, "run_cell", run_cell)
    return ran


def test_default_window_is_shorter_from_4096_units_up(cells):
    train_step.main([])
    found = [(c.batch_size, c.hidden_size, c.window, c.repeats) for c in cells]
    assert found == [
        (32, 512, 64, 7),
        (32, 1024, 64, 7),
        (128, 1024, 64, 7),
        (128, 2048, 64, 7),
        (128, 4096, 16, 7),
    ]


def test_flags_reach_every_cell(cells):
    words = "--cells 2x5,2x7 --window 9 --repeats 4 --precision mixed_float16"
    train_step.main([*words.split(), "--skip-keras", "--no-weight-norm"])
    expected = {
        "batch_size": 2,
        "window": 9,
        "repeats": 4,
        "precision": "mixed_float16",
        "skip_keras": True,
        "weight_norm": False,
    }
    assert [cell.hidden_size for cell in cells] == [5, 7]
    for cell in cells:
        assert {name: getattr(cell, name) for name in expected} == expected


def test_a_failed_cell_leaves_the_others_and_ends_in_1(cells, capsys):
    with pytest.raises(SystemExit) as left:
        train_step.main(["--cells", "2x5,2x3,2x7"])
    assert left.value.code == 1
    *_, first, second, third = capsys.readouterr().out.splitlines()
    assert "B2 H5" in first
    assert "failed: out of memory" in second
    assert "B2 H7" in third


def test_json_names_versions_machine_and_command(cells, capsys, tmp_path):
    out = tmp_path / "result.json"
    train_step.main(["--cells", "2x5", "--json", "--out", str(out)])
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads(out.read_text())
    assert {"tensorflow", "keras", "numpy", "python"} <= result["versions"].keys()
    assert result["threads"] >= 1
    assert result["cpu"]
    assert "--cells 2x5" in result["command"]
    assert result["cells"][0]["bytes_per_s"]["median"] == 2 * 64


@pytest.mark.parametrize("cells", ["32", "32x", "0x5", "32x512,", "-1x3"])
def test_a_cell_that_is_none_is_named(cells, capsys):
    with pytest.raises(SystemExit) as left:
        train_step.main([f"--cells={cells}"])
    assert left.value.code == 2
    assert "will do" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(cells, tmp_path):
    with pytest.raises(OSError, match="missing"):
        train_step.main(["--out", str(tmp_path / "missing" / "file")])
    assert cells == []


def test_the_last_line_of_a_failed_process_is_its_error():
    with pytest.raises(train_step.CellError, match="^batch_size is 0"):
        train_step.run_cell(["--batch-size", "0"])


@pytest.mark.slow
def test_a_quick_cell_measures_equal_work():
    command = [sys.executable, "-m", "benchmarks.train_step", "--quick", "--json"]
    command += ["--cells", "4x64"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(done.stdout)["cells"]
    assert cell["loss_gap"] < 1e-5
    assert len(cell["repetitions"]["step"]) == 3
    assert len(cell["repetitions"]["keras"]) == 3
