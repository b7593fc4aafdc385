"""Pooling of the twin against the float64 equations."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.twin.pooling import (  # noqa: E402
    AttentionPooling,
    LastStep,
    MaskedMax,
    MaskedMean,
)
from tests import reference_pooling, tolerances  # noqa: E402

N, T, H = 5, 6, 7
MODULES = {"mean": MaskedMean, "max": MaskedMax, "last": LastStep}
# Large enough that its place in the equation shows.
EPSILON = 0.5
# Texts: whole, padded behind, in front, with a hole, without a valid step.
MASK = np.array(
    [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1],
        [0, 1, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ],
    bool,
)
DTYPES = {
    torch.float32: tolerances.POOLING_GRADIENT_F32,
    torch.float64: tolerances.POOLING_F64,
}
each = pytest.mark.parametrize("kind", reference_pooling.KINDS)


def inputs():
    rng = np.random.default_rng(1)
    shapes = {"h": (N, T, H), "dout": (N, H), "attention": (H,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def module_of(kind, attention_H=None, **options):
    if kind != "attention":
        return MODULES[kind]()
    module = AttentionPooling(H, **({"epsilon": EPSILON} | options))
    if attention_H is not None:
        module.attention.data = torch.from_numpy(attention_H)
    return module


def compute(kind, arrays, mask_NT, dtype):
    module = module_of(kind, arrays["attention"]).to(dtype)
    h_NTH = torch.from_numpy(arrays["h"]).to(dtype).requires_grad_()
    mask_NT = None if mask_NT is None else torch.from_numpy(mask_NT)
    pooled_NH = module(h_NTH, mask_NT)
    pooled_NH.backward(torch.from_numpy(arrays["dout"]).to(dtype))
    found = {"result": pooled_NH, "d/h": h_NTH.grad}
    found |= {f"d/{n}": p.grad for n, p in module.named_parameters()}
    return {name: value.detach().double().numpy() for name, value in found.items()}


def truth(kind, arrays, mask_NT):
    h_NTH, dout_NH, attention_H = (arrays[n] for n in ("h", "dout", "attention"))
    dh_NTH, dattention_H = reference_pooling.gradients(
        kind, h_NTH, mask_NT, dout_NH, attention_H, EPSILON
    )
    found = {"d/h": dh_NTH}
    found |= {"d/attention": dattention_H} if kind == "attention" else {}
    result = reference_pooling.pool(kind, h_NTH, mask_NT, attention_H, EPSILON)
    return found | {"result": result}


def worst(found, expected):
    assert found.keys() == expected.keys()
    # Not max(): it passes over NaN.
    return np.max([np.abs(found[n] - e).max() for n, e in expected.items()])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@each
def test_values_and_gradients_equal_the_float64_equations(kind, dtype, masked):
    arrays = inputs()
    found = compute(kind, arrays, MASK if masked else None, dtype)
    expected = truth(kind, arrays, MASK if masked else np.ones_like(MASK))
    assert worst(found, expected) < DTYPES[dtype].value


@each
def test_what_a_masked_step_holds_changes_nothing(kind):
    arrays = inputs()
    plain = compute(kind, arrays, MASK, torch.float32)
    for value in (np.nan, np.inf, 1e30):
        h_NTH = np.where(MASK[..., None], arrays["h"], value)
        found = compute(kind, arrays | {"h": h_NTH}, MASK, torch.float32)
        for name, other in found.items():
            np.testing.assert_array_equal(other, plain[name])


@each
def test_a_padded_text_gives_the_same_as_alone(kind):
    arrays = inputs()
    module = module_of(kind, arrays["attention"])
    h_NTH = torch.from_numpy(arrays["h"])
    together = module(h_NTH, torch.from_numpy(MASK))
    for n, valid_T in enumerate(MASK[:-1]):
        alone = module(h_NTH[n : n + 1, torch.from_numpy(valid_T)])
        assert (together[n] - alone[0]).abs().max() < tolerances.POOLING_F64.value


@each
def test_no_valid_step_gives_zeros(kind):
    module = module_of(kind, **({"epsilon": 0.0} if kind == "attention" else {}))
    pooled = module(torch.from_numpy(inputs()["h"]).float(), torch.from_numpy(MASK))
    assert pooled.isfinite().all()
    assert not pooled[-1].any()


@each
def test_half_precision_is_computed_in_float32(kind):
    arrays = inputs()
    module = module_of(kind, arrays["attention"]).float()
    h_NTH = torch.from_numpy(arrays["h"]).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        pooled = module(h_NTH, torch.from_numpy(MASK))
    assert pooled.dtype == torch.float32
    assert torch.equal(pooled, module(h_NTH.float(), torch.from_numpy(MASK)))


def test_equal_values_share_the_gradient_of_their_maximum():
    h_NTH = torch.ones(1, 4, 1, requires_grad=True)
    MaskedMax()(h_NTH, torch.tensor([[1, 1, 0, 0]])).backward(torch.ones(1, 1))
    assert h_NTH.grad.flatten().tolist() == [0.5, 0.5, 0.0, 0.0]


def test_attention_weights_are_zero_where_masked_and_add_up_without_epsilon():
    arrays = inputs()
    module = module_of("attention", arrays["attention"], epsilon=0.0)
    h_NTH = torch.from_numpy(arrays["h"])
    pooled, weight_NT = module(h_NTH, torch.from_numpy(MASK), return_attention=True)
    assert not weight_NT[~torch.from_numpy(MASK)].any()
    sums = weight_NT.sum(1).detach().numpy()
    np.testing.assert_allclose(sums, [1, 1, 1, 1, 0], rtol=1e-14)
    again = torch.einsum("nt,nth->nh", weight_NT, h_NTH)
    assert (again - pooled).abs().max() < tolerances.POOLING_F64.value


def test_attention_is_one_vector_that_starts_in_the_range_of_the_source():
    torch.manual_seed(0)
    ((name, weight),) = AttentionPooling(400).named_parameters()
    assert (name, tuple(weight.shape)) == ("attention", (400,))
    assert -0.05 <= weight.min() < -0.045
    assert 0.045 < weight.max() <= 0.05


def test_attention_starts_as_asked_for():
    module = AttentionPooling(H, initializer=torch.nn.init.ones_)
    assert module.attention.detach().tolist() == [1.0] * H


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "units is 0; at least 1"), ((H, -1), "epsilon is -1; 0 or more")],
)
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttentionPooling(*arguments)
