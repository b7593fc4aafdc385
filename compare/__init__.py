"""The PyTorch twin and the comparison; torch may be imported here and nowhere else.

Importing loads no framework: a public name fetches its module on first use.
"""

from compare.triton_import import refuse_triton_behind_tensorflow

refuse_triton_behind_tensorflow()

_HOMES = {"load": "loading"}
"""Module of every public name."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'compare' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"compare.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
