"""The compiled loop that draws bytes, beside the same in float64."""

import numpy as np
import pytest
from keras import ops

from tests.generation_cases import (
    CASES,
    LENGTH,
    PROMPT,
    case,
    loud_weights,
    steps_of,
    worst_state_error,
)
from tests.tolerances import GENERATED_STATE_F32
from tfsent.config import ModelConfig
from tfsent.generate import continued
from tfsent.model import ByteLanguageModel
from tfsent.model.generation import Generation, _likeliest
from tfsent.model.recurrence import compiled


def model_of(case, **settings):
    model = ByteLanguageModel(case.config, seed=None, **settings)
    model.build(None)
    model.set_named_weights(case.weights)
    return model


def write(model, case, samples=1, length=LENGTH, seed=None):
    return continued(
        lambda first: Generation(model, first, samples, *case.draw(), case.pin()),
        PROMPT,
        length,
        case.arguments["seed"] if seed is None else seed,
        samples,
    )


@pytest.mark.parametrize(("cell", "mode"), CASES)
def test_bytes_are_those_of_the_float64_equations(cell, mode):
    given = case(cell, mode)
    assert write(model_of(given), given) == [given.expected]


@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_layers_writes(layers):
    given = case("mlstm", "cell", layers)
    assert write(model_of(given), given) == [given.expected]


@pytest.mark.parametrize(
    ("cell", "mode"),
    [("mlstm", "cell"), ("mlstm", "hidden"), ("lstm", "cell below"), ("gru", "hidden")],
)
def test_held_units_have_their_value_after_every_step(cell, mode):
    given = case(cell, mode)
    pin = given.pin()
    generation = Generation(model_of(given), PROMPT[0], 1, *given.draw(), pin)
    given_N, noise_SN = steps_of(given)
    worst = 0.0
    for k, expected in enumerate(given.states):
        generation.advance(given_N[k : k + 1], noise_SN[:, k : k + 1])
        found = generation.state()
        held_K = found[pin.layer][pin.number][0, list(pin.units)]
        np.testing.assert_array_equal(held_K, np.float32(pin.values))
        worst = max(worst, worst_state_error(found, expected))
    assert worst <= GENERATED_STATE_F32.value


def test_samples_side_by_side_are_those_alone():
    given = case("mlstm", "all bytes")
    model = model_of(given)
    seed = given.arguments["seed"]
    together = write(model, given, samples=3)
    alone = [write(model, given, seed=seed + k)[0] for k in range(3)]
    assert together == alone
    assert len(set(together)) == 3


def test_tied_output_and_no_weight_norm_write_the_same_way():
    config = ModelConfig(
        hidden_size=7, embedding_size=7, tied_embedding=True, weight_norm=False
    )
    given = case("mlstm", "likeliest")._replace(
        config=config, weights=loud_weights(config)
    )
    model = model_of(given)
    [found] = write(model, given, length=12)
    logits_BTV = model(np.frombuffer(PROMPT + found, np.uint8)[None])
    likeliest_T = ops.convert_to_numpy(ops.argmax(logits_BTV[0], axis=-1))
    assert found == bytes(likeliest_T[len(PROMPT) - 1 : -1].tolist())


def test_one_program_serves_prompts_lengths_temperatures_and_pins():
    given = case("lstm", "cell")
    model = model_of(given)
    write(model, given)
    program = compiled(*_program(model))
    before = program.experimental_get_tracing_count()
    assert before >= 1
    for mode in ("all bytes", "likeliest", "warm, five", "hidden"):
        write(model, case("lstm", mode), length=70)
    assert program.experimental_get_tracing_count() == before
    write(model, given, samples=2)
    assert program.experimental_get_tracing_count() == before + 1


def _program(model):
    from tfsent.model.generation import _run

    return _run, model.recurrent_layers[0].equations


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_writes_and_holds_its_units(precision):
    given = case("mlstm", "cell")
    model = model_of(given, dtype=precision)
    assert len(write(model, given)[0]) == LENGTH
    generation = Generation(model, 10, 1, *given.draw(), given.pin())
    generation.advance(np.array([-1], np.int32), np.zeros((1, 1), np.float32))
    exact = Generation(model_of(given), 10, 1, *given.draw(), given.pin())
    exact.advance(np.array([-1], np.int32), np.zeros((1, 1), np.float32))
    for mine, truth in zip(generation.state(), exact.state(), strict=True):
        for one, other in zip(mine, truth, strict=True):
            assert one.dtype == np.float32
            assert np.abs(one - other).max() < 0.05
    held_K = generation.state()[1][1][0, [0, 5]]
    np.testing.assert_array_equal(held_K, np.float32([1.5, -2.0]))


def test_logits_that_are_not_finite_are_told():
    given = case("mlstm", "all bytes")
    broken = given.weights | {"output/bias": np.full(256, np.nan, np.float32)}
    with pytest.raises(ValueError, match="logits are not finite"):
        write(model_of(given._replace(weights=broken)), given)


@pytest.mark.parametrize("ties", [False, True])
def test_likeliest_are_exactly_so_many_the_lower_bytes_first(ties):
    rng = np.random.default_rng(0)
    for top_k in (1, 2, 5, 100, 255, 256):
        logits_VS = rng.standard_normal((256, 3)).astype(np.float32)
        if ties:
            logits_VS = np.float32(rng.integers(-2, 3, (256, 3)))
        order_VS = np.argsort(-logits_VS, axis=0, kind="stable")
        expected_VS = np.zeros((256, 3), bool)
        np.put_along_axis(expected_VS, order_VS[:top_k], True, axis=0)
        found_VS = _likeliest(
            ops.convert_to_tensor(logits_VS), ops.convert_to_tensor(top_k, "int32")
        )
        np.testing.assert_array_equal(ops.convert_to_numpy(found_VS), expected_VS)


def test_noise_of_the_ends_draws_bytes_that_may_be_drawn():
    given = case("tanh", "warm, five")
    model = model_of(given)
    largest = np.nextafter(np.float32(1), np.float32(0))
    for noise in (np.float32(0), largest):
        generation = Generation(model, 10, 2, 1.0, 5)
        bytes_SN = generation.advance(
            np.full(3, -1, np.int32), np.full((2, 3), noise, np.float32)
        )
        read_T = np.uint8([10, *bytes_SN[0]])
        logits_TV = ops.convert_to_numpy(model(read_T[None]))[0]
        for byte, logits_V in zip(bytes_SN[0], logits_TV, strict=False):
            likeliest = np.argsort(-logits_V, kind="stable")[:5]
            assert byte == (likeliest.min() if noise == 0 else likeliest.max())
