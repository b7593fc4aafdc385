"""tfsent.load: every place of a model gives the same model, or one clear error."""

import dataclasses
import shutil
import zipfile

import keras
import numpy as np
import pytest

import tfsent
from tests.tolerances import COMPILED_LOGITS_F32, SCORE_F32
from tfsent.checkpoint import CheckpointError, StateStore, save_weights
from tfsent.config import NO_DECODER, ModelConfig, RunConfig
from tfsent.model import ByteLanguageModel

CONFIG = RunConfig(model=ModelConfig(hidden_size=7, embedding_size=3, layers=2))
TEXTS = ["Loved it.", "A dull, long film with an end that never came.", "ok"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run folder with a checkpoint, the best one, and a .keras file."""
    folder = tmp_path_factory.mktemp("run")
    model = ByteLanguageModel(CONFIG.model, seed=3, text_rule="openai")
    model.build(None)
    weights = {name: v.numpy() for name, v in model.named_weights().items()}
    config = dataclasses.asdict(CONFIG)
    save_weights(folder, weights, config)
    store = StateStore(folder, keep=2)
    store.save_best(store.save(5, weights, config, {}, {"step": 5}), 2.0)
    model.save(folder / "model.keras")
    return folder


@pytest.fixture(scope="module")
def model(run_dir):
    return tfsent.load(run_dir)


def bytes_of(shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


PLACES = (
    ".",
    "weights.safetensors",
    "checkpoints/00000005",
    "checkpoints/best",
    "model.keras",
)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_gives_the_same_logits(place, run_dir, model):
    bytes_BT = bytes_of((3, 5))
    found = tfsent.load(str(run_dir / place))
    np.testing.assert_array_equal(found.logits(bytes_BT), model.logits(bytes_BT))
    assert found.text_rule == "openai"


def test_logits_are_float32_and_start_from_no_state(model):
    bytes_BT = bytes_of((3, 5))
    logits_BTV = model.logits(bytes_BT)
    assert (logits_BTV.dtype, logits_BTV.shape) == (np.float32, (3, 5, 256))
    np.testing.assert_array_equal(model.logits(bytes_BT), logits_BTV)
    alone = model.logits(bytes_BT[1:2, :4])
    np.testing.assert_allclose(
        alone, logits_BTV[1:2, :4], rtol=0, atol=COMPILED_LOGITS_F32.value
    )


@pytest.mark.parametrize(
    "wrong", [bytes_of((5,)), bytes_of((2, 3)).astype("int64"), "text"]
)
def test_logits_of_anything_but_bytes_are_refused(wrong, model):
    with pytest.raises(ValueError, match="uint8"):
        model.logits(wrong)


def bits_by_hand(model, cleaned):
    """Return the bits of every byte of a text but its first."""
    bytes_BT = np.frombuffer(cleaned, np.uint8)[None]
    logits_TV = model.logits(bytes_BT)[0, :-1].astype(np.float64)
    logits_TV -= logits_TV.max(-1, keepdims=True)
    log_sum_T = np.log(np.exp(logits_TV).sum(-1))
    taken_T = logits_TV[np.arange(len(log_sum_T)), bytes_BT[0, 1:]]
    return (log_sum_T - taken_T) / np.log(2)


def test_bpc_is_the_mean_of_the_bits_worked_out_from_the_logits(model):
    cleaned = [b"\n " + text.encode() + b" " for text in TEXTS]
    bits = np.concatenate([bits_by_hand(model, text) for text in cleaned])
    assert model.bpc(TEXTS) == pytest.approx(bits.mean(), abs=SCORE_F32.value)
    assert model.bpc(cleaned) == pytest.approx(bits.mean(), abs=SCORE_F32.value)


def test_bpc_depends_neither_on_order_nor_on_company(model):
    together = model.bpc(TEXTS)
    assert model.bpc(TEXTS[::-1]) == pytest.approx(together, abs=SCORE_F32.value)
    lengths = [len(text.encode()) + 2 for text in TEXTS]
    alone = [model.bpc([text]) for text in TEXTS]
    assert np.average(alone, weights=lengths) == pytest.approx(
        together, abs=SCORE_F32.value
    )


def test_bpc_of_a_text_longer_than_a_window_is_that_of_its_bytes(model):
    text = bytes_of((700,)).tobytes()
    assert model.bpc([text]) == pytest.approx(
        bits_by_hand(model, text).mean(), abs=SCORE_F32.value
    )


@pytest.mark.parametrize("texts", [[], [b""], [b"a", b"b"]])
def test_bpc_of_nothing_to_predict_is_refused(texts, model):
    with pytest.raises(ValueError, match="at least two bytes"):
        model.bpc(texts)


@pytest.mark.parametrize("text", ["Loved it.", b"Loved it."])
def test_a_single_text_is_refused_where_a_list_is_needed(text, model):
    with pytest.raises(ValueError, match="a list will do"):
        model.bpc(text)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("place", [".", "model.keras"])
def test_another_precision_keeps_logits_in_float32_and_near(
    place, precision, run_dir, model
):
    bytes_BT = bytes_of((2, 5))
    logits_BTV = tfsent.load(run_dir / place, precision=precision).logits(bytes_BT)
    assert logits_BTV.dtype == np.float32
    assert 0 < np.abs(logits_BTV - model.logits(bytes_BT)).max() < 0.05


def missing(folder, run_dir):
    return folder / "nowhere"


def missing_keras(folder, run_dir):
    return folder / "nowhere.keras"


def text_file(folder, run_dir):
    (folder / "text.txt").write_text("text")
    return folder / "text.txt"


def empty_folder(folder, run_dir):
    (folder / "empty").mkdir()
    return folder / "empty"


def unended_run(folder, run_dir):
    run = shutil.copytree(run_dir, folder / "unended")
    (run / "weights.safetensors").unlink()
    return run


def damaged_run(folder, run_dir):
    run = shutil.copytree(run_dir, folder / "damaged")
    data = bytearray((run / "weights.safetensors").read_bytes())
    data[-100] ^= 1
    (run / "weights.safetensors").write_bytes(data)
    return run


def text_called_keras(folder, run_dir):
    (folder / "text.keras").write_text("text")
    return folder / "text.keras"


def folder_called_keras(folder, run_dir):
    (folder / "folder.keras").mkdir()
    return folder / "folder.keras"


def cut_keras(folder, run_dir):
    data = (run_dir / "model.keras").read_bytes()
    (folder / "cut.keras").write_bytes(data[: len(data) // 2])
    return folder / "cut.keras"


def keras_of_another_model(folder, run_dir):
    layers = [keras.layers.Input((3,)), keras.layers.Dense(2)]
    keras.Sequential(layers).save(folder / "other.keras")
    return folder / "other.keras"


def keras_with_a_lambda(folder, run_dir):
    layers = [keras.layers.Input((3,)), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(folder / "lambda.keras")
    return folder / "lambda.keras"


def keras_of_another_shape(folder, run_dir):
    """The weights of 7 units under a configuration of 8."""
    with zipfile.ZipFile(run_dir / "model.keras") as old:
        with zipfile.ZipFile(folder / "shape.keras", "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "config.json":
                    wide = data.replace(b'"hidden_size": 7', b'"hidden_size": 8')
                    assert wide != data
                    data = wide
                new.writestr(name, data)
    return folder / "shape.keras"


@pytest.mark.parametrize(
    "make",
    [
        missing,
        missing_keras,
        text_file,
        empty_folder,
        unended_run,
        damaged_run,
        text_called_keras,
        folder_called_keras,
        cut_keras,
        keras_of_another_model,
        keras_with_a_lambda,
        keras_of_another_shape,
    ],
)
def test_what_is_no_sound_model_is_refused_with_its_path(make, tmp_path, run_dir):
    path = make(tmp_path, run_dir)
    with pytest.raises(CheckpointError) as refused:
        tfsent.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def without_decoder(tmp_path_factory):
    """Run folder and .keras file of a model without output weights."""
    folder = tmp_path_factory.mktemp("encoder")
    model = ByteLanguageModel(CONFIG.model, seed=3, decoder=False)
    model.build(None)
    weights = {name: v.numpy() for name, v in model.named_weights().items()}
    save_weights(folder, weights, dataclasses.asdict(CONFIG) | {"decoder": False})
    model.save(folder / "model.keras")
    return folder


@pytest.mark.parametrize("place", [".", "model.keras"])
def test_model_without_decoder_gives_states_and_no_logits(
    place, without_decoder, run_dir
):
    found = tfsent.load(without_decoder / place)
    bytes_BT = bytes_of((3, 5))
    h_BTH, _ = found.model.hidden(bytes_BT)
    expected, _ = tfsent.load(run_dir).model.hidden(bytes_BT)
    np.testing.assert_array_equal(h_BTH, expected)
    for ask in (lambda: found.logits(bytes_BT), lambda: found.bpc(TEXTS)):
        with pytest.raises(ValueError, match="has no decoder") as caught:
            ask()
        assert str(caught.value) == NO_DECODER  # Keras would add lines of its own.
    with pytest.raises(ValueError, match="has no decoder"):
        found.model(bytes_BT)
