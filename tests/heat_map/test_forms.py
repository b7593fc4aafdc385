"""The same map as a page, as a picture and on a terminal."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.image import imread

from tests.heat_map.fake_model import FakeModel, make_classifier
from tfsent.heat_map import heatmap
from tfsent.heat_map.colors import SCHEMES, background, hex_code
from tfsent.heat_map.html import EXACT_GLYPHS
from tfsent.heat_map.png import MOST_GLYPHS

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> \"quoted\" 'too' & &lt; "
    "</i></div></style> javascript:x \u202eturned\u2066 e\u0301 \U0001f44d\U0001f3fd"
)


class Reader(HTMLParser):
    """Collects elements, attributes, and the text of the painted part."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.titles = set(), set(), []
        self.text, self.depth = "", 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        if found.get("class") == "text" or self.depth:
            self.depth += 1
        if self.depth and "title" in found:
            self.titles.append(found["title"])

    def handle_endtag(self, tag):
        self.depth -= bool(self.depth)

    def handle_data(self, data):
        self.text += data if self.depth else ""


def paint(text=HOSTILE, values=None, **more):
    return heatmap(FakeModel(values), text, **({"neuron": 0} | more))


def test_page_holds_the_text_and_no_element_of_it():
    page = paint(HOSTILE.encode()).html()
    read = Reader(page)
    assert ">&lt;</i>" in page
    assert ">&amp;</i>" in page
    shown = HOSTILE.replace("\u202e", "[U+202E]").replace("\u2066", "[U+2066]")
    assert read.text == shown
    assert read.elements.isdisjoint({"script", "img", "a", "iframe", "link", "object"})
    assert not any(name.startswith("on") for name in read.attributes)
    assert "src" not in read.attributes
    assert "href" not in read.attributes


def test_page_loads_nothing():
    page = paint().html()
    assert re.search(r"https?:|url\(|@import|//[a-z]", page) is None
    assert "default-src 'none'" in page


def test_page_says_what_is_shown_and_on_which_scale():
    page = paint("text", neuron=None, classifier=make_classifier()).html()
    for words in (
        "Neuron 5 of layer 1, cell state",
        "above 0 speaks for positive, below 0 for negative",
        "value after the last byte",
        "from -0.5 to +0.5",
    ):
        assert words in page


def test_names_of_classes_are_escaped():
    classifier = make_classifier()
    object.__setattr__(classifier, "classes", ("<b>bad", "good&"))
    page = paint("text", neuron=None, classifier=classifier).html()
    assert "<b>bad" not in page
    assert "&lt;b&gt;bad" in page


def test_every_character_tells_its_value():
    read = Reader(paint(b"ab\xc3\xa9", values=[0.5, -0.25, 9, 0.125]).html())
    assert read.titles == ["+0.5000", "-0.2500", "+0.1250"]


@pytest.mark.parametrize("colors", SCHEMES)
def test_color_of_a_value_does_not_depend_on_the_other_values(colors):
    rule = f"background: {hex_code(background(colors, 25, 50))}"
    for others in (0.1, 1.0, 100.0):
        page = paint(b"ab", values=[0.5, others], colors=colors).html()
        assert f".{colors}-50 .p25 {{ {rule}" in page
        assert '<i class="p25" title="+0.5000">a</i>' in page


def test_not_a_number_is_told():
    page = paint(b"a", values=[np.nan]).html()
    assert '<i class="nan" title="+nan">a</i>' in page
    assert ".nan { background: #c0c0c0" in page


def test_newline_is_shown_and_breaks_the_line():
    assert Reader(paint(b"a\nb").html()).text == "a\u21b5\nb"


def test_long_text_shares_marks_and_stays_whole():
    text = b"one two " * (EXACT_GLYPHS // 4)
    values = np.sin(np.arange(len(text)) / 50)
    page = paint(text, values=values).html()
    read = Reader(page)
    assert read.text == text.decode()
    assert len(read.titles) < len(text) / 3
    assert "share one mark" in page


def test_text_that_shares_one_mark_is_text_and_no_element():
    text = HOSTILE.encode() + b"." * EXACT_GLYPHS
    page = paint(text, values=[0.0]).html()
    assert Reader(page).text.startswith("<script>alert(1)</script> <img")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=x" in page
    assert "&amp; &amp;lt; &lt;/i&gt;" in page
    assert "<script" not in page


def test_marks_of_a_long_text_end_where_the_color_changes():
    text = b"a" * 15_000 + b"b" * 15_001
    page = paint(text, values=[0.5] * 15_000 + [-0.5] * 15_001).html()
    classes = re.findall(r'<i class="(\w+)" title="([^"]+)">(a+|b+)</i>', page)
    assert {(name, value, run[0]) for name, value, run in classes} == {
        ("p5", "+0.5000", "a"),
        ("n5", "-0.5000", "b"),
    }
    assert "".join(run for *_, run in classes) == text.decode()


@pytest.mark.slow
def test_five_megabytes_make_a_page_that_a_browser_can_hold():
    text = b"a review of a film " * (5_000_000 // 19)
    noise = np.random.default_rng(0).normal(size=len(text)) * 0.03
    values = np.sin(np.arange(len(text)) / 40) + noise
    page = paint(text, values=values).html()
    assert len(page) < 60 * len(text)


def test_terminal_sets_both_colors_and_lets_go_at_every_line():
    shown = paint("one two three four", values=[0.5, -0.5]).terminal(columns=10)
    lines = shown.splitlines()
    painted = [line for line in lines if "\x1b" in line][:-1]
    assert len(painted) == 3
    for line in painted:
        assert line.endswith("\x1b[0m")
        for code in re.findall("\x1b\\[([^m]*)m[^\x1b]", line):
            assert re.fullmatch(r"38;2(;\d+){3};48;2(;\d+){3}", code)
    bare = re.sub("\x1b\\[[0-9;]*m", "", "\n".join(painted))
    assert bare == "one two \nthree \nfour"
    assert "from -1 to +1" in shown


def test_terminal_is_not_driven_by_the_text():
    shown = paint(b"\x1b[2J\x07\r\x9b" + "\x9b\u202e".encode()).terminal()
    bare = re.sub("\x1b\\[(0|38;2[0-9;]*)m", "", shown)
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & {*bare}


def picture(found):
    return imread(io.BytesIO(png_bytes(found)))[..., :3]


def png_bytes(found):
    from tfsent.heat_map.png import picture

    return picture(found._painting())


def test_picture_has_the_colors_of_the_values_where_the_text_stands():
    pixels = (picture(paint(b"a" * 60, values=[0.5] * 30 + [-1] * 30)) * 255).round()
    high, low = background("PuOr", 25, 50), background("PuOr", -50, 50)
    row = pixels[50]  # Through the upper part of the first line.
    found = [np.flatnonzero((row == color).all(axis=1)) for color in (high, low)]
    assert found[0].size > 200
    assert found[1].size > 200
    assert found[0].max() < found[1].min()


def test_picture_draws_signs_of_formulas_as_they_are():
    plain = picture(paint(b"$x_2$ \\frac", values=[0.0]))
    assert plain.shape == picture(paint(b"aaaaa aaaaa", values=[0.0])).shape
    # Drawn as a formula the dollars would be gone.
    without = picture(paint(b" x_2  \\frac", values=[0.0]))
    assert np.abs(plain - without).max() > 0.5


def test_picture_of_characters_that_no_font_has_is_drawn_without_a_word(recwarn):
    text = "\u65e5 \U0001f469\u200d\U0001f467 \u202e\x00"
    classifier = make_classifier()
    object.__setattr__(classifier, "classes", ("\u65e5", "\U0001f469"))
    found = paint(text, neuron=None, classifier=classifier)
    assert picture(found).ndim == 3
    assert len(recwarn) == 0


def test_text_too_long_for_a_picture_is_refused(tmp_path):
    found = paint(b"a" * (MOST_GLYPHS + 1))
    with pytest.raises(ValueError, match="10,001 characters; a picture shows up to"):
        found.save(tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []
