"""Classifiers of NVIDIA: files with a head, and fine-tuned ones with their settings."""

import argparse

import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import nvidia
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError

HEAD = {"weight": np.arange(5, dtype="f4")[None], "bias": np.ones(1, "f4")}
NEURONS = {"neurons": np.array([3, 1])}


def _saved(path, content, args=None):
    content = made.tensors(content)
    torch.save(content if args is None else content | {"args": args}, path)
    return path


def _checkpoint(path, gates="ifuo"):
    return nvidia.read(containers.read(path), gates)


def _same_but_biases(a, b):
    def without(arrays):
        return {n: x for n, x in arrays.items() if ".b_" not in n}

    return a.keys() == b.keys() and made.same(without(a), without(b))


@pytest.mark.parametrize("decoder", [True, False])
@pytest.mark.parametrize("order", ["ifou", "ifuo"])
def test_a_classifier_keeps_its_head_beside_the_model(tmp_path, order, decoder):
    # As transfer.py writes it: the encoder in half precision, the head not.
    parts = made.draw(dtype=np.float16)
    content = made.nvidia(parts, order, decoder=decoder) | {
        "classifier": HEAD | NEURONS
    }
    source = containers.read(_saved(tmp_path / "m.pt", content))
    checkpoint = nvidia.read(source, order)
    era = {"ifou": "2018-03", "ifuo": "2018-08"}[order]
    assert checkpoint.origin.format == f"nvidia-{era}-classifier"
    assert checkpoint.origin.dtype == "float16"
    head = {f"classifier/{n}": a for n, a in (HEAD | NEURONS).items()}
    assert made.same(checkpoint.extras, head)
    assert made.same(checkpoint.weights, made.ours(parts, decoder=decoder))
    back = nvidia.write(checkpoint, checkpoint.origin.format)
    containers.write(tmp_path / "n.pt", back)
    again = containers.read(tmp_path / "n.pt")
    assert _same_but_biases(again.arrays, source.arrays)
    assert set(again.nesting) == set(source.nesting)


def test_a_transfer_file_comes_back_as_it_was(tmp_path):
    parts = made.draw(symbols=257)
    model = made.nvidia(parts, "ifuo", decoder=False)
    content = {"classifier": HEAD, "lm_encoder": model}
    source = containers.read(_saved(tmp_path / "m.pt", content))
    checkpoint = nvidia.read(source, "ifuo")
    assert checkpoint.origin[:4] == ("nvidia-2018-12-transfer", "ifuo", "float32", 257)
    assert not checkpoint.decoder
    assert made.same(checkpoint.weights, made.ours(parts, decoder=False))
    containers.write(tmp_path / "n.pt", nvidia.write(checkpoint, checkpoint.origin[0]))
    again = containers.read(tmp_path / "n.pt")
    assert _same_but_biases(again.arrays, source.arrays)
    assert set(again.nesting) == set(source.nesting)


HEADS = {
    "plain": {"weight": HEAD["weight"], "bias": HEAD["bias"], "neurons": None},
    "neurons": {**HEAD, **NEURONS, "thresholds": np.array([0.25], "f4")},
    "list": {**HEAD, "neurons": None, "thresholds": [0.5]},
    "hidden": {
        "sd": {
            "model.1.weight": np.ones((4, 5), "f4"),
            "model.1.bias": np.ones(4, "f4"),
            "model.2.weight": np.full(1, 0.25, "f4"),
            "model.4.weight": np.ones((2, 4), "f4"),
            "model.4.bias": np.ones(2, "f4"),
            "final_layer.weight": np.ones((2, 4), "f4"),
        },
        "thresholds": np.array([0.5, 0.75], "f4"),
        "dual_threshold": False,
        "double_threshold": True,
    },
}


@pytest.mark.parametrize("aux_loss", [False, True])
@pytest.mark.parametrize("head", list(HEADS))
def test_a_fine_tuned_file_comes_back_as_it_was(tmp_path, head, aux_loss):
    parts = made.draw(symbols=257)
    model = made.nvidia(parts, "ifuo", decoder=aux_loss)
    args = argparse.Namespace(
        model="mLSTM",
        nhid=5,
        classes=["positive", "negative"],
        # As finetune_classifier.py makes them: pairs with NumPy scalars.
        thresholds=[("positive", np.float64(0.5)), ("negative", np.float32(0.25))],
        lr=5e-4,
        load=None,
        fp16=False,
    )
    sd = {"sd": {"lm_encoder": model, "classifier": HEADS[head]}}
    source = containers.read(_saved(tmp_path / "m.clf", sd, args))
    checkpoint = nvidia.read(source, "ifuo")
    assert checkpoint.origin.format == "nvidia-2018-12-finetuned"
    assert checkpoint.decoder == aux_loss
    assert made.same(checkpoint.weights, made.ours(parts, decoder=aux_loss))
    assert checkpoint.origin.facts["args.nhid"] == 5
    pairs = [["positive", 0.5], ["negative", 0.25]]
    assert checkpoint.origin.facts["args.thresholds"] == pairs
    containers.write(tmp_path / "n.clf", nvidia.write(checkpoint, checkpoint.origin[0]))
    again = containers.read(tmp_path / "n.clf")
    assert _same_but_biases(again.arrays, source.arrays)
    assert again.facts == source.facts
    assert set(again.nesting) == set(source.nesting)
    with torch.serialization.safe_globals([argparse.Namespace]):
        there = torch.load(tmp_path / "n.clf", weights_only=True)
    assert there["args"].lr == args.lr
    assert there["args"].load is None
    assert there.keys() == {"sd", "args"}
    assert there["sd"]["classifier"].keys() == HEADS[head].keys()


def test_hidden_layers_are_kept_by_their_own_names(tmp_path):
    model = made.nvidia(made.draw(symbols=257), "ifuo", decoder=False)
    sd = {"sd": {"lm_encoder": model, "classifier": HEADS["hidden"]}}
    path = _saved(tmp_path / "m.clf", sd, argparse.Namespace(nhid=5))
    checkpoint = _checkpoint(path)
    extras = checkpoint.extras
    assert "classifier/sd.model.4.weight" in extras
    assert checkpoint.origin.facts["sd.classifier.double_threshold"] is True
    assert made.same(
        {"t": extras["classifier/thresholds"]}, {"t": HEADS["hidden"]["thresholds"]}
    )


def test_settings_beyond_json_are_left_out_by_name(tmp_path):
    model = made.nvidia(made.draw(symbols=257), "ifuo", decoder=False)
    sd = {"sd": {"lm_encoder": model, "classifier": HEAD}}
    args = argparse.Namespace(nhid=5, most=float("inf"), device=torch.device("cpu"))
    checkpoint = _checkpoint(_saved(tmp_path / "m.clf", sd, args))
    assert checkpoint.origin.facts["left_out"] == ["args.most", "args.device"]
    back = nvidia.write(checkpoint, checkpoint.origin.format)
    assert {n for n in back.facts if n.startswith("args")} == {"args.nhid"}


def test_a_head_moves_from_one_version_to_another(tmp_path):
    content = made.nvidia(made.draw(), "ifou") | {"classifier": HEADS["list"]}
    checkpoint = _checkpoint(_saved(tmp_path / "m.pt", content), "ifou")
    containers.write(
        tmp_path / "n.pt", nvidia.write(checkpoint, "nvidia-2018-12-transfer")
    )
    moved = containers.read(tmp_path / "n.pt")
    assert moved.arrays["classifier.weight"].tobytes() == HEAD["weight"].tobytes()
    assert moved.facts["classifier.thresholds"] == [0.5]
    assert "lm_encoder.encoder.rnn.rnns.0.w_mih" in moved.arrays
    again = nvidia.read(moved, "ifuo")
    assert made.same(again.weights, checkpoint.weights)


def test_a_language_model_is_no_classifier(tmp_path):
    content = made.nvidia(made.draw(), "ifuo")
    checkpoint = _checkpoint(_saved(tmp_path / "m.pt", content))
    for name in ("nvidia-2018-12-transfer", "nvidia-2018-08-classifier"):
        with pytest.raises(ValueError, match="classifiers, and the model has none"):
            nvidia.write(checkpoint, name)
    with pytest.raises(ValueError, match="settings of its fine-tuning run"):
        nvidia.write(checkpoint, "nvidia-2018-12-finetuned")


def test_a_classifier_written_as_language_model_leaves_its_head(tmp_path):
    content = made.nvidia(made.draw(), "ifou") | {"classifier": HEAD}
    checkpoint = _checkpoint(_saved(tmp_path / "m.pt", content), "ifou")
    back = nvidia.write(checkpoint, "nvidia-2018-08")
    assert not any(name.startswith("classifier") for name in back.arrays)


def test_tensors_among_the_settings_are_refused(tmp_path):
    model = made.nvidia(made.draw(symbols=257), "ifuo", decoder=False)
    sd = {"sd": {"lm_encoder": model, "classifier": HEAD}}
    path = _saved(tmp_path / "m.clf", sd, argparse.Namespace(t=torch.zeros(3)))
    with pytest.raises(CheckpointError, match="holds 'args.t'"):
        _checkpoint(path)
