"""A file mapped into memory that tells when it is no longer what it was."""

from __future__ import annotations

import mmap
from pathlib import Path

from tfsent.path_errors import naming


class MappedFile:
    """The bytes of a file of known size, read-only.

    Once open it reads on when the file is removed.

    Args:
        path: The file.
        size: Its bytes, at least 1.

    Raises:
        ValueError: If it is missing or of another size.
        OSError: If it cannot be mapped; names the file.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        try:
            with naming(path), open(path, "rb") as file:
                # All that is there, even if it is too much or too little; but a
                # file of no bytes cannot be mapped.
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise _changed(path, "is missing") from None
        except ValueError:
            raise _changed(path, f"has 0 bytes instead of {size}") from None

    def bytes(self) -> mmap.mmap:
        """Return the content, to be read at once.

        To read behind the end of a file that was cut short ends the process by a
        signal (SIGBUS), without a word; so its size is asked for, in 0.4 us. It could
        still be cut in the microseconds till the bytes are copied, and a disk that
        fails to give them ends the process likewise.

        Raises:
            ValueError: If the file is of another size than it was.
        """
        found = self._bytes.size()
        if found != self._size:
            told = f"has {found} bytes instead of {self._size}"
            raise _changed(self._path, told)
        return self._bytes


def _changed(path: Path, told: str) -> ValueError:
    return ValueError(
        f"{path} {told}: it was changed while it was in use. Remove the prepared "
        "folder with all its splits, prepare it again and repeat the command; training "
        "goes on from its last checkpoint."
    )
