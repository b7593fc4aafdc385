from typing import get_type_hints

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from tfsent.config_commands import HeatmapConfig
from tfsent.heat_map.colors import (
    NOT_A_NUMBER,
    SCHEMES,
    background,
    foreground,
    levels_of,
    luminance,
)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_colors_are_those_of_the_published_scale(scheme):
    levels = np.arange(-10, 11)
    found = [background(scheme, int(level), 10) for level in levels]
    table = LinearSegmentedColormap(scheme, colormaps[scheme]._segmentdata, 2001)
    expected = table((levels + 10) * 100)[:, :3] * 255
    assert np.abs(np.array(found) - expected).max() < 0.51


@pytest.mark.parametrize("scheme", SCHEMES)
def test_letters_can_be_read_on_every_color(scheme):
    for level in range(-50, 52):
        color = background(scheme, level, 50)
        light, dark = sorted(
            map(luminance, (color, foreground(color))),
            reverse=True,
        )
        assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_colors_darken_towards_both_ends(scheme):
    lights = [luminance(background(scheme, level, 10)) for level in range(-10, 11)]
    assert lights[:11] == sorted(lights[:11])
    assert lights[10:] == sorted(lights[10:], reverse=True)


def test_scale_is_fixed_and_its_ends_take_what_lies_beyond():
    values = np.float32([-np.inf, -3, -2, -1, 0, 0.09, 0.12, 1, 2, 5, np.inf])
    expected = [-10, -10, -10, -5, 0, 0, 1, 5, 10, 10, 10]
    assert levels_of(values, limit=2.0, steps=10).tolist() == expected


def test_what_is_no_number_has_a_color_of_its_own():
    [level] = levels_of(np.float32([np.nan]), limit=2.0, steps=10)
    color = background("PuOr", int(level), 10)
    assert color == NOT_A_NUMBER
    known = [background(s, k, 50) for s in SCHEMES for k in range(-50, 51)]
    assert NOT_A_NUMBER not in known


def test_flag_offers_every_scale():
    assert get_type_hints(HeatmapConfig)["colors"].__args__ == SCHEMES
