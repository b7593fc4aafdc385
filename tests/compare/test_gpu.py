"""The benchmark of a GPU, on what there is: a CPU at small sizes."""

import json

import pytest

from compare import gpu
from compare.cells import GridCell

SMALL = ["--cells", "4x16", "--window", "8", "--repeats", "2", "--fill-s", "0.02"]


def measured(capsys, *flags):
    """Return the result and the exit code."""
    code = 0
    try:
        gpu.main([*SMALL, "--any-device", "--json", *flags])
    except SystemExit as end:
        code = end.code
    return json.loads(capsys.readouterr().out), code


def test_a_step_is_bound_by_arithmetic_or_by_reading_its_weights():
    cell = GridCell(batch_size=1, hidden_size=4096, window=256, precision="float32")
    seconds, what = gpu.floor_s(cell, gpu.Rates(790e12, 4.3e12))
    assert what == "memory"
    # Forth and back, 256 times the 5 H^2 numbers of 4 bytes.
    assert seconds == pytest.approx(2 * 256 * 5 * 4096**2 * 4 / 4.3e12)
    many = GridCell(batch_size=512, hidden_size=4096, window=256, precision="float32")
    assert gpu.floor_s(many, gpu.Rates(790e12, 4.3e12))[1] == "arithmetic"


@pytest.mark.slow
def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    gpu.main(SMALL)
    assert capsys.readouterr().out.strip() == gpu.NO_GPU


@pytest.mark.slow
def test_both_are_held_against_float64_and_measured(capsys):
    result, code = measured(capsys)
    assert code == 0
    assert set(result["absent"]) <= {"keras-jax"}
    assert len(result["checks"]) == 2 * len(gpu.RUNNERS) - 2 * len(result["absent"])
    for name, check in result["checks"].items():
        assert check["value"] > 0, name
    (cell,) = result["cells"]
    assert "torch" in cell["runners"]
    for name, entry in cell["runners"].items():
        assert entry["bytes_per_s"]["median"] > 0, name
        assert 0 < entry["of_floor"]["low"] <= entry["of_floor"]["high"], name
    text = gpu.report(result)
    assert "| B4 H16 | 8 | torch |" in text


@pytest.mark.slow
def test_what_is_not_the_model_is_told(monkeypatch, capsys):
    exact = gpu.exact_answers

    def wrong(weights, bytes_BT1):
        found = exact(weights, bytes_BT1)
        return found | {"gradient/layers/0/gh": 1.5 * found["gradient/layers/0/gh"]}

    monkeypatch.setattr(gpu, "exact_answers", wrong)
    monkeypatch.setattr(gpu, "RUNNERS", ("torch",))
    result, code = measured(capsys, "--limit-s", "1e-9")
    assert code == 1
    for check in result["checks"].values():
        assert "gradient/layers/0/gh differs" in check["error"]
    assert result["cells"][0]["left_out"]
