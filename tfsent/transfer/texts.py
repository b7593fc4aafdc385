"""The texts of a source, to be read more than once."""

from __future__ import annotations

from collections.abc import Iterator

from tfsent.data.sources import Source


class SourceTexts:
    """The texts of a source, from its first to its last every time they are read.

    Args:
        source: Where they come from.
        split: One of its splits. Default: train if it has splits, else all.
    """

    def __init__(self, source: Source, split: str | None = None):
        self._source = source
        self._split = split

    def __iter__(self) -> Iterator[str]:
        """Read from the start."""
        return (sample.text for sample in self._source.samples(self._split))
