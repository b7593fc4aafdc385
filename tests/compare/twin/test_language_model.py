"""The twin's language model beside the float64 equations, and how it carries state."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from compare.twin import ByteLanguageModel  # noqa: E402
from tests import reference_rnn, tolerances  # noqa: E402
from tfsent.checkpoint.shapes import expected_shapes  # noqa: E402
from tfsent.config import NO_DECODER, ModelConfig  # noqa: E402

B, T, E, H = 3, 6, 4, 5
# For each block of columns in the reference the block of rows in the twin.
BLOCKS = {"mlstm": (0, 1, 3, 2), "lstm": (0, 1, 3, 2), "gru": (1, 0, 2)}


def make(seed=3, decoder=True, **settings):
    config = ModelConfig(hidden_size=H, **({"embedding_size": E} | settings))
    return ByteLanguageModel(config, seed=seed, decoder=decoder)


def to_reference(model, name, value):
    """Return a parameter's name and value, or its gradient, in the reference's layout.

    A second way, beside `compare.formats`, so that neither hides the other's fault.
    """
    value = value.detach().double().numpy()
    room, _, rest = name.partition(".")
    if room != "layers":
        turned = value.T if name == "output.weight" else value
        return name.replace(".", "/"), turned
    index, _, short = rest.partition(".")
    short = short.replace("parametrizations.", "").replace(".original1", "")
    if short.endswith(".original0"):
        short, value = reference_rnn.GAINS[short.partition(".")[0]], value[:, 0]
    if short in ("wx", "wh", "b", "bh", "gx", "gh"):
        order = BLOCKS.get(model.config.cell, (0,))
        parts = np.split(value, len(order))
        value = np.concatenate([parts[k] for k in order])
    return f"layers/{index}/{short}", value.T


def float64(model):
    return dict(to_reference(model, n, p) for n, p in model.named_parameters())


def some_bytes(seed=0, length=T + 1):
    return np.random.default_rng(seed).integers(0, 256, (B, length)).astype(np.uint8)


def tensor(array):
    return torch.from_numpy(array)


def loss_of(model, bytes_BT1, **given):
    logits_BTV, _ = model(tensor(bytes_BT1[:, :-1]), **given)
    targets_BT = tensor(bytes_BT1[:, 1:]).long()
    return functional.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten())


@pytest.mark.parametrize("cell", reference_rnn.CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_logits_and_states_equal_the_float64_equations(cell, layers):
    model = make(cell=cell, layers=layers)
    reset = np.zeros((B, T), bool)
    reset[1, 3] = True
    bytes_BT = some_bytes()[:, :-1]
    logits, state = model(tensor(bytes_BT), reset_BT=tensor(reset))
    expected, last, _ = reference_rnn.language_model_logits(
        cell, float64(model), bytes_BT, reset_BT=reset
    )
    bound = tolerances.LOGITS_F32.value
    assert np.abs(logits.detach().numpy() - expected).max() <= bound
    for ours, theirs in zip(state, last, strict=True):
        for tensor_BH, expected_BH in zip(ours, theirs, strict=False):
            assert np.abs(tensor_BH.detach().numpy() - expected_BH).max() <= bound


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "mlstm", "layers": 2},
        {"cell": "mlstm", "tied_embedding": True, "embedding_size": H},
        {"cell": "gru", "weight_norm": False},
        {"cell": "gru", "layers": 2},
        {"cell": "lstm", "layers": 2},
        {"cell": "tanh"},
        {"cell": "relu", "weight_norm": False},
    ],
)
def test_gradients_of_every_weight_equal_the_float64_equations(settings):
    model = make(**settings)
    bytes_BT1 = np.minimum(some_bytes(), 9)  # Rows of the table are met repeatedly.
    bytes_BT1[:, ::2] = some_bytes()[:, ::2]
    loss = loss_of(model, bytes_BT1)
    loss.backward()
    cell = settings["cell"]
    weights = float64(model)
    expected = reference_rnn.language_model_gradients(cell, weights, bytes_BT1)
    grads = dict(to_reference(model, n, p.grad) for n, p in model.named_parameters())
    assert grads.keys() == expected.keys()
    for name, grad in grads.items():
        bound = tolerances.GRADIENT_F32.value * np.abs(expected[name]).max()
        assert np.abs(grad - expected[name]).max() <= bound, name
    reference = reference_rnn.language_model_loss(cell, weights, bytes_BT1)
    assert abs(loss.item() - reference) <= tolerances.LOGITS_F32.value


def test_weights_have_the_names_and_shapes_of_the_keras_model():
    for cell in reference_rnn.CELLS:
        for settings in ({}, {"weight_norm": False}, {"layers": 2}):
            for decoder in (True, False):
                model = make(cell=cell, decoder=decoder, **settings)
                shapes = {n: w.shape for n, w in float64(model).items()}
                assert shapes == expected_shapes(model.config, decoder)


def test_the_state_dict_has_the_names_of_weight_normalisation():
    names = make(layers=2).state_dict().keys()
    assert {
        "embedding.weight",
        "layers.1.b",
        "layers.1.parametrizations.wmh.original0",
        "layers.1.parametrizations.wmh.original1",
        "output.weight",
        "output.bias",
    } <= names
    tied = make(tied_embedding=True, embedding_size=H)
    assert tied.output.weight is tied.embedding.weight


def test_a_text_longer_than_the_rows_gathered_at_once_equals_the_equations():
    model = make(layers=1)
    bytes_BT = some_bytes(length=20)
    logits, _ = model(tensor(bytes_BT))
    expected, *_ = reference_rnn.language_model_logits(
        "mlstm", float64(model), bytes_BT
    )
    error = np.abs(logits.detach().numpy() - expected).max()
    assert error <= tolerances.LOGITS_F32.value


def test_carrying_the_state_equals_reading_at_once():
    model = make(layers=2)
    bytes_BT = tensor(some_bytes())
    whole, last = model(bytes_BT)
    first, state = model(bytes_BT[:, :4])
    rest, carried = model(bytes_BT[:, 4:], state=state)
    bound = tolerances.LOGITS_F32.value
    assert (torch.cat([first, rest], dim=1) - whole).abs().max() <= bound
    for one, other in zip(last, carried, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a - b).abs().max() <= bound


def test_a_carried_state_hands_its_gradient_back():
    model = make(layers=2)
    bytes_BT = tensor(some_bytes())
    whole, _ = model(bytes_BT)
    whole[:, 4:].square().sum().backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters()}
    model.zero_grad()
    _, state = model(bytes_BT[:, :4])
    model(bytes_BT[:, 4:], state=state)[0].square().sum().backward()
    for name, parameter in model.named_parameters():
        error = (parameter.grad - expected[name]).abs().max()
        assert error <= tolerances.GRADIENT_F32.value * expected[name].abs().max()


def test_a_model_without_decoder_gives_hidden_states_and_no_logits():
    model, whole = make(decoder=False), make()
    bytes_BT = tensor(some_bytes())
    torch.testing.assert_close(model.hidden(bytes_BT)[0], whole.hidden(bytes_BT)[0])
    with pytest.raises(ValueError, match="decoder") as caught:
        model(bytes_BT)
    assert str(caught.value) == NO_DECODER


def test_evaluation_without_gradients_gives_the_same_logits():
    model = make(layers=2)
    bytes_BT = tensor(some_bytes())
    with torch.no_grad():
        logits, _ = model(bytes_BT)
    error = (logits - model(bytes_BT)[0]).abs().max()
    assert error <= tolerances.LOGITS_F32.value


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_and_states_are_float32_under_autocast(dtype):
    model = make(layers=2)
    with torch.autocast("cpu", dtype):
        logits, state = model(tensor(some_bytes()))
    assert logits.dtype == torch.float32
    assert {s.dtype for one in state for s in one} == {torch.float32}
    assert not torch.equal(logits, model(tensor(some_bytes()))[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cell", ["mlstm", "gru"])
def test_half_precision_keeps_the_gradient_of_every_weight(dtype, cell):
    """Many places of few bytes: a sum of rows in half precision would stop growing."""
    config = ModelConfig(cell=cell, hidden_size=16, embedding_size=8)
    rng = np.random.default_rng(0)
    bytes_BT1 = np.minimum(97 + rng.geometric(0.3, (64, 129)), 255).astype(np.uint8)
    model = ByteLanguageModel(config, seed=3)
    scale = 2.0**10 if dtype == torch.float16 else 1.0
    grads = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", dtype, enabled=enabled):
            loss = loss_of(model, bytes_BT1)
        (loss * (scale if enabled else 1)).backward()
        scales = scale if enabled else 1
        grads.append([p.grad / scales for p in model.parameters()])
    tolerance = {
        torch.float16: tolerances.GRADIENT_F16,
        torch.bfloat16: tolerances.GRADIENT_BF16,
    }[dtype]
    errors = [
        float((half - full).abs().max() / full.abs().max())
        for full, half in zip(*grads, strict=True)
    ]
    assert 0 < np.max(errors) <= tolerance.value


def test_dropout_acts_in_training_only():
    model, plain = make(dropout=0.5), make()
    bytes_BT = tensor(some_bytes())
    expected, _ = plain(bytes_BT)
    model.eval()
    torch.testing.assert_close(model(bytes_BT)[0], expected, rtol=0, atol=0)
    model.train()
    assert (model(bytes_BT)[0] - expected).abs().max() > 1e-3


def test_recipes_start_as_published():
    bound = 1 / np.sqrt(H)
    for name, value in float64(make(initialization="nvidia")).items():
        if name.startswith("layers/") and not name.split("/")[-1].startswith("g"):
            assert 0 < np.abs(value).max() <= bound, name
    openai = float64(make(initialization="openai"))
    assert not openai["layers/0/b"].any()
    for k in range(4):
        block = openai["layers/0/wh"][:, k * H : (k + 1) * H]
        np.testing.assert_allclose(block.T @ block, np.eye(H), atol=1e-5)
        np.testing.assert_allclose(openai["layers/0/gh"], np.ones(4 * H), atol=1e-5)


def test_two_seeds_start_different_and_one_seed_the_same():
    one, same, other = (float64(make(seed=s)) for s in (3, 3, 4))
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])
        assert value.std() < 1e-6 or np.abs(value - other[name]).max() > 0


def test_parameters_at_4096_units_are_those_of_the_published_model():
    with torch.device("meta"):
        model = ByteLanguageModel(ModelConfig(hidden_size=4096))
    assert sum(p.numel() for p in model.parameters()) == 86_319_360
