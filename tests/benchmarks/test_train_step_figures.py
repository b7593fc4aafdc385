"""What is made of the repetitions of a training step."""

import pytest

from benchmarks.train_step_figures import figures, step_flops, table

SIZES = {"batch_size": 32, "hidden_size": 512, "window": 64, "precision": "float32"}
FLOPS = step_flops(32, 512, 64)


def repetition(seconds, before, after=None):
    """Return one repetition on a machine of so many FLOP/s at 2048 cubed."""

    def gauge(rate):
        return {
            "square_2048": rate,
            "recurrent": rate / 4,
            "weight_gradient": rate / 2,
        }

    after = before if after is None else after
    return {"seconds": seconds, "before": gauge(before), "after": gauge(after)}


def measured(step, keras=None):
    found = {
        "step_first_s": 12.0,
        "step_peak_resident_bytes": 10**9,
        "batch_s": 0.01,
        "repetitions": {"step": step},
    }
    if keras is not None:
        found |= {"keras_first_s": 20.0}
        found["repetitions"]["keras"] = keras
    return found


def test_a_machine_that_slows_down_leaves_every_ratio_alone():
    step = [repetition(k * FLOPS / 0.6e11, 1e11 / k) for k in (1, 2, 5)]
    found = figures(measured(step), **SIZES)
    assert found["ratio_to_gemm"] == pytest.approx(
        {"median": 0.6, "low": 0.6, "high": 0.6}
    )
    assert found["step_s"]["high"] == pytest.approx(5 * found["step_s"]["low"])


def test_the_gauges_before_and_after_count_alike():
    step = [repetition(FLOPS / 1e11, 1e11, 3e11)]
    assert figures(measured(step), **SIZES)["ratio_to_gemm"]["median"] == 0.5


def test_own_gemm_is_the_better_of_the_two_shapes():
    step = [repetition(FLOPS / 1e11, 4e11)]
    found = figures(measured(step), **SIZES)
    assert found["ratio_to_own_gemm"]["median"] == pytest.approx(0.5)


def test_ratio_to_keras_allows_for_the_machine_of_each_turn():
    # Half the speed on half the machine is no worse.
    step = [repetition(FLOPS / 0.6e11, 1e11)]
    keras = [repetition(FLOPS / 0.15e11, 0.5e11)]
    found = figures(measured(step, keras), **SIZES)
    assert found["ratio_to_keras"]["median"] == pytest.approx(2.0)


def test_compiling_is_the_first_call_less_a_step():
    step = [repetition(2.0, 1e11)]
    assert figures(measured(step), **SIZES)["compile_s"] == 10.0


@pytest.mark.parametrize(
    ("share", "floor", "target"),
    [(0.49, False, False), (0.51, True, False), (0.76, True, True)],
)
def test_goals_are_held_to_the_median(share, floor, target):
    shares = (0.1, share, 0.99)
    step = [repetition(FLOPS / (s * 1e11), 1e11) for s in shares]
    found = figures(measured(step), **SIZES)
    assert found["floor"] == {"value": 0.50, "met": floor}
    assert found["target"] == {"value": 0.75, "met": target}


def test_a_cell_without_goals_is_given_none():
    step = [repetition(1.0, 1e11)]
    found = figures(measured(step), **SIZES | {"precision": "mixed_float16"})
    assert found["floor"] is None
    assert found["target"] is None


def test_input_share_above_two_percent_is_missed():
    slow, fast = ([repetition(s, 1e11)] for s in (0.49, 0.51))
    assert not figures(measured(slow), **SIZES)["input_share_met"]
    assert figures(measured(fast), **SIZES)["input_share_met"]


def test_flops_count_recurrent_and_output_products_three_times_over():
    recurrent = 2 * 7 * (4 * 7) + 2 * 7 * 7
    output = 2 * 7 * 256
    assert step_flops(2, 7, 5) == 3 * 2 * 5 * (recurrent + output)


def test_every_row_of_the_table_has_every_column():
    step = [repetition(1.0, 1e11)]
    cells = [
        figures(measured(step, step), **SIZES),
        figures(measured(step), **SIZES),
        SIZES | {"error": "out of memory"},
    ]
    lines = table(cells).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "failed: out of memory" in lines[-1]
