"""The posterior report: one page that says what was found, how, and whether to trust it."""

from poolish.report.markdown import render_markdown
from poolish.report.write import build_report, check_ending, render_html, write_report

__all__ = ["build_report", "check_ending", "render_html", "render_markdown", "write_report"]
