"""pictures: SVG that loads nothing and needs no style, with every figure in it."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from compare.report import pictures
from compare.report.parity_picture import levels_of, worst_of
from tests.compare.report.sample import HOSTILE, sample

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn():
    return {
        name: ElementTree.fromstring(svg) for name, svg in pictures(sample()).items()
    }


def texts(picture):
    return ["".join(each.itertext()).strip() for each in picture.iter(f"{SVG}text")]


def fills(picture):
    return {each.get("fill") for each in picture.iter() if each.get("fill")}


def test_there_is_a_picture_of_everything(drawn):
    names = {"train", "featurize", "generate", "bpc", "accuracy", "parity"}
    assert drawn.keys() == names


def test_no_picture_refers_to_anything_outside(drawn):
    for name, picture in drawn.items():
        ids = [each.get("id") for each in picture.iter() if each.get("id")]
        assert len(ids) == len(set(ids))
        assert all(each.startswith(f"{name}-") for each in ids)
        for each in picture.iter():
            assert each.tag not in (f"{SVG}image", f"{SVG}style", f"{SVG}metadata")
            assert "style" not in each.attrib
            for key, value in each.attrib.items():
                found = re.search(r"url\(#(.*)\)|^#(\D.*)", value)
                if key == "href" or "url(" in value:
                    assert (found[1] or found[2]) in ids
                assert "://" not in value


def test_the_same_results_give_the_same_pictures(drawn):
    again = pictures(sample() | {"speed": []})
    assert again.keys() == {"bpc", "accuracy", "parity"}
    for name, svg in again.items():
        assert ElementTree.tostring(drawn[name]) == ElementTree.tostring(
            ElementTree.fromstring(svg)
        )


def test_bars_have_their_figures_and_what_failed_has_its_state(drawn):
    said = texts(drawn["train"])
    assert {"41,300 (1.31 x)", "8,290 (0.74 x)", "invalid", "absent", "failed"} <= {
        *said
    }
    assert "mlstm+norm-h1024-l1-float32-d1" in said
    assert not any("9,000,000" in each for each in said)
    assert len(fills(drawn["train"]) & {"#0072b2", "#009e73"}) == 2


def test_a_hostile_name_is_text(drawn):
    assert HOSTILE[:17] + "..." in texts(drawn["train"])
    assert list(drawn["train"].iter(f"{SVG}script")) == []


def test_names_with_dollars_and_control_characters_are_drawn():
    found = sample() | {"parity": None, "quality": None}
    for place in (found["runners"], found["speed"][0]["runners"]):
        place["$\\frac$ \x00\ud800"] = place.pop(HOSTILE)
    said = texts(ElementTree.fromstring(pictures(found)["train"]))
    assert any(each.startswith("$\\frac$") for each in said)


def test_ink_is_left_to_the_page(drawn):
    for picture in drawn.values():
        assert "currentColor" in fills(picture)
        assert not {"#000000", "#ffffff", "#010203"} & fills(picture)


def test_parity_shows_an_exact_zero_and_what_is_no_number(drawn):
    assert {"#b0b0b0", "#d55e00"} <= fills(drawn["parity"])
    assert "1e-07" in texts(drawn["parity"])


def test_many_steps_share_columns_that_keep_the_worst():
    rows = [[1e-9] * 1000, [1e-9] * 200]
    rows[0][777], rows[1][5] = 1e-3, None
    edges, worst = worst_of(rows)
    assert worst.shape == (2, 125)
    assert (edges[0], edges[-1]) == (0.5, 1000.5)
    assert (worst[0, 777 // 8], np.nanmax(worst[0])) == (1e-3, 1e-3)
    assert worst[1, 0] == np.inf
    assert np.isnan(worst[1, 25:]).all()


@pytest.mark.parametrize("powers", [[-7.2], [-12, -3.5], [-300, 0]])
def test_levels_hold_all_powers_and_are_few(powers):
    levels = levels_of(np.array(powers, float))
    assert levels[0] <= min(powers)
    assert max(powers) <= levels[-1]
    assert 2 <= len(levels) < 50


@pytest.mark.parametrize("steps", [{}, {"h": []}, {"h": [0.0, 0.0]}, {"h": [None]}])
def test_parity_without_a_difference_is_drawn_or_left_out(steps):
    found = sample() | {"speed": [], "quality": None}
    found["parity"]["steps"] = steps
    assert ("parity" in pictures(found)) == any(steps.values())


def test_what_was_not_measured_is_not_drawn():
    found = sample()
    found["parity"] = None
    for run in found["quality"]["runs"]:
        run["points"], run["transfer"] = [], {}
    found["speed"] = found["speed"][3:5]
    assert pictures(found).keys() == {"featurize"}


def test_an_interval_beside_its_median_is_drawn():
    found = sample() | {"parity": None, "quality": None}
    rate = found["speed"][4]["runners"]["torch"]["bytes_per_s"]
    rate |= {"low": rate["median"] * 1.01}
    assert "featurize" in pictures(found)
