"""A model goes from file to file, whole and bit for bit, or nothing is left."""

import dataclasses
import os

import numpy as np
import pytest

from compare import containers, convert, formats
from compare.convert import left_behind
from compare.formats.blocks import reorder
from compare.gate_order import GateOrder
from compare.reading import read_model
from compare.runs import Run
from tests.compare.bigram_model import bigram_model
from tests.compare.sample_models import (
    assert_same_arrays,
    assert_same_model,
    checkpoint_of,
    write_keras_run,
)
from tests.scripts.command import contents
from tfsent.checkpoint import CheckpointError

FORMATS = ("openai", "nvidia-2017-12", "nvidia-2018-03", "nvidia-2018-08",
           "nvidia-2018-12", "guillitte", "twin", "keras")  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Path of a run folder whose model predicts text."""
    path = tmp_path_factory.mktemp("trained") / "run"
    model = dataclasses.replace(bigram_model(), origin=checkpoint_of().origin)
    containers.write(path, formats.format_of("keras").write(model, "keras"))
    return path


def name_of(to):
    return "model" if to in ("openai", "twin", "keras") else "model.pt"


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_gives_back_every_bit(to, trained, tmp_path):
    there, back = tmp_path / name_of(to), tmp_path / "back"
    done = convert.convert(trained, there, to)
    again = convert.convert(there, back, "keras")
    assert_same_model(again.target.checkpoint, read_model(trained).checkpoint)
    assert done.source.gates == GateOrder("ifou", "format")
    assert again.source.gates.gates == done.target.gates.gates


@pytest.mark.parametrize(
    ("to", "gates"), [("nvidia-2018-03", "ifou"), ("nvidia-2018-08", "ifuo")]
)
def test_the_gate_order_of_equal_shapes_is_found(to, gates, trained, tmp_path):
    convert.convert(trained, tmp_path / "model.pt", to)
    found = read_model(tmp_path / "model.pt")
    assert (found.gates.gates, found.gates.decided_by) == (gates, "probe")
    expected = read_model(trained).checkpoint.weights
    assert_same_arrays(found.checkpoint.weights, expected)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_suffix_asks_for_a_file_of_keras(name, trained, tmp_path):
    convert.convert(trained, tmp_path / name, "keras")
    assert (tmp_path / name).is_file()
    expected = read_model(trained).checkpoint.weights
    assert_same_arrays(read_model(tmp_path / name).checkpoint.weights, expected)


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_a_suffix_asks_for_a_state_dict_of_the_twin(name, trained, tmp_path):
    convert.convert(trained, tmp_path / name, "twin")
    assert (tmp_path / name).is_file()
    expected = read_model(trained).checkpoint.weights
    assert_same_arrays(read_model(tmp_path / name).checkpoint.weights, expected)


def test_a_run_crosses_with_its_training_state(tmp_path):
    run = write_keras_run(tmp_path / "run", best=20)
    there = convert.convert(run, tmp_path / "twin", "twin")
    back = convert.convert(tmp_path / "twin", tmp_path / "back", "keras")
    assert there.left_behind == back.left_behind == ()
    before, after = (read_model(p).checkpoint for p in (run, tmp_path / "back"))
    assert after.training.progress == before.training.progress
    assert_same_arrays(after.training.arrays, before.training.arrays)
    assert (tmp_path / "back" / "checkpoints" / "best").is_dir()


def test_what_a_file_has_no_place_for_is_told(tmp_path):
    run = write_keras_run(tmp_path / "run")
    done = convert.convert(run, tmp_path / "model.safetensors", "twin")
    [line] = done.left_behind
    assert "training state of step 30" in line
    assert done.warnings() == [f"left behind: {line}"]


def test_lost_extras_text_rule_and_dropout_are_told():
    one = checkpoint_of(dropout=0.25)
    one = dataclasses.replace(one, extras={"classifier/weight": np.ones(3)})
    other = dataclasses.replace(
        checkpoint_of(), config={"data": {"text_rule": "nvidia"}}
    )
    told = list(left_behind(one, other))
    assert len(told) == 3
    for word, line in zip(("classifier/weight", "openai", "0.25"), told, strict=True):
        assert word in line


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_target_that_is_there_is_refused_and_kept(kind, trained, tmp_path):
    target = tmp_path / "model.pt"
    if kind == "file":
        target.write_text("mine")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    before = sorted(os.listdir(tmp_path)), target.lstat()
    with pytest.raises(CheckpointError, match="is there already"):
        convert.convert(trained, target, "twin")
    assert (sorted(os.listdir(tmp_path)), target.lstat()) == before


def test_a_format_that_cannot_hold_the_model_leaves_nothing(tmp_path):
    run = write_keras_run(tmp_path / "run", cell="gru", layers=2)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="openai holds only"):
        convert.convert(run, tmp_path / "new" / "model", "openai")
    assert contents(tmp_path) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("cell", ["tanh", "relu"])
@pytest.mark.parametrize("to", ["twin", "nvidia-2018-12"])
def test_a_cell_of_one_block_is_told_from_its_like(cell, to, tmp_path):
    run = write_keras_run(tmp_path / "run", cell=cell, weight_norm=False)
    done = convert.convert(run, tmp_path / "model.pt", to)
    assert done.target.checkpoint.model.cell == cell


def test_the_cell_of_another_file_is_no_gate_order(trained, tmp_path):
    convert.convert(trained, tmp_path / "a.keras", "keras")
    with pytest.raises(CheckpointError, match="is of mlstm cells"):
        convert.convert(tmp_path / "a.keras", tmp_path / "b.pt", "twin", gates="tanh")


def test_a_sign_of_zero_that_is_lost_is_found_out(trained, tmp_path, monkeypatch):
    module = formats.format_of("twin")
    write = module.write

    def without_signs(checkpoint, name, **more):
        weights = {n: a + 0.0 for n, a in checkpoint.weights.items()}
        return write(dataclasses.replace(checkpoint, weights=weights), name, **more)

    model = read_model(trained).checkpoint
    bias = np.full_like(model.weights["output/bias"], -0.0)
    signed = dataclasses.replace(model, weights=model.weights | {"output/bias": bias})
    run = tmp_path / "signed"
    containers.write(run, formats.format_of("keras").write(signed, "keras"))
    convert.convert(run, tmp_path / "right.pt", "twin")
    monkeypatch.setattr(module, "write", without_signs)
    with pytest.raises(CheckpointError, match="would not give back 'output/bias'"):
        convert.convert(run, tmp_path / "wrong.pt", "twin")


def test_a_checkpoint_that_changes_on_the_way_is_found_out(tmp_path, monkeypatch):
    run = write_keras_run(tmp_path / "run")
    move = convert.convert_run

    def spoiled(source, target, to, announce):
        moved = move(source, target, to, announce)
        oldest = min(Run(target).steps())
        read = Run.checkpoint

        def changed(self, step):
            found = read(self, step)
            if self.path == target and step == oldest:
                progress = found.training.progress | {"bytes_seen": -1}
                training = found.training._replace(progress=progress)
                found = dataclasses.replace(found, training=training)
            return found

        monkeypatch.setattr(Run, "checkpoint", changed)
        return moved

    monkeypatch.setattr(convert, "convert_run", spoiled)
    with pytest.raises(CheckpointError, match="would not give back 'progress'"):
        convert.convert(run, tmp_path / "twin", "twin")
    assert not (tmp_path / "twin").exists()


def test_an_unknown_format_is_refused_with_all_names(trained, tmp_path):
    with pytest.raises(ValueError, match="nvidia-2018-12-transfer") as refused:
        convert.convert(trained, tmp_path / "model", "nvidia")
    assert "openai" in str(refused.value)


@dataclasses.dataclass
class Verdict:
    passed: bool

    def failure(self):
        return "h: 3 apart"


def test_a_conversion_that_fails_its_proof_leaves_nothing(trained, tmp_path):
    seen = []

    def prove(source, target):
        seen.append((source.path, target.path.exists()))
        return Verdict(False)

    with pytest.raises(CheckpointError, match="is not written: h: 3 apart"):
        convert.convert(trained, tmp_path / "new/deep/model.pt", "twin", prove=prove)
    assert seen == [(trained, True)]
    assert list(tmp_path.iterdir()) == []


def test_a_stop_in_the_middle_leaves_nothing(trained, tmp_path):
    def prove(source, target):
        raise KeyboardInterrupt

    for name in ("model.pt", "run"):
        with pytest.raises(KeyboardInterrupt):
            convert.convert(trained, tmp_path / name, "twin", prove=prove)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_loses_a_bit_is_found_out(trained, tmp_path, monkeypatch):
    module = formats.format_of("openai")
    write = module.write

    def lossy(checkpoint, name):
        container = write(checkpoint, name)
        container.arrays["13"] = container.arrays["13"].copy()
        container.arrays["13"][0, 0] = np.nextafter(container.arrays["13"][0, 0], 9)
        return container

    monkeypatch.setattr(module, "write", lossy)
    with pytest.raises(CheckpointError, match="'output/weight' as it was"):
        convert.convert(trained, tmp_path / "model", "openai")
    assert list(tmp_path.iterdir()) == []


def test_two_files_that_differ_are_told(trained, tmp_path):
    convert.convert(trained, tmp_path / "model.pt", "twin")
    paths = trained, tmp_path / "model.pt"
    assert convert.match(*paths, lambda a, b: Verdict(True)).left_behind == ()
    with pytest.raises(ValueError, match="differ: h: 3 apart"):
        convert.match(*paths, lambda a, b: Verdict(False))


def test_a_contradicted_order_is_told(trained, tmp_path):
    convert.convert(trained, tmp_path / "model.pt", "nvidia-2018-08")
    target = tmp_path / "model"
    done = convert.convert(tmp_path / "model.pt", target, "keras", gates="i,f,o,g")
    [line] = [line for line in done.warnings() if "probe" in line]
    assert "gates ifou" in line
    assert "ifuo" in line


def test_a_file_whose_order_is_not_that_of_its_format_is_refused(trained, tmp_path):
    model = read_model(trained).checkpoint
    content = formats.format_of("openai").write(model, "openai")
    arrays = dict(content.arrays)
    arrays["4"], arrays["5"] = arrays["5"], arrays["4"]
    for name in ("1", "8", "9", "10"):
        arrays[name] = reorder(arrays[name], -1, "ifou", "ifuo")
    content = dataclasses.replace(content, arrays=arrays)
    containers.write(tmp_path / "a", content)
    with pytest.raises(CheckpointError, match="--gates ifuo"):
        read_model(tmp_path / "a")
    found = read_model(tmp_path / "a", "ifuo").checkpoint
    assert_same_arrays(found.weights, model.weights)


def test_what_was_found_is_told_in_full(trained, tmp_path):
    convert.convert(trained, tmp_path / "model.pt", "nvidia-2018-03")
    found = read_model(tmp_path / "model.pt")
    text = "\n".join(found.lines())
    for word in ("NVIDIA", "mlstm", "128 units", "with decoder", "float32",
                 "256 symbols", "with weight norm", "gates ifou", "BPC"):  # fmt: skip
        assert word in text
    facts = found.facts()
    assert facts["hidden_size"] == 128
    assert facts["gates_bpc"] == found.gates.bpc
