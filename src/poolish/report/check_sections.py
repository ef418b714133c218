"""Whether to believe it: predictive checks, leave-one-out, sampling."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from poolish.plots import make_picture
from poolish.report.blocks import Section, Table, Text
from poolish.report.facts import Facts
from poolish.report.figures import as_figure
from poolish.report.tables import plain_table
from poolish.summaries.diagnosis import format_value
from poolish.summaries.loo import GOOD_K, MATCHED, LooResult


def predictive(facts: Facts) -> Section:
    """Return replicated data and the six checks."""
    kinds: dict[str, dict[str, object]] = {
        "ppc": {},
        "residuals": {},
        "check": {"left_out": facts.left_out},
    }
    shared = {"replicates": facts.replicates, "labels": facts.labels}
    pictures = (
        make_picture(facts.posterior, kind, **shared, **options) for kind, options in kinds.items()
    )
    return Section("predictive", "Predictive checks", tuple(map(as_figure, pictures)))


def loo(facts: Facts) -> Section:
    """Return the leave-one-out estimate of predictive accuracy."""
    if facts.left_out is None:
        text = f"Left out: {facts.posterior.design.n_obs:,} rows are too many to weigh in a report."
        return Section("loo", "Leave-one-out", (Text(text),))
    elpd, table = _describe_loo(facts.left_out)
    text = (
        f"Left out one by one, the observations have an expected log predictive density of {elpd}. "
        "The number matters only in comparison with another model of the same data. Information "
        "criteria such as AIC are not given: they count parameters, and a partially pooled group "
        "effect is not one whole parameter."
    )
    return Section("loo", "Leave-one-out", (Text(text), table))


def sampling(facts: Facts) -> Section:
    """Return every measure of sampling quality at its worst, and the ranks of the chains."""
    rows = [
        {"measure": f.measure.name, "worst value": format_value(f.value), "where": f.parameter,
         "sound": format_value(f.measure.sound), "verdict": f.verdict}
        for f in facts.diagnosis.findings
    ]  # fmt: skip
    note = facts.diagnosis.note
    table = plain_table(pd.DataFrame(rows), "Sampling diagnostics", f"{note}." if note else "")
    picture = make_picture(facts.posterior, "rank", labels=facts.labels)
    return Section("sampling", "Sampling", (table, as_figure(picture)))


def _describe_loo(found: LooResult) -> tuple[str, Table]:
    is_matched = found.pointwise["how"] == MATCHED
    elpd = f"{found.elpd:,.1f} (standard error {found.se:,.1f})"
    rows = [
        ("elpd_loo", elpd),
        ("effective number of parameters", f"{found.p:.1f}"),
        ("Pareto k, largest", f"{found.pointwise['khat'].max():.2f}"),
        ("influential rows, by moment matching", _listed(found.pointwise["unit"][is_matched])),
        (f"rows with k above {GOOD_K}", _listed(found.doubtful)),
    ]
    caption = "PSIS-LOO, given the group effects. Rows with a large k are not estimated reliably."
    table = plain_table(pd.DataFrame(rows, columns=["quantity", "value"]), "Leave-one-out", caption)
    return elpd, table


def _listed(units: Iterable[object]) -> str:
    labels = list(map(str, units))
    return f"{len(labels)}: {', '.join(labels[:10])}" if labels else "none"
