"""DeepMoji's network in Keras, in the twin and in NumPy; and the proof of two files."""

import dataclasses

import numpy as np
import pytest

from compare import containers
from compare.certificate import certify
from compare.convert import convert
from compare.formats.sequence_classifier import to_twin
from compare.keras_words import keras_answers
from compare.parity import measure_parity
from compare.questions import NEXT_STEPS
from compare.reading import read_model
from compare.twin_words import twin_answers
from compare.word_questions import WordQuestions
from tests import reference_deepmoji as reference
from tests.compare.moji_models import torch_arrays
from tests.tolerances import MOJI_F32
from tfsent.config_supervised import ClassifierConfig
from tfsent.data.word_batches import Batch

CONFIG = ClassifierConfig(
    embedding_size=3,
    embedding_activation="tanh",
    units=4,
    layers=2,
    direction="both",
    gate_activation="hard_sigmoid",
    skip_connections=True,
    pooling="attention",
    dropout=0.0,
)


def given(side):
    words_NT, mask_NT, labels_N = reference.batch(side=side)
    ones_N = np.ones(len(labels_N), "f4")
    words_NT = words_NT.astype("i4")
    return Batch(words_NT, mask_NT, labels_N, ones_N, np.arange(len(labels_N)))


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize("framework", ["keras", "twin"])
def test_whole_network_says_what_the_equations_say(framework, side):
    weights, batch = reference.draw(), given(side)
    V, K = (len(weights[name]) for name in ("embedding/weight", "output/bias"))
    asked = WordQuestions(CONFIG, K, "multiclass", {"x": batch}, [batch], ())
    if framework == "keras":
        answers = keras_answers(weights, V, asked)
    else:
        answers = twin_answers(to_twin(weights, CONFIG), V, asked)
    texts = batch.words_NT, batch.mask_NT
    logits_NK, attention_NT = reference.forward(weights, *texts)
    found = answers.traces["x"]
    assert relative(found["logits"], logits_NK) < MOJI_F32.value
    assert relative(found["attention weights"], attention_NT) < MOJI_F32.value
    loss = reference.loss(weights, *texts, batch.labels)
    assert relative(np.array(answers.losses), np.array([loss])) < MOJI_F32.value
    grads = reference.gradients(weights, *texts, batch.labels)
    assert answers.gradients.keys() == grads.keys()
    for name, gradient in grads.items():
        assert relative(answers.gradients[name], gradient) < MOJI_F32.value, name


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    arrays = torch_arrays(reference.draw())
    containers.write(path, containers.Container("torch", arrays))
    return path


def failed(parity):
    return {check.name for check in parity.checks if not check.passed}


def test_certificate_says_what_was_compared(tmp_path, source):
    def prove(one, other):
        place = tmp_path / "proof"
        return certify(one, other, name=place, target_name=tmp_path / "m.keras")

    done = convert(source, tmp_path / "m.keras", "keras", prove=prove)
    told = done.verdict.to_json()
    assert told["passed"]
    assert told["computed_with_keras"] == "target"
    names = [check["name"] for check in told["checks"]]
    for texts in ("behind", "in front"):
        for what in ("logits", "attention weights"):
            assert f"{what}, texts padded {texts}" in names
    assert {"gradients", "first update"} <= {*names}
    assert len(told["losses"]["twin"]) == NEXT_STEPS
    assert "on the same texts" in done.verdict.to_markdown()
    assert told["target"]["pooling"] == "attention"


@pytest.mark.slow
def test_what_lies_in_the_files_is_computed(tmp_path, source):
    convert(source, tmp_path / "m.pt", "twin")
    one, other = read_model(source), read_model(tmp_path / "m.pt")
    # A copy: what was read of the file may share its memory.
    bump = np.eye(1, 19, 3, dtype="f4")[0] / 4
    arrays = other.container.arrays
    arrays["weights.pooling.attention"] = arrays["weights.pooling.attention"] + bump
    wrong = failed(measure_parity(one, other))
    assert "weights, as stored" not in wrong
    assert wrong >= {
        "logits, texts padded behind",
        "attention weights, texts padded in front",
        "gradients",
    }


@pytest.mark.slow
def test_encoder_is_proved_with_outputs_that_stand_in(tmp_path):
    arrays = torch_arrays(reference.draw())
    arrays = {n: a for n, a in arrays.items() if not n.startswith("output")}
    path = tmp_path / "encoder.bin"
    containers.write(path, containers.Container("torch", arrays))
    convert(path, tmp_path / "m.h5", "deepmoji")
    parity = measure_parity(read_model(path), read_model(tmp_path / "m.h5"))
    assert failed(parity) == set()
    assert "stand in for logits" in parity.notes[0]


def test_other_shapes_are_not_compared(source, tmp_path):
    one = read_model(source)
    model = one.checkpoint
    other = dataclasses.replace(
        model, model=dataclasses.replace(model.model, gate_activation="sigmoid")
    )
    with pytest.raises(ValueError, match="gate_activation is hard_sigmoid in the one"):
        measure_parity(one, one._replace(checkpoint=other))
    with pytest.raises(ValueError, match="one is a classifier over words"):
        measure_parity(one, one._replace(checkpoint=None))
