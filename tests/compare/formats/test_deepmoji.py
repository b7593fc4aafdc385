"""Both files of DeepMoji's network, by Keras's own reader and PyTorch's, and NumPy."""

import dataclasses

import h5py
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn import functional

from compare import containers, formats
from compare.containers import Container
from compare.containers.hdf5 import TEXTS
from compare.formats import deepmoji, torchmoji
from tests import reference_deepmoji as reference
from tests.compare import moji_models
from tests.compare.moji_models import torch_arrays
from tests.tolerances import MOJI_F32
from tfsent.checkpoint import CheckpointError

SIZES = (13, 3, 4, 5)
V, E, H, K = SIZES
KINDS = {"deepmoji": ".h5", "torchmoji": ".bin"}


def read(path):
    container = containers.read(path)
    module, _ = formats.recognize(container)
    return module.read(container)


def written(model, to, path):
    containers.write(path, formats.format_of(to).write(model, to))
    return path


@pytest.fixture(scope="module")
def weights():
    return reference.draw(*SIZES)


@pytest.fixture
def model(weights):
    return torchmoji.read(Container("torch", torch_arrays(weights)))


def same_weights(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.float32


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_state_dict_of_torchmoji_is_read_weight_by_weight(model, weights):
    same_weights(model.weights, weights)


def test_file_of_deepmoji_says_in_keras_what_the_equations_say(
    tmp_path, model, weights
):
    path = written(model, "deepmoji", tmp_path / "m.h5")
    network = moji_models.in_keras(*SIZES)
    moji_models.load_old(network, path)
    words_NT, mask_NT, labels_N = reference.batch()
    variables = [v.value for v in network.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        said_NK = network(words_NT)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_N, said_NK)
        loss = tf.reduce_mean(losses)
    found = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]
    expected_NK, _ = reference.forward(weights, words_NT, mask_NT)
    assert relative(said_NK.numpy(), expected_NK) < MOJI_F32.value
    # Gradients as a file of the same layout, so that names need no second table.
    for variable, gradient in zip(network.trainable_variables, found, strict=True):
        variable.assign(gradient)
    moji_models.save_old(network, tmp_path / "gradients.h5")
    grads = reference.gradients(weights, words_NT, mask_NT, labels_N)
    for name, array in read(tmp_path / "gradients.h5").weights.items():
        assert relative(array, grads[name]) < MOJI_F32.value, name


def test_file_of_torchmoji_says_in_pytorch_what_the_equations_say(
    tmp_path, model, weights
):
    path = written(model, "torchmoji", tmp_path / "pytorch_model.bin")
    network = moji_models.InTorch(*SIZES)
    network.load_state_dict(torch.load(path, weights_only=True))
    words_NT, mask_NT, labels_N = reference.batch()
    said_NK = network(torch.from_numpy(words_NT))
    # Without the 1e-7 that torchMoji does not add.
    expected_NK, _ = reference.forward(weights, words_NT, mask_NT, epsilon=0.0)
    assert relative(said_NK.detach().numpy(), expected_NK) < MOJI_F32.value
    functional.cross_entropy(said_NK, torch.from_numpy(labels_N)).backward()
    named = {n: p.grad.numpy() for n, p in network.named_parameters()}
    named |= {n: 0 * g for n, g in named.items() if "bias_hh" in n}
    grads = reference.gradients(weights, words_NT, mask_NT, labels_N)
    for name, array in torchmoji.read(Container("torch", named)).weights.items():
        assert relative(array, grads[name]) < MOJI_F32.value, name


def test_file_that_keras_wrote_is_read(tmp_path, model, weights):
    network = moji_models.in_keras(*SIZES)
    moji_models.load_old(network, written(model, "deepmoji", tmp_path / "a.h5"))
    moji_models.save_old(network, tmp_path / "b.h5")
    found = containers.read(tmp_path / "b.h5")
    assert formats.recognize(found) == (
        deepmoji,
        "DeepMoji's network (HDF5 of Keras 2)",
    )
    same_weights(deepmoji.read(found).weights, weights)


def test_file_of_a_whole_model_is_read_without_its_optimizer(tmp_path, model, weights):
    network = moji_models.in_keras(*SIZES)
    moji_models.load_old(network, written(model, "deepmoji", tmp_path / "a.h5"))
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    network.save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as file:
        assert {"model_weights", "optimizer_weights"} <= file.keys()
    whole = read(tmp_path / "whole.h5")
    same_weights(whole.weights, weights)
    assert "the state of the optimizer" in whole.left_behind(model)


def keras_1(weights):
    """Return a container as Keras 1 laid it out: twelve arrays a direction."""
    arrays, texts = {}, {}

    def add(layer, values):
        arrays.update({f"{layer}.{name}": array for name, array in values.items()})
        texts[layer] = {"weight_names": list(values)}

    add("embedding", {"embedding_W": weights["embedding/weight"]})
    for k in (0, 1):
        values = {}
        for side in ("forward", "backward"):
            of_gate = {
                part: dict(
                    zip(
                        "ifou",
                        np.split(weights[f"layers/{k}/{side}/{part}"], 4, -1),
                        strict=True,
                    )
                )
                for part in ("wx", "wh", "b")
            }
            for gate, name in zip("iufo", "icfo", strict=True):
                for part, letter in (("wx", "W"), ("wh", "U"), ("b", "b")):
                    key = f"{side}_lstm_{k + 1}_{letter}_{name}"
                    values[key] = of_gate[part][gate]
        add(f"bi_lstm_{k}", values)
    add("attlayer", {"attlayer_W": weights["attention/weight"]})
    names = {"softmax_W": "output/weight", "softmax_b": "output/bias"}
    add("softmax", {name: weights[ours] for name, ours in names.items()})
    texts[""] = {"layer_names": ["input_1", *texts]}
    return Container("hdf5", arrays, {TEXTS: texts})


def test_file_of_keras_1_is_read_and_comes_back_as_it_was(tmp_path, weights):
    expected = keras_1(weights)
    containers.write(tmp_path / "a.h5", expected)
    found = containers.read(tmp_path / "a.h5")
    assert formats.recognize(found)[1] == "DeepMoji's network (HDF5 of Keras 1)"
    model = deepmoji.read(found)
    same_weights(model.weights, weights)
    again = containers.read(written(model, "deepmoji", tmp_path / "b.h5"))
    assert again.facts == expected.facts
    same_weights(again.arrays, expected.arrays)


@pytest.mark.parametrize("suffix", [".h5", ".bin"])
@pytest.mark.parametrize(
    ("to", "name"),
    [("keras", "m.keras"), ("keras", "run"), ("twin", "m.pt"),
     ("twin", "m.safetensors"), ("twin", "run"), ("torchmoji", "t.bin"),
     ("deepmoji", "d.hdf5")],
)  # fmt: skip
def test_way_there_and_back_gives_every_bit(tmp_path, model, suffix, to, name):
    home = {v: k for k, v in KINDS.items()}[suffix]
    start = written(model, home, tmp_path / f"a{suffix}")
    module = formats.format_of(to)
    extra = {"suffix": (tmp_path / name).suffix} if to in ("keras", "twin") else {}
    containers.write(tmp_path / name, module.write(read(start), to, **extra))
    back = written(read(tmp_path / name), home, tmp_path / f"b{suffix}")
    one, other = containers.read(start), containers.read(back)
    same_weights(other.arrays, one.arrays)
    assert other.facts == one.facts


def test_two_biases_of_torchmoji_add_up(weights):
    arrays = torch_arrays(weights)
    for end in ("", "_reverse"):
        whole = arrays[f"lstm_1.bias_ih_l0{end}"]
        arrays[f"lstm_1.bias_hh_l0{end}"] = 3 * whole
    found = torchmoji.read(Container("torch", arrays)).weights
    for side in ("forward", "backward"):
        name = f"layers/1/{side}/b"
        np.testing.assert_allclose(found[name], 4 * weights[name], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_types_are_read_and_half_comes_back(weights, dtype):
    arrays = {n: a.astype(dtype) for n, a in torch_arrays(weights).items()}
    model = torchmoji.read(Container("torch", arrays))
    assert model.origin.dtype == dtype
    again = torchmoji.write(model).arrays
    kept = "float16" if dtype == "float16" else "float32"
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array.astype(kept))
        assert again[name].dtype == kept


@pytest.mark.parametrize("to", KINDS)
def test_encoder_without_output_layer_is_one_there_and_back(tmp_path, weights, to):
    arrays = torch_arrays(weights)
    arrays = {n: a for n, a in arrays.items() if not n.startswith("output")}
    model = torchmoji.read(Container("torch", arrays))
    assert not model.decoder
    path = written(model, to, tmp_path / f"m{KINDS[to]}")
    assert "encoder" in formats.recognize(containers.read(path))[1]
    again = read(path)
    same_weights(again.weights, model.weights)
    run = tmp_path / "run"
    containers.write(run, formats.format_of("keras").write(again, "keras"))
    same_weights(read(run).weights, model.weights)
    with pytest.raises(ValueError, match="output layer, and the model has none"):
        formats.format_of("keras").write(again, "keras", suffix=".keras")


def test_one_output_is_one_label(weights):
    small = weights | {n: weights[n][..., :1] for n in ("output/weight", "output/bias")}
    model = torchmoji.read(Container("torch", torch_arrays(small)))
    assert model.task == {"kind": "multilabel", "classes": ["1"]}
    same_weights(deepmoji.read(deepmoji.write(model)).weights, model.weights)


def without(name):
    return lambda arrays: arrays.pop(name)


def put(name, array):
    return lambda arrays: arrays.update({name: array})


FAULTS = {
    "missing": (without("lstm_1.bias_hh_l0_reverse"), "misses .*'lstm_1.bias_hh_l0_"),
    "half an output": (without("output_layer.0.bias"), "misses .*layer.0.bias'"),
    "surplus": (put("lstm_2.weight_ih_l0", np.zeros(2, "f4")), r"place: \['lstm_2.wei"),
    "not turned": (put("lstm_0.weight_ih_l0", np.zeros((E, 4 * H), "f4")),
                   r"'lstm_0.weight_ih_l0' has shape \(3, 16\), not \(16, 3\)"),
    "attention": (put("attention_layer.attention_vector", np.zeros(18, "f4")),
                  r"attention_vector' has shape \(18,\), not \(19,\)"),
    "matrix": (put("attention_layer.attention_vector", np.zeros((19, 1), "f4")),
               r"attention_vector' has shape \(19, 1\)"),
    "type": (put("embed.weight", np.zeros((V, E), "i4")), "type int32, no float"),
    "classes": (put("output_layer.0.weight", np.zeros((2, 19), "f4")),
                r"'output_layer.0.weight' has shape \(2, 19\), not \(5, 19\)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_state_dict_of_no_such_network_is_refused(weights, fault):
    change, message = FAULTS[fault]
    arrays = torch_arrays(weights)
    change(arrays)
    with pytest.raises(CheckpointError, match=message):
        torchmoji.read(Container("torch", arrays))


def renamed(texts, layer, names):
    return {**texts, layer: {"weight_names": names}}


FILES = {
    "a layer": (lambda a, t: t[""].update(layer_names=["embedding", "bi_lstm_0"]),
                "misses the weights of the layer 'bi_lstm_1'"),
    "another layer": (lambda a, t: (t[""]["layer_names"].append("dense"),
                                    t.update(dense={"weight_names": ["x"]})),
                      r"layers without a place: \['dense'\]"),
    "an array": (lambda a, t: a.pop("softmax.softmax.bias:0"),
                 "misses the weight 'softmax.softmax.bias:0'"),
    "one more": (lambda a, t: a.update({"softmax.more": np.zeros(2, "f4")}),
                 r"without a place: \['softmax.more'\]"),
    "a count": (lambda a, t: t["bi_lstm_0"]["weight_names"].pop(),
                "'bi_lstm_0' has 5 weights; 6 or 24"),
    "directions": (lambda a, t: t["bi_lstm_0"]["weight_names"].reverse(),
                   "stands where the weights that read forward do"),
    "a shape": (lambda a, t: a.update({"attlayer.attlayer.attlayer_W:0":
                                       np.zeros((19, 2), "f4")}),
                r"attlayer_W:0' has shape \(19, 2\), not \(19, 1\)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FILES)
def test_file_of_no_such_network_is_refused(tmp_path, model, fault):
    change, message = FILES[fault]
    written(model, "deepmoji", tmp_path / "m.h5")
    found = containers.read(tmp_path / "m.h5")
    change(found.arrays, found.facts[TEXTS])
    with pytest.raises(CheckpointError, match=message):
        deepmoji.read(found)


def test_gates_in_another_order_can_be_told(weights):
    arrays = torch_arrays(weights)
    for name in list(arrays):
        if name.startswith("lstm"):
            i, f, u, o = np.split(arrays[name], 4)
            arrays[name] = np.concatenate([i, f, o, u])
    told = torchmoji.read(Container("torch", arrays), "ifou")
    same_weights(told.weights, weights)
    with pytest.raises(CheckpointError, match="are no order of i f o u"):
        torchmoji.read(Container("torch", arrays), "zrn")


def test_other_classifiers_have_no_place(model):
    for name, value in {"gate_activation": "sigmoid", "pooling": "mean"}.items():
        other = dataclasses.replace(
            model, model=dataclasses.replace(model.model, **{name: value})
        )
        for to in KINDS:
            with pytest.raises(ValueError, match=f"classifier.{name} is .* is {value}"):
                formats.format_of(to).write(other, to)
    for to in KINDS:
        with pytest.raises(ValueError, match="no language model"):
            formats.format_of(to).write(object(), to)
