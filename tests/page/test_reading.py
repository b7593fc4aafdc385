"""What the page shows for a text, without a browser."""

import numpy as np
import pytest

from tests.heat_map.fake_model import FakeModel, make_classifier
from tfsent.page.reading import Reader
from tfsent.transfer.features import Features


class Model(FakeModel):
    """Positive is a text with many letters; what it writes repeats what it was told."""

    def features(self, texts, feature=None):
        rows = [[len(text) / 100 - 0.5] * 8 for text in texts]
        return Features(np.float32(rows), feature or "cell")

    def generate(self, prompt="", **told):
        self.told = told
        return f"{prompt} <b>and so on</b>"


def reader(model=None, classifier=None, **more):
    return Reader(
        model=model or Model(),
        classifier=classifier or make_classifier(),
        **{"max_chars": 90, "max_length": 40} | more,
    )


def test_text_gets_a_probability_for_each_class_and_a_map():
    said, painted = reader().read("x" * 60)
    [row] = make_classifier().predict(np.full((1, 8), 0.1))
    assert f'negative</span><meter min="0" max="1" value="{1 - row:.4f}"' in said
    assert f'positive</span><meter min="0" max="1" value="{row:.4f}"' in said
    assert "tfsent-map" in painted


def test_text_and_class_names_are_escaped():
    classifier = make_classifier()
    object.__setattr__(classifier, "classes", ("<i>bad", "<i>good"))
    said, painted = reader(classifier=classifier).read("<img src=x onerror=alert(1)>")
    assert "<i>bad" not in said
    assert "<img" not in painted


@pytest.mark.parametrize("text", ["", "  \n", None])
def test_nothing_typed_asks_for_a_text(text):
    said, painted = reader().read(text)
    assert "Type a review" in said
    assert painted == ""


def test_longest_text_is_read_and_a_longer_one_refused_in_one_line():
    assert "error" not in reader().read("x" * 90)[0]
    said, painted = reader().read("x" * 91)
    assert said.startswith('<p class="tfsent-error">error: the text has 91 characters')
    assert "up to 90" in said
    assert painted == ""
    assert "91 characters" in reader().write("x" * 91, 5, True, 0, 1, 0)


def test_classifier_without_a_neuron_still_says_its_classes():
    classifier = make_classifier("multiclass", none=True)
    said, painted = reader(classifier=classifier).read("some <text>")
    assert [f">{name}<" in said for name in "abc"] == [True] * 3
    assert "some &lt;text&gt;" in painted


def test_sentiment_holds_the_neuron_in_the_direction_of_its_sign():
    model = Model()
    shown = reader(model).write("So", 30, True, 1.0, 0.5, 7)
    assert model.told == {
        "length": 30,
        "temperature": 0.5,
        "seed": 7,
        "overwrite": {5: 0.25 - 0.5},
        "overwrite_state": "cell",
        "overwrite_layer": 0,
    }
    assert "tfsent-map" in shown
    assert "<b>and" not in shown


def test_neuron_is_held_only_if_wanted():
    model = Model()
    reader(model).write("So", 30, False, 1.0, 0.5, 7)
    assert "overwrite" not in model.told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"length": 41}, "length is 41; 1 to 40"),
        ({"length": None}, "length is None"),
        ({"length": float("nan")}, "length is nan"),
        ({"sentiment": 2.5}, "sentiment is 2.5"),
        ({"sentiment": float("nan")}, "sentiment is nan"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(given, words):
    asked = {
        "prompt": "So",
        "length": 20,
        "pinned": True,
        "sentiment": 0.0,
        "temperature": 1.0,
        "seed": 0,
    }
    shown = reader().write(**asked | given)
    assert shown.startswith('<p class="tfsent-error">error: ')
    assert words in shown


def test_fault_of_the_program_is_one_line_there_and_a_trace_here(capsys):
    class Broken(Model):
        def generate(self, **told):
            raise KeyError("<secret>")

    shown = reader(Broken()).write("So", 20, True, 0.0, 1.0, 0)
    assert "KeyError" in shown
    assert "secret" not in shown
    assert "secret" in capsys.readouterr().err


def test_model_without_decoder_does_not_write():
    model = Model()
    assert reader(model).writes
    model.model.decoder = False
    assert not reader(model).writes


def test_classifier_of_another_model_is_refused():
    model = Model()
    model.fingerprint = "0" * 64
    with pytest.raises(ValueError, match="another model"):
        reader(model)
    assert reader(model, any_model=True).neuron.unit == 5
