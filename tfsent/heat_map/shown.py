"""What every heat map can do: show itself as page, picture, terminal text, notebook."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tfsent.checkpoint.atomic import replace_file
from tfsent.heat_map import html, png, terminal
from tfsent.heat_map.painting import Painting

SUFFIXES = (".html", ".png")
"""Kinds of file that a heat map is saved as."""


class Shown:
    """Base of the heat maps; one says what is painted, this how it is shown."""

    def html(self) -> str:
        """Return a whole page that loads nothing and runs no script."""
        return html.page(self._painting())

    def terminal(self, columns: int = 80) -> str:
        """Return lines for a terminal with 24-bit colours.

        Args:
            columns: Width of the terminal, in characters.
        """
        return terminal.lines(self._painting(), columns)

    def save(self, path: str | Path) -> None:
        """Write the map to `path`, by its ending as a page or as a picture.

        A regular file of that name is replaced as a whole or not at all.

        Raises:
            ValueError: If the ending is none of `SUFFIXES`, something other than a
                regular file has the name, or the text is too long for a picture.
            OSError: If the disk refuses.
        """
        path = Path(path)
        suffix = check_suffix(path)
        _check_regular(path)
        if suffix == ".png":
            content = png.picture(self._painting())
        else:
            content = self.html().encode()
        replace_file(path, [content])

    def _repr_html_(self) -> str:
        return html.fragment(self._painting())

    def _painting(self) -> Painting:
        raise NotImplementedError


def check_suffix(path: str | Path) -> str:
    """Return the ending of a file's name; refuse one that stands for no kind of file.

    Raises:
        ValueError: If it is none of `SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"out is {str(path)!r}; a name in .html or .png will do.")
    return suffix


def _check_regular(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise ValueError(
            f"{path} is there and is no regular file; another name will do."
        )
