"""Errors of the system that say which file they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(path: Path, *, always: bool = False) -> Iterator[None]:
    """Make an `OSError` of the block name `path` where it names no file.

    Those of writes, syncs and maps, which are given a descriptor, name none.

    Args:
        path: The name.
        always: Also in place of the name that the system gave, as where the block
            works under a temporary one.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and not always:
            raise
        # Arrow's have neither number nor cause, only a text.
        cause = error.strerror or str(error) or type(error).__name__
        raise OSError(error.errno, cause, str(path)) from error
