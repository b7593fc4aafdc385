"""Pooling layers against the float64 equations, and Keras's conventions."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests import reference_pooling
from tests.model.pooling_gradients import EPSILON, compute, inputs, layer_of
from tests.tolerances import (
    FINITE_DIFFERENCE_F64,
    POOLING_F16,
    POOLING_F32,
    POOLING_GRADIENT_F32,
)
from tfsent.model.pooling import AttentionPooling, LastStep, MaskedMax, MaskedMean

N, T, H = 3, 5, 7
each = pytest.mark.parametrize("kind", reference_pooling.KINDS)


def truth(kind, arrays, mask_NT):
    wide = [arrays[n].astype(np.float64) for n in ("h", "dout", "attention")]
    h_NTH, dout_NH, attention_H = wide
    dh_NTH, dattention_H = reference_pooling.gradients(
        kind, h_NTH, mask_NT, dout_NH, attention_H, EPSILON
    )
    found = {"d/h": dh_NTH} | (
        {"d/attention": dattention_H[:, None]} if kind == "attention" else {}
    )
    result = reference_pooling.pool(kind, h_NTH, mask_NT, attention_H, EPSILON)
    return found | {"result": result}


def worst(found, expected):
    assert found.keys() == expected.keys()
    # Not max(): it passes over NaN.
    return np.max([np.abs(found[n] - e).max() for n, e in expected.items()])


@each
def test_gradients_of_the_reference_equal_central_differences(kind):
    arrays = inputs()
    mask_NT = arrays["mask"]
    h_NTH, dout_NH, attention_H = (
        arrays[n].astype(np.float64) for n in ("h", "dout", "attention")
    )
    found = reference_pooling.gradients(
        kind, h_NTH, mask_NT, dout_NH, attention_H, EPSILON
    )
    for array, gradient in zip((h_NTH, attention_H), found, strict=True):
        for index in np.ndindex(array.shape):
            values, kept = [], array[index]
            for step in (1e-5, -1e-5):
                array[index] = kept + step
                pooled_NH = reference_pooling.pool(
                    kind, h_NTH, mask_NT, attention_H, EPSILON
                )
                values.append((dout_NH * pooled_NH).sum())
            array[index] = kept
            slope = (values[0] - values[1]) / 2e-5
            assert abs(slope - gradient[index]) < FINITE_DIFFERENCE_F64.value


@each
def test_values_and_gradients_equal_the_float64_equations(kind):
    arrays = inputs()
    found = compute(kind, arrays, arrays["mask"])
    expected = truth(kind, arrays, arrays["mask"])
    assert worst(found, expected) < POOLING_GRADIENT_F32.value


@each
def test_without_a_mask_every_step_is_valid(kind):
    arrays = inputs()
    found = compute(kind, arrays, None)
    expected = truth(kind, arrays, np.ones_like(arrays["mask"]))
    assert worst(found, expected) < POOLING_GRADIENT_F32.value


@each
def test_what_a_masked_step_holds_changes_nothing(kind):
    arrays = inputs()
    mask_NT = arrays["mask"]
    plain = compute(kind, arrays, mask_NT)
    for value in (np.nan, np.inf, 1e30):
        h_NTH = np.where(mask_NT[..., None], arrays["h"], np.float32(value))
        for name, other in compute(kind, arrays | {"h": h_NTH}, mask_NT).items():
            np.testing.assert_array_equal(other, plain[name])


@each
def test_a_padded_text_gives_the_same_as_alone(kind):
    arrays = inputs()
    layer = layer_of(kind)
    together = np.array(layer(arrays["h"], mask=arrays["mask"]))
    for n, valid_T in enumerate(arrays["mask"][:-1]):
        alone = np.array(layer(arrays["h"][None, n, valid_T]))
        assert np.abs(together[n] - alone[0]).max() < POOLING_GRADIENT_F32.value


@each
def test_no_valid_step_gives_zeros(kind):
    arrays = inputs()
    options = {"epsilon": 0.0} if kind == "attention" else {}
    pooled = np.array(layer_of(kind, **options)(arrays["h"], mask=arrays["mask"]))
    assert np.isfinite(pooled).all()
    assert not pooled[-1].any()


@each
def test_a_mask_of_numbers_is_a_mask(kind):
    arrays = inputs()
    layer = layer_of(kind)
    given = layer(arrays["h"], mask=arrays["mask"].astype("float32"))
    np.testing.assert_array_equal(given, layer(arrays["h"], mask=arrays["mask"]))


@each
def test_mask_of_the_layer_before_is_used_and_ends_here(kind):
    words = np.array([[3, 5, 0], [0, 4, 0]])
    rows_NTH = keras.layers.Embedding(7, H, mask_zero=True)(words)
    pooled = layer_of(kind, **({"epsilon": 0.0} if kind == "attention" else {}))(
        rows_NTH
    )
    expected = np.array(rows_NTH)[1, 1]
    np.testing.assert_array_equal(np.array(pooled)[1], expected)
    assert getattr(pooled, "_keras_mask", None) is None


@each
def test_half_precision_stays_close(kind):
    arrays = inputs()
    layer = layer_of(kind, dtype="mixed_float16")
    wide = layer_of(kind)
    if kind == "attention":
        layer.attention.assign(arrays["attention"][:, None])
        wide.attention.assign(arrays["attention"][:, None])
    pooled = layer(arrays["h"], mask=arrays["mask"])
    assert pooled.dtype == "float16"
    error = np.array(pooled, "f4") - np.array(wide(arrays["h"], mask=arrays["mask"]))
    assert np.abs(error).max() < POOLING_F16.value


@pytest.mark.parametrize("layer", [MaskedMean, AttentionPooling])
def test_float16_sums_do_not_overflow(layer):
    h_NTH = np.full((1, 2000, 1), 60.0, "f2")
    pooled = layer(dtype="mixed_float16")(h_NTH, mask=np.ones((1, 2000)))
    assert pooled.dtype == "float16"
    assert float(pooled[0, 0]) == 60.0


def test_attention_is_computed_in_float32_under_mixed_precision():
    h_NTH = np.array([[[1024, 0], [0, 1]]], "f2")
    layer = AttentionPooling(dtype="mixed_float16")
    layer.build((None, None, 2))
    # Logits 1024.25 and 1024; float16 has neither this weight nor the difference.
    layer.attention.assign([[1 + 2**-12], [1024]])
    _, weight_NT = layer(h_NTH, return_attention=True)
    expected = 1 / (1 + np.exp(-0.25))
    assert abs(float(weight_NT[0, 0]) - expected) < POOLING_F16.value


def test_attention_weights_are_those_of_the_mean_and_zero_where_masked():
    arrays = inputs()
    mask_NT = arrays["mask"]
    layer = layer_of("attention")
    layer.attention.assign(arrays["attention"][:, None])
    pooled, weight_NT = layer(arrays["h"], mask=mask_NT, return_attention=True)
    weight_NT = np.array(weight_NT)
    assert not weight_NT[~mask_NT].any()
    again = (weight_NT[..., None] * arrays["h"]).sum(1)
    assert np.abs(again - pooled).max() < POOLING_F32.value
    wide = arrays["h"].astype("f8"), arrays["attention"].astype("f8")
    for n in range(4):
        expected = reference_pooling.attention_weights(
            wide[0][n, mask_NT[n]], wide[1], EPSILON
        )
        assert np.abs(weight_NT[n, mask_NT[n]] - expected).max() < POOLING_F32.value


@each
def test_model_survives_its_file(kind, tmp_path):
    inputs_NTH = keras.Input((None, H))
    layer = layer_of(kind, name="pool")
    masked = keras.layers.Masking()(inputs_NTH)
    model = keras.Model(inputs_NTH, layer(masked))
    assert model.output_shape == (None, H)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("pool").get_config() == layer.get_config()
    h_NTH = inputs()["h"] * inputs()["mask"][..., None]
    np.testing.assert_array_equal(again(h_NTH), model(h_NTH))


def test_symbolic_attention_has_the_shapes_and_types_of_values():
    layer = AttentionPooling(dtype="mixed_float16")
    symbolic = layer(keras.KerasTensor((N, T, H)), return_attention=True)
    values = layer(np.zeros((N, T, H), "f4"), return_attention=True)
    for s, v in zip(symbolic, values, strict=True):
        assert s.shape == tuple(v.shape)
        assert s.dtype == keras.backend.standardize_dtype(v.dtype)


def test_attention_layer_is_made_again_from_its_config():
    initializer = keras.initializers.RandomNormal(stddev=0.3, seed=4)
    layer = AttentionPooling(epsilon=0.0, initializer=initializer, name="named")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.epsilon, again.name) == (0.0, "named")
    for each_layer in (layer, again):
        each_layer.build((None, None, H))
    np.testing.assert_array_equal(again.attention, layer.attention)
    assert [v.name for v in layer.weights] == ["attention"]
    assert layer.attention.shape == (H, 1)


def test_attention_starts_in_the_range_of_the_source():
    layer = AttentionPooling()
    layer.build((None, None, 400))
    start = np.array(layer.attention)
    assert -0.05 <= start.min() < -0.045
    assert 0.045 < start.max() <= 0.05


def test_an_epsilon_below_zero_is_refused():
    with pytest.raises(ValueError, match="epsilon is -1; 0 or more"):
        AttentionPooling(epsilon=-1)


@pytest.mark.parametrize("layer_type", [MaskedMean, MaskedMax, LastStep])
def test_layer_survives_its_config(layer_type):
    layer = layer_type(name="named")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, layer_type)
    assert again.name == "named"
    assert layer.compute_output_shape((N, T, H)) == (N, H)


@pytest.mark.slow
def test_the_jax_backend_gives_the_same_values_and_gradients(tmp_path):
    pytest.importorskip("jax", reason="needs requirements-dev.txt")
    arrays = inputs()
    h_NTH = np.where(arrays["mask"][..., None], arrays["h"], np.float32(np.nan))
    np.savez(tmp_path / "in.npz", **arrays | {"h": h_NTH})
    program = [sys.executable, "-m", "tests.model.pooling_gradients"]
    subprocess.run(
        [*program, tmp_path / "in.npz", tmp_path / "out.npz"],
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[2],
        check=True,
    )
    results = np.load(tmp_path / "out.npz")
    for kind in reference_pooling.KINDS:
        key = f"{kind}:"
        found = {n[len(key) :]: results[n] for n in results if n.startswith(key)}
        expected = truth(kind, arrays, arrays["mask"])
        assert worst(found, expected) < POOLING_GRADIENT_F32.value
