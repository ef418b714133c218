"""From a fit to a report, and from a report to a file."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable
from html import escape
from importlib import resources
from pathlib import Path

from poolish.errors import FileError, as_path
from poolish.explore.page import write_page
from poolish.plots.predictive import replicate_rows
from poolish.plots.words import Labels, find_labels, name_column
from poolish.posterior import Posterior
from poolish.report.answer import answer, verdict
from poolish.report.blocks import Figure, Frame, Report, Section
from poolish.report.check_sections import loo, predictive, sampling
from poolish.report.facts import Facts
from poolish.report.markdown import render_markdown
from poolish.report.mathematics import to_mathml
from poolish.report.method_sections import methods, reproduce
from poolish.report.model_sections import data, model, priors
from poolish.report.result_sections import groups, population, trajectories, variance
from poolish.summaries.diagnosis import Diagnosis, diagnose
from poolish.summaries.loo import can_weigh_rows, leave_one_out
from poolish.summaries.moments import CI_PROB
from poolish.summaries.sensitivity import tabulate_sensitivity

# In order; a section that does not apply is None.
SECTIONS: tuple[Callable[[Facts], Section | None], ...] = (
    answer,
    verdict,
    model,
    data,
    priors,
    population,
    variance,
    groups,
    trajectories,
    predictive,
    loo,
    sampling,
    methods,
    reproduce,
)
_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def build_report(
    posterior: Posterior,
    *,
    labels: Labels | None = None,
    ci_prob: float = CI_PROB,
    title: str | None = None,
    diagnosis: Diagnosis | None = None,
) -> Report:
    """Return the report of a fit: sections of text, tables and pictures.

    Parameters
    ----------
    posterior : Posterior
    labels : Mapping, optional
        Names and units of columns, on top of those that the fit remembers.
    ci_prob : float
    title : str, optional
    diagnosis : Diagnosis, optional
        The verdict, where it is known already.
    """
    found = diagnose(posterior) if diagnosis is None else diagnosis
    is_weighed = can_weigh_rows(posterior)
    facts = Facts(
        posterior,
        found,
        find_labels(posterior, labels),
        ci_prob,
        replicate_rows(posterior),
        tabulate_sensitivity(posterior) if is_weighed else None,
        leave_one_out(posterior) if is_weighed else None,
    )
    sections = (make(facts) for make in SECTIONS)
    record, response = posterior.record, posterior.design.response.name
    return Report(
        title=title or f"Posterior report: {name_column(facts.labels, response)}",
        subtitle=f"{' and '.join(record.formula.splitlines())} · {record.family} · "
        f"{posterior.design.n_obs:,} rows",
        sections=tuple(section for section in sections if section is not None),
    )


def render_html(report: Report) -> str:
    """Return a report as one HTML page that asks nothing of any network."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("poolish.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = resources.files("poolish.report").joinpath("report.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        report=report,
        style=Markup(style),  # ours
        policy=content_policy(report, style),
        mathml=lambda node: Markup(to_mathml(node)),  # its texts are escaped
        spans=lambda text: Markup(_code_spans(text)),
        data_url=data_url,
        kind=lambda block: type(block).__name__,
    )


def _code_spans(text: str) -> str:
    """Return text as HTML, escaped, with the words in backticks as code.

    Examples
    --------
    >>> _code_spans("`a` < b")
    '<code>a</code> &lt; b'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def content_policy(report: Report, style: str) -> str:
    """Return a policy that allows our style, pictures within the page, and the explorer's script.

    A page in `srcdoc` is held to the policy of the page around it, beside its own.
    """
    frames = [b for section in report.sections for b in section.blocks if isinstance(b, Frame)]
    sources: dict[str, list[str]] = {"script-src": [], "style-src": [f"'sha256-{_digest(style)}'"]}
    for frame in frames:
        for directive in frame.policy.split(";"):
            name, *allowed = directive.split()
            if name in sources:
                sources[name] += [source for source in allowed if source not in sources[name]]
    lists = "; ".join(f"{name} {' '.join(v)}" for name, v in sources.items() if v)
    return f"default-src 'none'; img-src data:; {lists}; base-uri 'none'; form-action 'none'"


def data_url(figure: Figure) -> str:
    """Return a picture as a `data:` address."""
    return f"data:{_TYPES[figure.kind]};base64,{base64.b64encode(figure.content).decode()}"


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report to a file: HTML, Markdown or PDF, by its ending.

    Raises
    ------
    FileError
        If the ending is another one, or the file cannot be written.
    """
    check_ending(path)
    target = as_path(path)
    _WRITERS[target.suffix](report, target)


def check_ending(path: str | os.PathLike[str]) -> None:
    """Raise when no kind of report has the ending of a file: before anything is computed.

    Raises
    ------
    FileError
        If the ending is none of `.html`, `.md`, `.pdf`.
    """
    target = as_path(path)
    if target.suffix not in _WRITERS:
        raise FileError(
            f"there is no report of the kind `{target.suffix}`",
            given=f"`{target}`",
            expected=f"a name that ends in {', '.join(_WRITERS)}",
            fix='write, for example, `"report.html"`',
        )


def _write_pdf(report: Report, target: Path) -> None:
    from poolish.report.pdf import write_pdf

    write_pdf(report, target)


_WRITERS: dict[str, Callable[[Report, Path], None]] = {
    ".html": lambda report, target: write_page(render_html(report), target),
    ".md": lambda report, target: write_page(render_markdown(report), target),
    ".pdf": _write_pdf,
}


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
