"""A folder with the three files of a report."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from compare.report.markdown import markdown
from compare.report.page import page
from compare.report.results import Results, write_results
from tfsent.checkpoint import atomic

RESULTS, MARKDOWN, PAGE = "results.json", "report.md", "report.html"


def write_report(folder: str | PathLike[str], results: Results) -> list[Path]:
    """Write what was measured, then what is read of it; return the paths.

    The results come first: whatever happens to the two others, they can be made
    again from them. Each file is replaced as a whole.

    Raises:
        ValueError: If the results are not sound; nothing is written then.
        OSError: If the disk refuses; names the file.
    """
    paths = [Path(folder) / name for name in (RESULTS, MARKDOWN, PAGE)]
    atomic.make_folder(Path(folder))
    write_results(paths[0], results)
    for path, make in zip(paths[1:], (markdown, page), strict=True):
        atomic.replace_file(path, [make(results).encode("utf-8")])
    return paths
