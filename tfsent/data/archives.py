"""A tar archive -> its files, one after the other; nothing is written to disk."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tfsent.data.compressed import open_bytes


def members(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the name and the stream of every plain file, in the archive's order.

    Links, devices and sparse files (a few bytes that claim to be many) are passed
    over. A stream can be read until the next member is asked for. Names are only
    ever told, never opened.

    Raises:
        ValueError: While reading, if the archive is damaged or cut short.
    """
    with open_bytes(path) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                while (member := archive.next()) is not None:
                    # tarfile keeps what it has seen: 100 MB for 100,000 members.
                    archive.members.clear()  # type: ignore[attr-defined]
                    if member.isreg() and not member.issparse():
                        file = archive.extractfile(member)
                        assert file is not None
                        yield member.name, file  # type: ignore[misc]
        except tarfile.TarError as error:
            raise ValueError(
                f"{path} is damaged or cut short ({error}); fetch or write it again."
            ) from error
        # The check sum stands behind the part that tarfile reads.
        while stream.read(2**16):
            pass
