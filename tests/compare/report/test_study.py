"""The report of a study: Markdown, page, pictures, terminal, two side by side."""

from xml.etree import ElementTree

import pytest

from compare.report import (
    difference,
    markdown,
    overlaps,
    page,
    pictures,
    short_table,
)
from tests.compare.report.sample import sample, with_study
from tests.compare.report.test_markdown import row_of
from tests.compare.study.made_up import interval

NOT_MEASURED = {"speed": [], "parity": None, "quality": None}


def alone():
    """Return results with a study and nothing else."""
    return with_study() | NOT_MEASURED


def test_a_study_alone_says_nothing_of_what_it_is_not():
    text = markdown(alone())
    assert "was not measured" not in text
    assert "BPC" not in text
    assert text.index("## Interpretation") < text.index("## What was trained")
    assert "- One is \\*faster\\* \\<here\\>." in text
    whole = markdown(with_study())
    assert "## How to read the rest" in whole
    assert "## Parity" in whole


def test_figures_stand_in_their_rows_and_states_in_their_place():
    text = markdown(alone())
    cells = row_of(text, "| lstm | 1 | 64 |", "8.5")
    assert cells[4] == "8.5 (8.24 to 8.76)"
    cells = row_of(text, "| mlstm | 1 | 64 | 650,064 | 14.5")
    assert cells[5:] == ["**invalid**", "absent", "**failed**"]
    cells = row_of(text, "| lstm-d1-w64 | torch |")
    assert cells[2:4] == ["", "10.5 (10.2 to 10.8)"]
    assert "gone\\</b\\> \\| at once" in text
    cells = row_of(text, "| lstm-d2-w64 | 0 |")
    assert cells[4:] == ["+1.10 (0.9 to 1.3)", "310", "290", "0.0005", "0.001"]


def test_the_page_has_the_pictures_and_what_was_written_is_text():
    text = page(alone())
    for name in ("study-accuracy", "study-growth"):
        assert f'id="{name}-' in text
    assert "<i>x" not in text
    assert "&lt;i&gt;x" in text


def test_pictures_are_drawn_of_what_was_measured():
    drawn = pictures(alone())
    assert drawn.keys() == {"study-accuracy", "study-growth"}
    said = {
        "".join(each.itertext()).strip()
        for each in ElementTree.fromstring(drawn["study-growth"]).iter()
        if each.tag.endswith("text")
    }
    assert {"lstm, 64 units", "mlstm, 64 units", "keras", "torch-layers"} <= said
    nothing = alone()
    for network in nothing["study"]["networks"]:
        for system in network["systems"].values():
            system["epoch_s"] = None
    assert pictures(nothing) == {}


def test_the_terminal_has_the_sentences():
    assert short_table(alone()) == "- One is *faster* <here>."
    assert "faster*" not in short_table(sample())


@pytest.mark.parametrize(("factor", "overlapping"), [(1.0, 3), (1.05, 3), (1.1, 0)])
def test_two_studies_overlap_as_long_as_their_ratios_do(factor, overlapping):
    other = alone()
    for network in other["study"]["networks"]:
        for each in network["speed"]:
            each["train"] = interval(each["train"]["median"] * factor)
    found = overlaps(alone(), other)
    assert found[:2] == (overlapping, 3)
    text = difference(alone(), other)
    assert f"{overlapping} of 3 cells overlap" in text
    cells = row_of(text, "lstm-d1-w64 | keras : torch")
    assert cells[4] == ("yes" if overlapping else "**no**")


def test_two_studies_stand_side_by_side():
    other = alone()
    other["study"]["networks"][0]["systems"]["torch"]["epoch_s"] = interval(21.0)
    del other["study"]["networks"][2]
    text = difference(alone(), other)
    cells = row_of(text, "| lstm-d1-w64 | torch |")
    assert cells[2:5] == ["10.5 (10.2 to 10.8)", "21 (20.4 to 21.6)", "2"]
    assert cells[5:] == ["83.00 %", "83.00 %"]
    assert "- A: torch-layers, mlstm-d1-w64" in text
    assert "Study" not in difference(alone(), sample())
