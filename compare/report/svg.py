"""Figures as SVG that stands inside a page: nothing outside, no style, own names.

A strict content security policy forbids the `style` attributes that matplotlib writes;
the same words are attributes of SVG. Two colours are placeholders, so that a picture
takes the ink of a light page and of a dark one.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

INK, FAINT = "#010203", "#040506"
"""Colours that the page chooses: of text and axes, and of lines of a grid."""

_PAINTS = {INK: "currentColor", FAINT: "currentColor"}
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tfsent",  # The same results give the same picture.
    "text.parse_math": False,  # A "$" is a dollar.
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Give figures the looks of the report while the block runs."""
    from matplotlib import rc_context

    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def svg_of(figure: Any, name: str, title: str) -> str:
    """Return a figure as an SVG element.

    Args:
        figure: A matplotlib figure, made and still inside `drawing()`.
        name: Begins all names in it, so that several pictures share a page.
        title: What a reader hears who does not see it.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True)
    root = ElementTree.fromstring(file.getvalue())
    _clean(root, name)
    for unit in ("width", "height"):
        root.attrib.pop(unit)
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "role": "img",
        "aria-label": title,
        "font-family": "system-ui, DejaVu Sans, sans-serif",
        "stroke-linejoin": "round",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: Any, name: str) -> None:
    """Drop metadata and styles, namespaces and foreign names, of it and all below."""
    element.tag = _local(element.tag)
    for child in list(element):
        if _local(child.tag) in ("metadata", "style"):
            element.remove(child)
        else:
            _clean(child, name)
    attributes = {_local(key): value for key, value in element.attrib.items()}
    for rule in attributes.pop("style", "").split(";"):
        key, colon, value = rule.partition(":")
        if colon:
            attributes[key.strip()] = value.strip()
    attributes.pop("font-family", None)  # The root names it once.
    element.attrib.clear()
    for key, value in attributes.items():
        if value == FAINT:
            element.attrib["opacity"] = "0.2"
        value = _PAINTS.get(value, value)
        if key == "id":
            if value.startswith("QuadMesh"):  # No seams between the cells.
                element.attrib["shape-rendering"] = "crispEdges"
            value = f"{name}-{value}"
        elif key == "href":
            value = f"#{name}-{value.removeprefix('#')}"
        element.attrib[key] = value.replace("url(#", f"url(#{name}-")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
