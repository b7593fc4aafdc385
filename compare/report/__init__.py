"""What was measured, as JSON, Markdown and one HTML page; two results side by side."""

from compare.report.difference import Overlaps, difference, overlaps
from compare.report.files import write_report
from compare.report.markdown import markdown
from compare.report.page import page
from compare.report.pictures import pictures
from compare.report.results import (
    FORMAT,
    FORMAT_VERSION,
    check_results,
    read_results,
    write_results,
)
from compare.report.short import short_table

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "Overlaps",
    "check_results",
    "difference",
    "markdown",
    "overlaps",
    "page",
    "pictures",
    "read_results",
    "short_table",
    "write_report",
    "write_results",
]
