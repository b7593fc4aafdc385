"""compare.load: what tfsent.load gives, on PyTorch, whoever wrote the model."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import compare
import tfsent
from compare.convert import convert
from compare.loading import LanguageModel
from compare.resolve import resolve
from compare.twin.language_model import ByteLanguageModel
from tests.scripts.command import CHEAP, ROOT, call, write_text
from tests.tolerances import TWIN_LOGITS_F32, TWIN_SCORE_F32
from tfsent.checkpoint import CheckpointError
from tfsent.config import ModelConfig

TEXTS = ["Loved it.", "Dull, and far too long.", "It <i>was</i> well made &amp; fun"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of a few steps of an mLSTM by both frameworks, and their text."""
    folder = tmp_path_factory.mktemp("runs")
    text = write_text(folder / "words.txt")
    shape = "--model.cell mlstm --model.layers 2 --data.text-rule nvidia".split()
    for name, script in (("keras", "train"), ("twin", "train_twin")):
        flags = ["--data.source", text, "--out", folder / name, *CHEAP, *shape]
        assert call(script, *flags) == 0
    return folder


def some_bytes(steps=5):
    return np.random.default_rng(0).integers(0, 256, (3, steps)).astype(np.uint8)


def worst(one, other):
    return np.abs(one.logits(some_bytes()) - other.logits(some_bytes())).max()


@pytest.mark.parametrize("path", ["keras", "keras/checkpoints/00000020"])
def test_a_run_of_keras_gives_the_same_on_pytorch(runs, path):
    ours, theirs = compare.load(runs / path), tfsent.load(runs / path)
    assert isinstance(ours.model, torch.nn.Module)
    assert ours.text_rule == theirs.text_rule == "nvidia"
    assert worst(ours, theirs) <= TWIN_LOGITS_F32.value
    assert abs(ours.bpc(TEXTS) - theirs.bpc(TEXTS)) <= TWIN_SCORE_F32.value


def test_a_run_of_the_twin_is_the_model_that_was_trained(runs):
    model = compare.load(runs / "twin")
    saved = torch.load(runs / "twin" / "model.pt", weights_only=True)
    assert saved.keys() == model.model.state_dict().keys()
    for name, tensor in model.model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name
    assert not model.model.training
    assert model.text_rule == "nvidia"
    assert model.model.config.initialization == "openai"


def test_checkpoints_and_files_of_the_twin_are_models_too(runs):
    final = compare.load(runs / "twin")
    last = compare.load(runs / "twin" / "checkpoints" / "00000030")
    assert worst(final, last) == 0
    assert worst(final, compare.load(runs / "twin" / "weights.safetensors")) == 0
    assert worst(final, compare.load(runs / "twin" / "checkpoints" / "00000010")) > 0


def test_logits_of_any_length_are_those_of_the_windows_in_one(runs):
    model = compare.load(runs / "twin")
    bytes_BT = some_bytes(600)
    whole = model.logits(bytes_BT)
    assert whole.shape == (3, 600, 256)
    assert whole.dtype == np.float32
    with torch.no_grad():
        expected, _ = model.model(torch.tensor(bytes_BT))
    np.testing.assert_allclose(whole, expected.numpy(), atol=TWIN_LOGITS_F32.value)


def test_precision_is_that_of_the_arithmetic_alone(runs):
    plain = compare.load(runs / "twin")
    half = compare.load(runs / "twin", precision="mixed_bfloat16")
    assert 0 < worst(plain, half) < 0.1
    assert half.model.embedding.weight.dtype == torch.float32


@pytest.mark.parametrize("texts", ["one text", [], [b"", b"x"]])
def test_texts_that_cannot_be_scored_are_refused(runs, texts):
    with pytest.raises(ValueError, match="texts"):
        compare.load(runs / "twin").bpc(texts)


@pytest.mark.parametrize(
    "bytes_BT", [np.zeros((2, 3), "i8"), np.zeros(3, "u1"), np.zeros((0, 3), "u1")]
)
def test_bytes_that_are_none_are_refused(runs, bytes_BT):
    with pytest.raises(ValueError, match="uint8"):
        compare.load(runs / "twin").logits(bytes_BT)


@pytest.mark.parametrize("flaw", ["nowhere", "damage", "shape"])
def test_what_is_no_sound_model_is_refused_with_its_path(runs, flaw, tmp_path):
    run_dir = tmp_path / "run"
    if flaw != "nowhere":
        shutil.copytree(runs / "twin", run_dir)
    if flaw == "damage":
        path = run_dir / "weights.safetensors"
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
    elif flaw == "shape":
        (run_dir / "manifest.json").unlink()
        path = run_dir / "config.json"
        path.write_text(path.read_text().replace('"layers": 2', '"layers": 3'))
    with pytest.raises(CheckpointError, match=str(run_dir)):
        compare.load(run_dir)


def test_tfsent_refuses_a_run_of_the_twin_and_says_where_to_go(runs):
    with pytest.raises(CheckpointError, match=r"scripts/convert.py"):
        tfsent.load(runs / "twin")


def test_each_run_is_resolved_to_its_own_framework(runs):
    assert isinstance(resolve(runs / "twin").model, torch.nn.Module)
    assert not isinstance(resolve(runs / "keras").model, torch.nn.Module)
    with pytest.raises(CheckpointError, match="nowhere"):
        resolve(runs / "nowhere")


def test_a_converted_file_is_resolved_to_pytorch(runs, tmp_path):
    convert(runs / "keras", tmp_path / "model.pt", "twin")
    found = resolve(tmp_path / "model.pt")
    assert isinstance(found.model, torch.nn.Module)
    expected = resolve(runs / "keras").logits(some_bytes())
    worst = np.abs(found.logits(some_bytes()) - expected).max()
    assert worst <= TWIN_LOGITS_F32.value


def test_importing_compare_loads_no_framework():
    code = "import compare.resolve, sys; print({'torch', 'keras'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("name", ["keras", "twin"])
def test_evaluate_scores_both(runs, name, capsys):
    capsys.readouterr()
    flags = ["--model", runs / name, "--data.source", runs / "words.txt"]
    assert call("evaluate", *flags, "--json") == 0
    found = json.loads(capsys.readouterr().out)["splits"]["all"]
    texts = (runs / "words.txt").read_text().splitlines()
    expected = compare.load(runs / name).bpc(texts)
    assert found["bpc"] == pytest.approx(expected, abs=TWIN_SCORE_F32.value)


def test_evaluating_a_run_of_the_twin_needs_no_tensorflow(runs):
    script = ROOT / "scripts" / "evaluate.py"
    argv = [str(script), "--model", str(runs / "twin")]
    argv += ["--data.source", str(runs / "words.txt")]
    code = (
        f"import runpy, sys\nsys.argv = {argv!r}\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_model_without_decoder_says_what_it_cannot_do():
    config = ModelConfig(hidden_size=8, embedding_size=4)
    model = LanguageModel(ByteLanguageModel(config, decoder=False))
    for ask in (lambda: model.logits(some_bytes()), lambda: model.bpc(TEXTS)):
        with pytest.raises(ValueError, match="no decoder"):
            ask()
