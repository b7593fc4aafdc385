"""The cleaning within the graph is that of the text rules."""

import random
from html.entities import html5

import pytest
import tensorflow as tf

from tfsent.data.text_rules import RULES, clean
from tfsent.export.cleaning import Cleaner


def cleaned(rule, texts):
    return Cleaner(rule)(tf.constant(texts, tf.string)).numpy().tolist()


def strange_texts(count):
    """Texts of names, numbers and spaces, whole, cut and run together."""
    draw = random.Random(4)
    numbers = [0, 9, 13, 65, 128, 159, 0xD800, 0xFFFE, 0x1FFFF, 0x10FFFF, 0x110000]
    atoms = [f"&{name}" for name in draw.sample(sorted(html5), 300)]
    atoms += [f"&#{n}{end}" for n in [*numbers, 10**12] for end in (";", "", "a")]
    atoms += [f"&#{x}{n:x};" for n in numbers for x in "xX"]
    atoms += ["&#00065;", "&#x0000000041", "&#", "&#x", "&amp", "&ampx;", "&notit;"]
    atoms += ["&", ";", "a", "Z9", "<b>", "<", ">", "\n", " ", "\t", "\r\n", "\0"]
    atoms += ["\x1c", "\x85", "\xa0", "\u3000", "\u200b", "\ufeff", "\xe9", "\u4e2d"]
    atoms += ["\U0001f600", "&nbsp;", "&eacute;", "&CounterClockwiseContourIntegral;"]
    return ["".join(draw.choices(atoms, k=draw.randint(0, 9))) for _ in range(count)]


@pytest.mark.parametrize("rule", RULES)
def test_graph_cleans_strange_texts_as_the_rule_does(rule):
    texts = strange_texts(3000)
    assert cleaned(rule, texts) == [clean(text, rule) for text in texts]


@pytest.mark.parametrize("rule", RULES)
def test_every_name_and_every_number_in_question_is_resolved(rule):
    texts = [f"&{name}x" for name in html5] + [f"&{name};" for name in html5]
    starts = range(0, 0x110000, 0x10000)
    spots = {
        n + k for n in [*starts, 0xD800, 0xE000, 0xFDD0, 0xFDF0] for k in range(-3, 3)
    }
    spots |= {*range(300), 0x110000, 0x110001, 9999999, 10000000}
    texts += [f"&#{n};" for n in spots if n >= 0]
    texts += [f"&#x{n:X};" for n in spots if n >= 0]
    assert cleaned(rule, texts) == [clean(text, rule) for text in texts]


def test_white_space_is_what_python_takes_for_it():
    characters = [chr(n) for n in range(0x3100) if not 0xD800 <= n < 0xE000]
    found = cleaned("openai", [f"{c}|{c}" for c in characters])
    assert found == [clean(f"{c}|{c}", "openai") for c in characters]
    assert not any(chr(n).isspace() for n in range(0x3100, 0x110000))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("openai", b"\n a\xff\xc3\xa9\xe2\x80 & \x00b "), ("nvidia", b"\n ae & \x00b ")],
)
def test_bytes_that_are_not_utf8_are_kept_or_dropped(rule, expected):
    assert cleaned(rule, [b" a\xff\xc3\xa9\xe2\x80 &amp; \x00b\n"]) == [expected]


def test_no_text_is_cleaned_to_no_text():
    assert cleaned("openai", []) == []
    assert cleaned("nvidia", []) == []
