"""Attention over words, painted."""

import numpy as np
import pytest

from tfsent.heat_map import attention_map
from tfsent.transfer.classified import Verdict


class FakeJudge:
    """Weighs the words of a text as it is told to, and calls every text good."""

    def __init__(self, weights, label="good"):
        self._weights, self._label = weights, label

    def attend(self, text):
        words = text.split()
        return words, np.array(self._weights[: len(words)], np.float32)

    def verdicts(self, texts):
        return [Verdict(self._label, (0.9,), (2.0,)) for _ in texts]


def test_a_word_is_painted_by_how_many_times_an_equal_share_it_weighs():
    found = attention_map(FakeJudge([0.5, 0.25, 0.125, 0.125]), "a bb c d")
    # An equal share is a quarter.
    assert found.values.tolist() == pytest.approx([1.0, 0.0, -1.0, -1.0])
    assert (len(found), found.size, found.label) == (4, "4 words", "good")
    painting = found._painting()
    assert painting.glyphs == list("a bb c d")
    expected = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, -1.0]
    assert painting.values.tolist() == pytest.approx(expected)


def test_what_is_seen_as_one_has_one_place():
    found = attention_map(FakeJudge([0.75, 0.25]), "cafe\u0301 \u202e")
    painting = found._painting()
    assert painting.glyphs == ["c", "a", "f", "e\u0301", " ", "[U+202E]"]
    assert len(painting.values) == 6


def test_a_word_of_no_weight_has_the_colour_of_the_end():
    found = attention_map(FakeJudge([1.0, 0.0]), "a b")
    assert found.values[1] == -np.inf
    assert '<i class="n50"' in found.html()


def test_every_form_shows_the_words_and_what_the_classifier_says(tmp_path):
    found = attention_map(FakeJudge([0.5, 0.5], ["joy", "love"]), "<b> so")
    assert "&lt;" in found.html()
    assert "<b> so" not in found.html()
    for text in (found.html(), found.terminal(), found._repr_html_()):
        assert "joy, love" in text
    for name in ("map.html", "map.png"):
        found.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert found.as_dict()["weights"] == [0.5, 0.5]


def test_a_text_without_a_word_is_an_empty_map():
    found = attention_map(FakeJudge([]), " ")
    assert len(found) == 0
    assert "weighs more" in found.html()


def test_a_classifier_without_attention_is_refused():
    judge = FakeJudge([])
    judge.attend = None
    with pytest.raises(ValueError, match="no attention to paint"):
        attention_map(judge, "a")


@pytest.mark.parametrize("settings", [{"limit": -1.0}, {"colors": "red"}])
def test_what_makes_no_scale_is_refused(settings):
    with pytest.raises(ValueError, match="limit is|colors is"):
        attention_map(FakeJudge([1.0]), "a", **settings)
