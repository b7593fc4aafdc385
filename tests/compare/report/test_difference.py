"""difference: two results, cell by cell, and what else is not the same."""

import pytest

from compare.report import Overlaps, difference, overlaps
from tests.compare.report.sample import again, sample
from tests.compare.report.test_markdown import row_of


def test_the_same_results_overlap_in_every_cell():
    assert overlaps(sample(), sample()) == Overlaps(5, 5, ())
    text = difference(sample(), sample())
    assert "5 of 5 cells overlap (100 %)." in text
    assert "Machine, versions and settings are the same." in text


@pytest.mark.parametrize(("factor", "overlapping"), [(1.05, 5), (1.08, 0), (0.9, 0)])
def test_cells_overlap_as_long_as_their_intervals_touch(factor, overlapping):
    # Each interval reaches 3 % to both sides.
    assert overlaps(sample(), again(sample(), factor))[:2] == (overlapping, 5)


def test_one_cell_that_moved_is_named():
    other = sample()
    times = other["speed"][1]["runners"]["keras-tensorflow"]["times_reference"]
    times |= {"median": 0.8, "low": 0.79, "high": 0.81}
    found = overlaps(sample(), other)
    key = "train-mlstm+norm-h1024-l1-float32-d1"
    assert found == Overlaps(4, 5, ((key, "keras-tensorflow"),))
    cells = row_of(difference(sample(), other), "h1024", "keras")
    assert cells[5:] == ["0.74 (0.718 to 0.762)", "0.8 (0.79 to 0.81)", "**no**"]


def test_rates_stand_side_by_side_with_their_ratio():
    cells = row_of(difference(sample(), again(sample(), 2.0)), "h1024", "| torch |")
    assert cells[2:5] == ["11,200 (10,900 to 11,500)", "22,400 (21,700 to 23,100)", "2"]
    assert cells[5:] == ["the reference", "the reference", ""]


def test_another_reference_does_not_compare():
    other = sample()
    other["speed"][1]["reference"] = "keras-tensorflow"
    assert overlaps(sample(), other).cells == 4
    assert "**other reference**" in row_of(
        difference(sample(), other), "h1024", "keras"
    )


def test_what_failed_in_one_does_not_count_and_is_told():
    other = sample()
    timing = other["speed"][1]["runners"]["keras-tensorflow"]
    timing |= {"status": "failed", "reason": "out of memory"}
    assert overlaps(sample(), other) == Overlaps(4, 4, ())
    cells = row_of(difference(sample(), other), "h1024", "keras")
    assert cells[3:5] == ["**failed: out of memory**", ""]


def test_nothing_in_common_is_no_share():
    other = sample() | {"speed": []}
    assert overlaps(sample(), other) == Overlaps(0, 0, ())
    assert "0 of 0 cells overlap.\n" in difference(sample(), other)


def test_cells_that_only_one_has_are_listed():
    other = sample()
    gone = other["speed"].pop(1)["cell"]["key"]
    skipped = other["speed"].pop(2)["cell"]["key"]
    lines = difference(sample(), other).splitlines()
    assert f"- A: torch in {gone}" in lines
    assert f"- A: {skipped}, skipped: needs 70 GB of 16 GB" in lines
    assert f"- B: torch in {gone}" in difference(other, sample()).splitlines()


def test_a_changed_machine_version_and_setting_are_listed():
    other = sample()
    other["provenance"]["cpu"] = "Another | processor"
    other["provenance"]["versions"]["torch"] = "2.14.0"
    other["runners"]["torch"]["threads"] = 4
    other["settings"]["rounds"] = 7
    text = difference(sample(), other)
    assert row_of(text, "| cpu |")[1:] == ["A processor", "Another ! processor"]
    assert row_of(text, "| torch | 2.13.0 |")[2] == "2.14.0"
    assert row_of(text, "| threads of torch |")[1:] == ["2", "4"]
    assert row_of(text, "| setting rounds |")[1:] == ["5", "7"]
    assert "are the same" not in text
