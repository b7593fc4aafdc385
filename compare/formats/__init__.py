"""Foreign layouts: one file each, with its table of names, axes and gate order."""

from compare.formats.registry import FORMATS, format_of, formats, names, recognize

__all__ = ["FORMATS", "format_of", "formats", "names", "recognize"]
