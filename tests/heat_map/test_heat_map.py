import json

import numpy as np
import pytest

from tests.heat_map.fake_model import FakeModel, make_classifier
from tfsent.heat_map import heatmap


def test_values_are_those_after_each_character_without_the_framing():
    found = heatmap(FakeModel(), " caf\u00e9! ", neuron=0)
    assert found.characters == list("caf\u00e9!")
    # Bytes 0 and 1 are framing; the accent's two bytes are 5 and 6.
    assert found.values.tolist() == pytest.approx([0.002, 0.003, 0.004, 0.006, 0.007])
    assert found.values.dtype == np.float32
    assert (found.center, found.limit, found.sign, len(found)) == (0.0, 1.0, 1, 5)


def test_bytes_are_shown_as_they_are():
    found = heatmap(FakeModel(), b"\n \xe2\x82a", neuron=1)
    assert found.characters == ["\n", " ", "\ufffd", "a"]
    assert found.values.tolist() == pytest.approx([1.0, 1.001, 1.003, 1.004])


def test_text_is_shown_as_the_models_rule_leaves_it():
    text = "Caf\u00e9<br />&amp;"
    found = heatmap(FakeModel(text_rule="nvidia"), text, neuron=0)
    assert "".join(found.characters) == "Cafe &"


@pytest.mark.parametrize("text", ["", " \n ", b""])
@pytest.mark.parametrize("form", ["html", "terminal", "_repr_html_"])
def test_map_of_an_empty_text_is_empty(text, form):
    found = heatmap(FakeModel(), text, neuron=0)
    assert (len(found), found.characters, found.values.shape) == (0, [], (0,))
    assert "-1" in getattr(found, form)()


def test_classifier_gives_unit_layer_scale_and_direction():
    model = FakeModel()
    found = heatmap(model, "ab", classifier=make_classifier())
    assert model.asked == [("ab", [5], "cell", 0)]
    assert found.values.tolist() == pytest.approx([-(5.002 - 0.25), -(5.003 - 0.25)])
    assert (found.center, found.limit, found.sign) == (0.25, 0.5, -1)
    assert "positive" in found.meaning
    assert "0.25 minus its value" in found.meaning
    assert "-0.5 to +0.5" in found.scale


def test_classifier_of_many_classes_has_no_two_ends():
    found = heatmap(FakeModel(), "ab", classifier=make_classifier("multiclass"))
    assert found.classes is None


def test_scale_can_be_set_by_hand():
    classifier = make_classifier()
    found = heatmap(FakeModel(), "a", classifier=classifier, center=5.0, limit=3.0)
    assert (found.center, found.limit) == (5.0, 3.0)
    assert found.values.tolist() == pytest.approx([-0.002], abs=1e-6)


@pytest.mark.parametrize(("cell", "state"), [("mlstm", "cell"), ("gru", "hidden")])
def test_state_is_the_one_that_the_model_keeps(cell, state):
    model = FakeModel(cell=cell)
    assert heatmap(model, "a", neuron=0).state == state
    assert model.asked == [("a", [0], state, 1)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["neuron or classifier"]),
        ({"neuron": 0, "classifier": make_classifier()}, ["not both"]),
        ({"neuron": 8}, ["neuron is 8", "0 to 7"]),
        ({"neuron": -1}, ["neuron is -1"]),
        ({"neuron": 0, "layer": 2}, ["layer is 2", "0 to 1"]),
        ({"neuron": 0, "state": "gate"}, ["state is 'gate'", "hidden or cell"]),
        ({"neuron": 0, "limit": 0.0}, ["limit is 0.0"]),
        ({"neuron": 0, "limit": float("nan")}, ["limit is nan"]),
        ({"neuron": 0, "center": float("inf")}, ["center is inf"]),
        ({"neuron": 0, "colors": "jet"}, ["colors is 'jet'", "PuOr"]),
        ({"classifier": make_classifier(none=True)}, ["no neuron"]),
        ({"classifier": make_classifier(unit=9, column=7)}, ["neuron is 9"]),
    ],
)
def test_what_cannot_be_painted_is_refused(given, words):
    with pytest.raises(ValueError, match=words[0]) as refused:
        heatmap(FakeModel(), "text", **given)
    assert [word for word in words if word not in str(refused.value)] == []


def test_classifier_of_another_model_is_refused_unless_wanted():
    model = FakeModel()
    model.fingerprint = "0" * 64
    with pytest.raises(ValueError, match="another model"):
        heatmap(model, "text", classifier=make_classifier())
    found = heatmap(model, "text", classifier=make_classifier(), any_model=True)
    assert found.unit == 5


def test_dictionary_holds_what_json_can():
    model = FakeModel(values=[np.nan, 0.5])
    facts = heatmap(model, "ab", neuron=3).as_dict()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["values"] == [None, 0.5]
    assert facts["characters"] == ["a", "b"]


@pytest.mark.parametrize("name", ["map.html", "map.PNG"])
def test_file_of_either_kind_replaces_a_regular_one(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"old")
    heatmap(FakeModel(), "text", neuron=0).save(path)
    start = b"\x89PNG" if name.endswith("PNG") else b"<!doctype html>"
    assert path.read_bytes().startswith(start)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("kind", ["folder", "link", "suffix", "nowhere"])
def test_file_that_cannot_be_written_is_refused_and_left(kind, tmp_path):
    path = tmp_path / ("map.svg" if kind == "suffix" else "map.html")
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "other.html").write_text("old")
        path.symlink_to(tmp_path / "other.html")
    elif kind == "nowhere":
        path = tmp_path / "none" / "map.html"
    with pytest.raises((ValueError, OSError), match=path.name):
        heatmap(FakeModel(), "text", neuron=0).save(path)
    if kind == "link":
        assert (tmp_path / "other.html").read_text() == "old"
        assert path.is_symlink()


def test_notebook_shows_a_fragment():
    found = heatmap(FakeModel(), "text", neuron=0)
    shown = found._repr_html_()
    assert shown.startswith("<div")
    assert "<html" not in shown
    assert "neuron 0" in repr(found).lower()
