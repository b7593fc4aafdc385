"""The two published cleanings, against plain transcriptions of what was published."""

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_unidecode import unidecode

from tfsent.data.text_rules import PADDING_BYTES, RULES, clean

# Surrogates are left out: the published code cannot encode them.
TEXTS = st.text(
    st.sampled_from("ab <>&;#x0169\n\t\r\u00e9\u2019\u4e2d\U0001f600\u00a0")
    | st.characters(exclude_categories=["Cs"])
)


def published_openai(text):
    return ("\n " + html.unescape(text).replace("\n", " ").strip() + " ").encode()


def published_nvidia(text):
    text = unidecode(re.sub("<.*?>", " ", text))
    text = " ".join(html.unescape(text).split())
    return ("\n " + text + " ").encode("ascii", "ignore")


@given(TEXTS)
@example("&lt;b&gt;\n  &nbsp;&amp;amp;")
def test_openai_rule_is_the_published_one(text):
    assert clean(text, "openai") == published_openai(text)


@given(TEXTS)
@example("a<b\n>c<<d>>e<")
@example("&eacute;<br />caf\u00e9 \u4e2d")
def test_nvidia_rule_is_the_published_one(text):
    assert clean(text, "nvidia") == published_nvidia(text)


def test_openai_keeps_tags_and_utf8():
    expected = b"\n a<br />b caf\xc3\xa9 & "
    assert clean(" a<br />b\ncaf\u00e9 &amp;\n", "openai") == expected


def test_nvidia_drops_what_an_entity_spells_beyond_ascii():
    assert clean("caf&eacute; caf\u00e9", "nvidia") == b"\n caf cafe "


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("text", ["", " \n\t ", "&nbsp;"])
def test_text_without_content_is_padding_alone(rule, text):
    assert len(clean(text, rule)) == PADDING_BYTES


def test_half_of_a_surrogate_pair_comes_out_as_a_question_mark():
    assert clean("a\ud800b", "openai") == b"\n a?b "
    assert clean("a\ud800b", "nvidia") == b"\n a[?] b "


@pytest.mark.parametrize("rule", RULES)
def test_entity_of_thousands_of_digits_means_the_same_as_a_short_one(rule):
    long = "a&#" + "9" * 5000 + ";b&#" + "0" * 5000 + "65;c"
    assert clean(long, rule) == clean("a&#99999999;b&#65;c", rule)


def test_line_of_open_tags_takes_linear_time():
    # Quadratic, this line of 4 MB would take hours.
    text = "<" * 4_000_000
    assert clean(text, "nvidia") == b"\n " + text.encode() + b" "


def test_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"data.text_rule is 'moses'; one of openai,"):
        clean("a", "moses")
