"""Text -> bytes or words -> batches; a public name fetches its module when used."""

_HOMES = {
    "ByteShards": "byte_shards",
    "LaneBatches": "batches",
    "RULES": "text_rules",
    "Sample": "samples",
    "ScoreBatches": "batches",
    "ShuffledShards": "shuffled_shards",
    "Source": "file_source",
    "Tokenizer": "words",
    "clean": "text_rules",
    "open_prepared": "byte_shards",
    "open_source": "sources",
    "open_whole": "whole",
    "prefetch": "batches",
    "prepare": "shards",
    "reading_batches": "word_batches",
    "reviews": "corpus",
    "shuffled_if_asked": "shuffled_shards",
    "split_characters": "word_splitting",
    "split_words": "word_splitting",
    "training_batches": "word_batches",
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
