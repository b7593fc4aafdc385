"""The twin's loop that draws bytes, beside float64 and beside Keras."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.loading import LanguageModel  # noqa: E402
from compare.twin import ByteLanguageModel  # noqa: E402
from compare.twin.generation import Generation, _likeliest  # noqa: E402
from tests.compare.twin.pair import to_twin  # noqa: E402
from tests.generation_cases import (  # noqa: E402
    CASES,
    LENGTH,
    PROMPT,
    case,
    steps_of,
    worst_state_error,
)
from tests.tolerances import GENERATED_STATE_F32  # noqa: E402
from tfsent.config import NO_DECODER  # noqa: E402


def model_of(case):
    model = ByteLanguageModel(case.config)
    arrays = to_twin(case.weights, case.config)
    model.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()})
    return model


def write(case, model=None, **more):
    model = LanguageModel(model or model_of(case))
    return model.generate_bytes(PROMPT, LENGTH, **case.arguments | more)


@pytest.mark.parametrize(("cell", "mode"), CASES)
def test_bytes_are_those_of_the_float64_equations(cell, mode):
    given = case(cell, mode)
    assert write(given) == [given.expected]


@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_layers_writes(layers):
    given = case("mlstm", "cell", layers)
    assert write(given) == [given.expected]


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
    seed = given.arguments["seed"]
    together = write(given, samples=3)
    assert together == [write(given, seed=seed + k)[0] for k in range(3)]
    assert len(set(together)) == 3


@pytest.mark.parametrize("mode", ["all bytes", "likeliest", "warm, five", "cell"])
def test_both_frameworks_write_the_same(mode):
    from tests.model.test_generation import model_of as keras_model_of
    from tfsent.loading import LanguageModel as KerasLanguageModel

    given = case("mlstm", mode)
    keras = KerasLanguageModel(keras_model_of(given))
    texts = keras.generate("A film", LENGTH, **given.arguments, samples=1)
    twin = LanguageModel(model_of(given))
    assert texts == twin.generate("A film", LENGTH, **given.arguments, samples=1)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_writes_and_holds_its_units(precision):
    given = case("mlstm", "cell")
    model = LanguageModel(model_of(given), precision)
    [text] = model.generate_bytes(PROMPT, LENGTH, **given.arguments)
    assert len(text) == LENGTH
    states = []
    for dtype in (getattr(torch, precision.removeprefix("mixed_")), None):
        generation = Generation(
            model_of(given), 10, 1, *given.draw(), given.pin(), dtype
        )
        generation.advance(np.array([-1], np.int32), np.zeros((1, 1), np.float32))
        states.append(np.stack([s for layer in generation.state() for s in layer]))
    assert 0 < np.abs(states[0] - states[1]).max() < 0.05
    np.testing.assert_array_equal(states[0][3, 0, [0, 5]], np.float32([1.5, -2.0]))


def test_logits_that_are_not_finite_are_told():
    given = case("mlstm", "likeliest")
    broken = given.weights | {"output/bias": np.full(256, np.nan, np.float32)}
    with pytest.raises(ValueError, match="logits are not finite"):
        write(given._replace(weights=broken))


def test_a_model_without_decoder_says_so():
    given = case("mlstm", "likeliest")
    with pytest.raises(ValueError, match="no decoder") as caught:
        write(given, ByteLanguageModel(given.config, decoder=False))
    assert str(caught.value) == NO_DECODER


def test_parameters_learn_as_before():
    given = case("mlstm", "likeliest")
    model = model_of(given)
    write(given, model)
    logits, _ = model(torch.zeros(1, 3, dtype=torch.uint8))
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("ties", [False, True])
def test_likeliest_are_exactly_so_many_the_lower_bytes_first(ties):
    rng = np.random.default_rng(0)
    for top_k in (1, 2, 5, 100, 255, 256):
        logits_SV = rng.standard_normal((3, 256)).astype(np.float32)
        if ties:
            logits_SV = np.float32(rng.integers(-2, 3, (3, 256)))
        order_SV = np.argsort(-logits_SV, axis=1, kind="stable")
        expected_SV = np.zeros((3, 256), bool)
        np.put_along_axis(expected_SV, order_SV[:, :top_k], True, axis=1)
        found_SV = _likeliest(torch.from_numpy(logits_SV), top_k)
        np.testing.assert_array_equal(found_SV.numpy(), expected_SV)


def test_noise_of_the_ends_draws_bytes_that_may_be_drawn():
    given = case("tanh", "warm, five")
    model = model_of(given)
    largest = np.nextafter(np.float32(1), np.float32(0))
    for noise in (np.float32(0), largest):
        generation = Generation(model, 10, 2, 1.0, 5)
        bytes_SN = generation.advance(
            np.full(3, -1, np.int32), np.full((2, 3), noise, np.float32)
        )
        read = [10]
        for byte in bytes_SN[0]:
            logits_BTV, _ = model(torch.tensor([read], dtype=torch.uint8))
            likeliest = logits_BTV[0, -1].topk(5).indices
            assert byte == (likeliest.min() if noise == 0 else likeliest.max())
            read.append(int(byte))
