"""A certificate says what was compared and how far apart it is, and hides nothing."""

import dataclasses
import hashlib
import json
import math

import pytest

from compare import certificate, containers, formats
from compare.certificate import certify, file_hashes, save_certificate
from compare.checks import Check, Parity
from compare.reading import read_model
from tests.compare.sample_models import checkpoint_of, write_keras_run

PARITY = Parity(
    "source",
    (
        Check("weights, as stored", 0.0, 0.0, ""),
        Check("logits, from the zero state", 2e-7, 1e-5, "of the largest", "byte 5"),
    ),
    {"zero state": {"h of layer 0": [0.0, 1e-8], "logits": [1e-7, 2e-7]}},
    {"output/bias": (1e-9, 0.25)},
    {"keras": [2.0, 1.5], "twin": [2.0, 1.5000001]},
    ("No training state: Adam.",),
)


def failing(value=3e-3):
    check = Check("gradients", value, 1e-5, "of the largest", "layers/0/wh")
    return PARITY._replace(checks=(*PARITY.checks, check))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return what makes a certificate of two files and a given comparison."""
    for name, to in (("a", "openai"), ("b", "twin")):
        module = formats.format_of(to)
        containers.write(tmp_path / name, module.write(checkpoint_of(), to))
    models = read_model(tmp_path / "a"), read_model(tmp_path / "b")

    def make(parity=PARITY):
        monkeypatch.setattr(certificate, "measure_parity", lambda *models: parity)
        name = tmp_path / "proof"
        return certify(*models, name=name, target_name=tmp_path / "final")

    return make


def test_both_files_are_strict_json_and_one_page(made, tmp_path):
    made()
    text = (tmp_path / "proof.json").read_text(encoding="ascii")
    found = json.loads(text, parse_constant=pytest.fail)
    assert found["passed"] is True
    assert found["format"] == "tfsent-certificate"
    assert found["target"]["path"] == str(tmp_path / "final")
    page = (tmp_path / "proof.md").read_text()
    assert page.startswith("# Equal")
    assert len(page.splitlines()) < 100


def test_everything_that_was_measured_is_in_it(made):
    found = made().to_json()
    assert found["largest_difference_by_step"] == PARITY.traces
    assert found["losses"] == PARITY.losses
    assert found["gradients"]["output/bias"] == {
        "largest_difference": 1e-9,
        "largest": 0.25,
    }
    assert [check["name"] for check in found["checks"]] == [
        check.name for check in PARITY.checks
    ]
    assert found["checks"][1]["tolerance"] == 1e-5
    assert found["notes"] == list(PARITY.notes)
    assert found["source"]["gates"] == "ifou"
    assert found["target"]["gates"] == "ifuo"
    assert {"keras", "tensorflow", "torch", "numpy"} <= found["versions"].keys()


def test_a_certificate_depends_on_nothing_but_the_files_and_the_date(made):
    one, other = made(), dataclasses.replace(made(), date="now")
    assert one.date != "now"
    assert dataclasses.replace(one, date="now").to_json() == other.to_json()
    assert dataclasses.replace(one, date="now").to_markdown() == other.to_markdown()


@pytest.mark.parametrize("value", [3e-3, math.nan, math.inf])
def test_a_check_that_fails_fails_the_certificate_and_is_named(made, tmp_path, value):
    found = made(failing(value))
    assert not found.passed
    assert found.to_json()["passed"] is False
    assert found.failure().startswith("gradients: ")
    assert "layers/0/wh" in found.failure()
    page = (tmp_path / "proof.md").read_text()
    assert page.startswith("# NOT EQUAL")
    assert page.count("**FAILS**") == 1
    json.loads((tmp_path / "proof.json").read_text(), parse_constant=pytest.fail)


def test_every_file_of_a_model_is_hashed_and_no_log(tmp_path):
    run = write_keras_run(tmp_path / "run", best=20)
    hashes = file_hashes(run)
    assert {"weights.safetensors", "config.json"} <= hashes.keys()
    assert "checkpoints/best/weights.safetensors" in hashes
    assert "metrics.jsonl" not in hashes
    file = run / "weights.safetensors"
    assert file_hashes(file) == {file.name: hashes[file.name]}
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    assert file_hashes(run)[file.name] != hashes[file.name]


def test_the_files_of_a_tensorflow_checkpoint_are_hashed_by_their_prefix(tmp_path):
    for end in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt.{end}").write_text(end)
    (tmp_path / "other.txt").write_text("")
    assert len(file_hashes(tmp_path / "model.ckpt")) == 2

    assert len(file_hashes(tmp_path / "model.ckpt.index")) == 2


def test_a_file_that_has_a_temporary_name_is_hashed_under_its_own(tmp_path):
    draft = tmp_path / ".tmp-1-model.pt"
    draft.write_bytes(b"weights")
    expected = hashlib.sha256(b"weights").hexdigest()
    assert file_hashes(draft, "model.pt") == {"model.pt": expected}


def test_a_certificate_replaces_the_one_before(made, tmp_path):
    save_certificate(made(failing()), tmp_path / "new" / "proof")
    found = made()
    paths = save_certificate(found, tmp_path / "new" / "proof")
    assert [path.name for path in paths] == ["proof.json", "proof.md"]
    assert json.loads(paths[0].read_text())["passed"] is True
    assert len(list((tmp_path / "new").iterdir())) == 2
