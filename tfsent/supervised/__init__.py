"""Classifiers that learn from labels alone; a name fetches its module on use."""

_HOMES = {
    "FittedEmbeddings": "embeddings",
    "FittedLinear": "linear",
    "fit_embeddings": "embeddings",
    "fit_linear": "linear",
}
"""Module of every public name."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
