"""The profile of a step holds the operations that it is made of."""

import json

import pytest

from benchmarks import profile_step


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_products_and_the_update_of_a_step_are_told(precision, capsys):
    flags = ["--batch-size", "4", "--hidden-size", "32", "--window", "8"]
    profile_step.main([*flags, "--precision", precision, "--json"])
    result = json.loads(capsys.readouterr().out)
    found = result["operations"]
    assert result["step_ms"] > 0
    assert any("matmul" in name.lower() for name in found)
    assert found["AssignAddVariableOp"]["calls"] >= 12  # a moment of every weight
    assert not {"Process", "EagerExecute"} & found.keys()
    text = profile_step.table(result, 3)
    assert len(text.splitlines()) == 9


def test_no_lane_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        profile_step.ProfileConfig(batch_size=0)
