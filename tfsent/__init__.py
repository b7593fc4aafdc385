"""Byte-level language models in Keras 3 whose state carries sentiment.

Importing loads nothing else: a public name fetches its module on first use.
"""

import sys

__version__ = "0.1.0"

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    raise ImportError(
        "tfsent needs Python 3.11, 3.12 or 3.13; this is Python "
        f"{sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})."
    )

_HOMES = {
    "heatmap": "tfsent.heat_map",
    "load": "tfsent.loading",
    "load_classifier": "tfsent.transfer.classifier",
}
"""Module of every public name."""

__all__ = ["__version__", "heatmap", "load", "load_classifier"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfsent' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
