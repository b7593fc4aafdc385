"""Every cell against the float64 equations: values, states and all gradients."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import reference_rnn, tolerances
from tests.model.layer_gradients import CASES, compute, inputs_of

pytest.importorskip("tensorflow")


def truth(cell, arrays, masked=True, gate="sigmoid"):
    weights = {n[2:]: a.astype(np.float64) for n, a in arrays.items() if n[:2] == "w/"}
    has_c = cell in ("mlstm", "lstm")
    c0 = arrays["c0"] if has_c else None
    flags = {"reset_BT": arrays["reset"], "mask_BT": arrays["mask"]} if masked else {}
    flags["gate"] = gate
    x = arrays["x"].astype(np.float64)
    h, h_last, c_last = reference_rnn.forward(
        cell, weights, x, arrays["h0"], c0, **flags
    )
    grads = reference_rnn.gradients(
        cell, weights, x, arrays["h0"], c0, arrays["dh"], arrays["dh_last"],
        arrays["dc_last"] if has_c else None, **flags,
    )  # fmt: skip
    result = {"h": h, "h_last": h_last} | ({"c_last": c_last} if has_c else {})
    return result | {f"d/{n}": g for n, g in grads.items()}


def worst(result, expected):
    """Return the largest error of any tensor, relative to its own largest value."""
    assert result.keys() == expected.keys()
    # Not max(): it passes over NaN.
    return np.max(
        [
            np.abs(result[n] - expected[n]).max() / np.abs(expected[n]).max()
            for n in expected
        ]
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("cell", "norm", "gate"), CASES)
def test_values_and_gradients_equal_the_float64_equations(cell, norm, gate, masked):
    arrays = inputs_of(cell, norm)
    found = compute(cell, norm, arrays, masked, gate)
    error = worst(found, truth(cell, arrays, masked, gate))
    assert error <= tolerances.GRADIENT_F32.value


@pytest.mark.slow
def test_the_jax_backend_gives_the_same_values_and_gradients(tmp_path):
    pytest.importorskip("jax", reason="needs requirements-dev.txt")
    cases = {case: inputs_of(*case[:2]) for case in CASES}
    stored = {
        f"{cell}-{norm}-{gate}:{name}": array
        for (cell, norm, gate), arrays in cases.items()
        for name, array in arrays.items()
    }
    np.savez(tmp_path / "in.npz", **stored)
    program = [sys.executable, "-m", "tests.model.layer_gradients"]
    subprocess.run(
        [*program, tmp_path / "in.npz", tmp_path / "out.npz"],
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        check=True,
    )
    results = np.load(tmp_path / "out.npz")
    for (cell, norm, gate), arrays in cases.items():
        key = f"{cell}-{norm}-{gate}:"
        result = {n[len(key) :]: results[n] for n in results if n.startswith(key)}
        error = worst(result, truth(cell, arrays, gate=gate))
        assert error <= tolerances.GRADIENT_F32.value
