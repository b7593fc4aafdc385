"""scripts/convert.py: what it says, what it writes, what it refuses."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
import torch

from compare import containers, formats
from compare.checkpoint import Origin
from compare.reading import read_model
from tests.compare.bigram_model import bigram_model
from tests.compare.containers import hostile
from tests.compare.sample_models import (
    assert_same_arrays,
    checkpoint_of,
    write_keras_run,
)
from tests.scripts.command import call, contents, error_line


@pytest.fixture(scope="module")
def openai(tmp_path_factory):
    """Folder of 15 arrays of a model of 7 units."""
    path = tmp_path_factory.mktemp("openai") / "openai"
    model = checkpoint_of()
    containers.write(path, formats.format_of("openai").write(model, "openai"))
    return path


SAME = ("openai", "nvidia-2018-03", "nvidia-2018-08", "guillitte", "twin", "keras")
PAIRS = [
    (one, other)
    for one in (*SAME, "nvidia-2017-12")
    for other in (*SAME, "nvidia-2018-12")
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair_of_formats_converts_from_the_command_line(
    one, other, openai, tmp_path, capsys
):
    folders = ("keras", "openai")
    first = tmp_path / ("a" if one in folders else "a.pt")
    second = tmp_path / ("b" if other in folders else "b.pt")
    assert call("convert", openai, first, "--to", one) == 0
    gates = {"nvidia-2018-03": "ifou", "nvidia-2018-08": "ifuo"}
    flags = ["--gates", gates[one]] if one in gates else []
    assert call("convert", first, second, "--to", other, *flags) == 0
    gates = (gates | {"nvidia-2018-12": "ifuo"}).get(other)
    expected = read_model(openai).checkpoint.weights
    assert_same_arrays(read_model(second, gates).checkpoint.weights, expected)
    out = capsys.readouterr().out
    assert str(first) in out
    assert str(second) in out


def nvidia_file(path, change=lambda state: None):
    """Write a language model of NVIDIA, changed; return its path."""
    container = formats.format_of("nvidia-2018-08").write(
        checkpoint_of(), "nvidia-2018-08"
    )
    containers.write(path, container)
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    return path


def with_key(state):
    state["encoder"]["rnn"]["rnns.0.extra"] = torch.zeros(3)


def without_key(state):
    del state["encoder"]["encoder"]["weight"]


def with_nan(state):
    state["decoder"]["weight"][0, 0] = torch.nan


def with_shape(state):
    state["decoder"]["weight"] = torch.zeros(256, 8)


CHANGES = {
    "an unexpected key": (with_key, ["rnns.0.extra"]),
    "a missing key": (without_key, ["encoder.encoder.weight"]),
    "NaN weights": (with_nan, ["decoder.weight", "NaN"]),
    "a wrong shape": (with_shape, ["decoder.weight", "(256, 8)", "(256, 7)"]),
}


def refused(capsys, source, target, *flags, code=1):
    """Return the one line of a command that must fail and write nothing."""
    before = contents(target.parent)
    capsys.readouterr()
    assert call("convert", source, target, *flags) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert contents(target.parent) == before
    return error_line(captured)


@pytest.mark.parametrize("kind", CHANGES)
def test_an_unsound_file_is_refused_in_one_line(kind, tmp_path, capsys):
    change, words = CHANGES[kind]
    source = nvidia_file(tmp_path / "model.pt", change)
    flags = ["--to", "keras", "--gates", "ifgo"]
    line = refused(capsys, source, tmp_path / "new" / "run", *flags)
    assert line.startswith(f"{source}: ")
    assert [word for word in words if word not in line] == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.pt", "model.keras", "model.safetensors"])
def test_a_truncated_file_is_refused_in_one_line(name, kept, openai, tmp_path, capsys):
    source = tmp_path / name
    to = "keras" if name == "model.keras" else "twin"
    assert call("convert", openai, source, "--to", to) == 0
    source.write_bytes(source.read_bytes()[: int(kept * source.stat().st_size)])
    assert str(source) in refused(capsys, source, tmp_path / "run", "--to", "openai")


@pytest.mark.parametrize("kind", ["a pickled module", *hostile.payloads("")])
def test_no_code_inside_a_file_is_run(kind, tmp_path, capsys):
    trace, source = tmp_path / "trace", tmp_path / "model.pt"
    if kind == "a pickled module":
        torch.save(hostile.WithState(trace), source)
    else:
        torch.save(hostile.payloads(trace)[kind], source)
    line = refused(capsys, source, tmp_path / "run", "--to", "keras")
    assert str(source) in line
    assert not trace.exists()


def test_a_path_that_exists_is_refused_and_kept(openai, tmp_path, capsys):
    target = tmp_path / "model.pt"
    target.write_text("mine")
    line = refused(capsys, openai, target, "--to", "twin")
    assert str(target) in line
    assert "is there already" in line


def test_a_source_that_is_not_there_is_refused(tmp_path, capsys):
    line = refused(capsys, tmp_path / "nowhere", tmp_path / "run", "--to", "keras")
    assert str(tmp_path / "nowhere") in line


def test_start_weights_of_equal_shapes_are_refused_with_candidates_and_scores(
    tmp_path, capsys
):
    source = nvidia_file(tmp_path / "model.pt")
    model = read_model(source, "ifgo").checkpoint
    small = {n: (0.1 * w).astype("f4") for n, w in model.weights.items()}
    source.unlink()
    changed = dataclasses.replace(model, weights=small)
    written = formats.format_of("nvidia-2018-08").write(changed, "nvidia-2018-08")
    containers.write(source, written)
    line = refused(capsys, source, tmp_path / "run", "--to", "keras")
    for word in ("ifuo", "ifou", "BPC", "--gates", "--probe"):
        assert word in line
    flags = ["--to", "keras", "--gates", "i,f,g,o"]
    assert call("convert", source, tmp_path / "run", *flags) == 0
    assert_same_arrays(read_model(tmp_path / "run").checkpoint.weights, small)


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["--to", "nvidia"], ["'nvidia'", "nvidia-2018-12-transfer"], 1),
        (["--to", "keras", "--gates", "iffo"], ["'iffo'", "ifgo"], 1),
        ([], ["--to must be given", "--verify"], 2),
        (["--to", "keras", "--certificate", "c"], ["certificate", "--verify"], 2),
        (["--to"], ["--to"], 2),
        (["stray", "--to", "keras"], ["'stray'", "SOURCE TARGET"], 2),
        (["--to", "keras", "--fast"], ["--fast is not a flag"], 2),
        (["--to", "keras", "--probe", "nowhere.txt"], ["nowhere.txt"], 1),
        (["--to", "nvidia-2018-12-transfer"], ["classifier"], 1),
    ],
)
def test_wrong_usage_is_refused_in_one_line(
    flags, words, code, openai, tmp_path, capsys
):
    line = refused(capsys, openai, tmp_path / "run", *flags, code=code)
    assert [word for word in words if word not in line] == []


@pytest.mark.slow
def test_a_classifier_without_decoder_features_and_never_predicts(tmp_path, capsys):
    model = checkpoint_of(weight_norm=False)
    weights = {n: w for n, w in model.weights.items() if not n.startswith("output")}
    head = {"weight": np.ones((1, 7), "f4"), "bias": np.ones(1, "f4")}
    head = {f"classifier/{name}": array for name, array in head.items()}
    model = dataclasses.replace(
        model, weights=weights, decoder=False, extras=head, origin=Origin("x", "ifou")
    )
    source = tmp_path / "classifier.pt"
    to = "nvidia-2018-08-classifier"
    containers.write(source, formats.format_of(to).write(model, to))
    flags = ["--gates", "ifgo"]
    assert "a decoder" in refused(
        capsys, source, tmp_path / "o", "--to", "openai", *flags
    )
    assert call("convert", source, tmp_path / "run", "--to", "keras", *flags) == 0
    assert "without decoder" in capsys.readouterr().out
    lines = tmp_path / "lines.txt"
    lines.write_text("good\nbad\n")
    flags = ["--model", tmp_path / "run", "--data.source", lines]
    assert call("evaluate", *flags) == 1
    assert "no decoder" in error_line(capsys.readouterr())


def test_json_prints_one_object_and_messages_go_to_standard_error(tmp_path, capsys):
    run = write_keras_run(tmp_path / "run")
    target = tmp_path / "model.safetensors"
    assert call("convert", run, target, "--to", "twin", "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["source"]["training_step"] == 30
    assert found["target"]["path"] == str(target)
    assert found["verified"] is None
    assert captured.err.startswith("left behind: the training state of step 30")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Path of a file of NVIDIA whose model predicts text."""
    path = tmp_path_factory.mktemp("nvidia") / "model.pt"
    to = "nvidia-2018-03"
    containers.write(path, formats.format_of(to).write(bigram_model(), to))
    return path


def trained_run(path):
    """Write a run in its middle; squares of gradients are never negative."""
    model = checkpoint_of(training=True)
    state = {
        name: np.abs(array) if "/velocity/" in name else array
        for name, array in model.training.arrays.items()
    }
    training = model.training._replace(arrays=state)
    model = dataclasses.replace(model, training=training)
    containers.write(path, formats.format_of("keras").write(model, "keras"))
    return path


@pytest.mark.slow
def test_a_proved_conversion_has_a_certificate(trained, tmp_path, capsys):
    target = tmp_path / "run"
    assert call("convert", trained, target, "--to", "keras", "--verify") == 0
    assert "Equal in both frameworks" in capsys.readouterr().out
    found = json.loads((tmp_path / "run.certificate.json").read_text())
    assert found["passed"] is True
    assert found["source"]["gates"] == "ifou"
    assert "# Equal" in (tmp_path / "run.certificate.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.pt", "model.keras"])
def test_a_certificate_has_the_hash_of_the_file_written(name, trained, tmp_path):
    target = tmp_path / name
    to = {".pt": "twin", ".keras": "keras"}[target.suffix]
    assert call("convert", trained, target, "--to", to, "--verify") == 0
    found = json.loads((tmp_path / f"{name}.certificate.json").read_text())
    expected = hashlib.sha256(target.read_bytes()).hexdigest()
    assert found["target"]["sha256"] == {name: expected}
    # What was written goes to its own framework.
    assert found["computed_with_keras"] == ("target" if to == "keras" else "source")


def test_a_certificate_inside_the_target_is_refused(trained, tmp_path, capsys):
    flags = ["--to", "keras", "--verify", "--certificate", tmp_path / "run" / "proof"]
    assert call("convert", trained, tmp_path / "run", *flags) == 1
    assert "would lie in" in error_line(capsys.readouterr())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text_rule", ["nonsense", 3])
def test_an_unknown_text_rule_is_refused_in_one_line(text_rule, tmp_path, capsys):
    run = write_keras_run(tmp_path / "run")
    file = run / "config.json"
    (run / "manifest.json").unlink()
    shutil.rmtree(run / "checkpoints")
    config = json.loads(file.read_text())
    for data in ({"text_rule": text_rule}, []):
        file.write_text(json.dumps(config | {"data": data}))
        assert call("convert", run, tmp_path / "a.pt", "--to", "twin") == 1
        assert "text_rule is" in error_line(capsys.readouterr())


@pytest.mark.slow
def test_two_files_are_compared_as_they_are(trained, tmp_path, capsys):
    twin = tmp_path / "twin.pt"
    assert call("convert", trained, twin, "--to", "twin") == 0
    flags = ["--verify", "--certificate", tmp_path / "proof"]
    assert call("convert", trained, twin, *flags) == 0
    state = torch.load(twin, weights_only=True)
    name = "layers.0.parametrizations.wh.original1"
    state[name].view(-1)[5] += 1e-3
    torch.save(state, twin)
    capsys.readouterr()
    assert call("convert", trained, twin, *flags) == 1
    line = error_line(capsys.readouterr())
    assert "differ" in line
    assert "layers/0/wh" in line
    proof = json.loads((tmp_path / "proof.json").read_text())
    assert proof["passed"] is False


@pytest.mark.slow
def test_a_wrong_order_said_by_the_user_fails_the_proof(trained, tmp_path, capsys):
    flags = ["--to", "keras", "--gates", "ifgo", "--verify"]
    capsys.readouterr()
    assert call("convert", trained, tmp_path / "run", *flags) == 1
    line = error_line(capsys.readouterr())
    assert "gate order of the source" in line
    assert not (tmp_path / "run").exists()
    assert "NOT EQUAL" in (tmp_path / "run.certificate.md").read_text()


@pytest.mark.slow
def test_a_run_is_proved_with_its_training_state(tmp_path, capsys):
    run = trained_run(tmp_path / "run")
    target = tmp_path / "twin"
    assert call("convert", run, target, "--to", "twin", "--verify", "--json") == 0
    found = json.loads((tmp_path / "twin.certificate.json").read_text())
    names = {check["name"] for check in found["checks"]}
    assert "training state, as stored" in names
    assert "h of layer 0, from the carried state" in names
