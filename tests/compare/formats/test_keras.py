import dataclasses
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from compare import containers, formats
from compare.checkpoint import Origin
from compare.containers import Container
from compare.formats import keras as keras_format
from tests.compare.sample_models import (
    KINDS,
    assert_same_arrays,
    assert_same_model,
    checkpoint_of,
    write_keras_run,
)
from tfsent.checkpoint import CheckpointError
from tfsent.loading import load
from tfsent.model.language_model import ByteLanguageModel

NORMED = [kind for kind in KINDS if kind["layers"] == 2]


def write(checkpoint, path):
    containers.write(path, keras_format.write(checkpoint, "keras", path.suffix))
    return path


def read(path, gates=None):
    container = containers.read(path)
    module, _ = formats.recognize(container)
    assert module is keras_format
    return module.read(container, gates)


def made(checkpoint):
    """The Keras model itself."""
    model = ByteLanguageModel(checkpoint.model, decoder=checkpoint.decoder)
    model.build(None)
    model.set_named_weights(checkpoint.weights)
    return model


def told(kind):
    return kind["cell"] if kind["cell"] in ("tanh", "relu") else None


def test_keras_loads_what_is_written_without_it(tmp_path):
    for k, kind in enumerate(KINDS):
        checkpoint = checkpoint_of(k, **kind)
        loaded = load(write(checkpoint, tmp_path / f"{k}.keras"))
        found = {n: np.array(v) for n, v in loaded.model.named_weights().items()}
        assert_same_arrays(found, checkpoint.weights)
        assert loaded.model.config == checkpoint.model


def test_what_keras_saves_is_read_without_it(tmp_path):
    for k, kind in enumerate(KINDS):
        checkpoint = checkpoint_of(k, dropout=0.25, **kind)
        model = made(checkpoint)
        model.save(tmp_path / f"{k}.keras")
        model.save_weights(tmp_path / f"{k}.weights.h5")
        assert_same_model(read(tmp_path / f"{k}.keras"), checkpoint)
        # Nobody wrote down the dropout.
        bare = dataclasses.replace(
            checkpoint, model=dataclasses.replace(checkpoint.model, dropout=0.0)
        )
        assert_same_model(read(tmp_path / f"{k}.weights.h5"), bare)


def test_keras_reads_weights_written_without_it(tmp_path):
    checkpoint = checkpoint_of(3, layers=2)
    model = made(
        dataclasses.replace(checkpoint, weights=checkpoint_of(4, layers=2).weights)
    )
    model.load_weights(write(checkpoint, tmp_path / "m.weights.h5"))
    found = {n: np.array(v) for n, v in model.named_weights().items()}
    assert_same_arrays(found, checkpoint.weights)


def test_checkpoint_of_tensorflow_with_optimizer_is_read(tmp_path):
    for k, kind in enumerate(KINDS):
        checkpoint = checkpoint_of(k, **kind)
        model = made(checkpoint)
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        saved = tf.train.Checkpoint(model=model, optimizer=optimizer)
        path = saved.save(str(tmp_path / f"{k}" / "ck"))
        assert_same_model(read(tmp_path / f"{k}" / path, told(kind)), checkpoint)


@pytest.mark.parametrize("wrapped", [True, False])
def test_checkpoint_of_tensorflow_that_names_layers_is_read(tmp_path, wrapped):
    for k, kind in enumerate(NORMED):
        checkpoint = checkpoint_of(k, **kind)
        model = made(checkpoint)
        parts = {"embedding": model.embedding, "output_bias": model.output_bias}
        parts["output_weight"] = model.output_weight
        parts |= {f"layer_{n}": layer for n, layer in enumerate(model.recurrent_layers)}
        saved = tf.train.Checkpoint(**parts)
        if wrapped:
            saved = tf.train.Checkpoint(model=saved)
        saved.write(str(tmp_path / f"{k}"))
        found = read(tmp_path / f"{k}.index", told(kind))
        assert_same_model(found, checkpoint)


def test_checkpoint_of_tensorflow_without_layers_is_refused():
    arrays = {"model/embedding": np.zeros((256, 3), "f4")}
    container = Container("tf-checkpoint", arrays)
    with pytest.raises(CheckpointError, match="no weights of the recurrent layers"):
        keras_format.read(container)
    with pytest.raises(CheckpointError, match="no weight 'embedding', or several"):
        keras_format.read(Container("tf-checkpoint", {}))


def test_run_and_checkpoint_folders_come_back(tmp_path):
    for k, kind in enumerate(KINDS):
        checkpoint = checkpoint_of(k, training=True, **kind)
        path = write(checkpoint, tmp_path / f"{k}")
        for place in ("", "checkpoints/00000040", "weights.safetensors"):
            found = read(path / place)
            assert_same_model(found, checkpoint)
            assert_same_arrays(found.training.arrays, checkpoint.training.arrays)
            assert found.training.progress == checkpoint.training.progress
            assert found.config == checkpoint.config
            assert found.origin == checkpoint.origin


def test_model_from_elsewhere_keeps_its_origin_and_extras(tmp_path):
    origin = Origin("nvidia-2018-12", "ifuo", "float16", 257, {"nesting": ["sd"]})
    extras = {"padding/embedding/weight": np.arange(3, dtype="f2")}
    checkpoint = checkpoint_of()
    config = {"model": checkpoint.config["model"], "data": {"text_rule": "nvidia"}}
    checkpoint = dataclasses.replace(
        checkpoint, origin=origin, extras=extras, config=config
    )
    found = read(write(checkpoint, tmp_path / "m"))
    assert_same_model(found, checkpoint)
    assert found.origin == origin
    assert found.config == config
    with pytest.raises(ValueError, match=r"\.keras file has no place for padding"):
        keras_format.write(checkpoint, "keras", ".keras")
    alone = dataclasses.replace(checkpoint, extras={})
    assert read(write(alone, tmp_path / "m.keras")).origin == origin


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5"])
def test_model_without_decoder_stays_without(tmp_path, suffix):
    whole = checkpoint_of(layers=2)
    weights = {n: w for n, w in whole.weights.items() if not n.startswith("output")}
    checkpoint = dataclasses.replace(whole, weights=weights, decoder=False)
    assert_same_model(read(write(checkpoint, tmp_path / f"m{suffix}")), checkpoint)


def test_final_weights_take_the_training_state_of_their_own_step_only(tmp_path):
    run = write_keras_run(tmp_path / "run")
    assert read(run).training.progress["step"] == 30
    shorter = write_keras_run(tmp_path / "other", steps=(20,))
    for name in ("weights.safetensors", "config.json", "manifest.json"):
        (shorter / name).write_bytes((run / name).read_bytes())
    assert read(shorter).training is None


def test_weights_file_without_settings_is_read_by_its_shapes(tmp_path):
    run = write_keras_run(tmp_path / "run", cell="gru", layers=2)
    (run / "weights.safetensors").rename(tmp_path / "bare.safetensors")
    found = read(tmp_path / "bare.safetensors")
    expected = checkpoint_of(30, cell="gru", layers=2)
    assert_same_model(found, expected)


def test_order_that_the_user_tells_is_obeyed(tmp_path):
    path = write(checkpoint_of(), tmp_path / "m.keras")
    before, after = (read(path, g).weights["layers/0/b"] for g in (None, "ifuo"))
    i, f, u, o = np.split(before, 4)
    np.testing.assert_array_equal(after, np.concatenate([i, f, o, u]))


def rewrite(path, change):
    """Change the settings in a .keras file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(registered_name="Functional"), "no known layout"),
        (lambda c: c.update(registered_name=None), "no known layout"),
        (lambda c: c.update(config=[]), "not the language model"),
        (lambda c: c["config"].update(text_rule="own"), "text_rule is 'own'"),
        (lambda c: c["config"].update(decoder=1), "decoder is 1, no bool"),
        (lambda c: c["config"].update(decoder=False), "are of another model"),
        (lambda c: c["config"]["config"].update(hidden_size=2**40), "hidden_size is"),
        (lambda c: c["config"]["config"].update(layers=2), "are of another model"),
        (lambda c: c["config"]["config"].update(cell="x"), "model.cell is 'x'"),
    ],
)
def test_keras_file_of_another_model_is_refused(tmp_path, change, message):
    path = write(checkpoint_of(), tmp_path / "m.keras")
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message):
        read(path)


def test_lambda_in_a_keras_file_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "trace"
    layer = keras.layers.Lambda(lambda x: x)
    keras.Sequential([keras.Input((3,)), layer]).save(tmp_path / "m.keras")
    with pytest.raises(CheckpointError, match=r"m\.keras"):
        read(tmp_path / "m.keras")
    assert not trace.exists()


def test_weights_of_another_model_are_refused(tmp_path):
    content = keras_format.write(checkpoint_of(), "keras", ".h5")
    group = "layers.multiplicative_lstm.vars"
    for name, value, message in (
        ("vars.0", np.zeros((256, 4), "f4"), r"'layers/0/wx' has shape \(3, 28\)"),
        (
            f"{group}.4",
            np.zeros(5, "f4"),
            r"'layers/0/b' has shape \(5,\), not \(28,\)",
        ),
        ("vars.3", np.zeros(5, "f4"), "without a place: .*vars.3"),
        ("layers.dense.vars.0", np.zeros(5, "f4"), "without a place: .*layers.dense"),
    ):
        container = Container("hdf5", content.arrays | {name: value})
        with pytest.raises(CheckpointError, match=message):
            keras_format.read(container)
    less = {n: a for n, a in content.arrays.items() if n != "vars.1"}
    with pytest.raises(CheckpointError, match="misses the weight 'output/weight'"):
        keras_format.read(Container("hdf5", less))
