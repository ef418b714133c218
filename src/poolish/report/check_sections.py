"""Whether to believe it: predictive checks, leave-one-out, sampling."""

from __future__ import annotations

import warnings

import pandas as pd

from poolish.plots import make_picture
from poolish.posterior import Posterior
from poolish.predict import with_log_likelihood
from poolish.report.blocks import Section, Table, Text
from poolish.report.facts import Facts
from poolish.report.figures import as_figure
from poolish.report.tables import plain_table
from poolish.summaries.diagnosis import format_value

# Log densities beyond would take gigabytes.
_MOST_DENSITIES = 40_000_000


def predictive(facts: Facts) -> Section:
    """Return replicated data and the six checks."""
    kinds = ("ppc", "residuals", "check")
    pictures = (make_picture(facts.posterior, kind, labels=facts.labels) for kind in kinds)
    return Section("predictive", "Predictive checks", tuple(map(as_figure, pictures)))


def loo(facts: Facts) -> Section:
    """Return the leave-one-out estimate of predictive accuracy."""
    sizes, n = facts.posterior.draws.sizes, facts.posterior.design.n_obs
    if sizes["chain"] * sizes["draw"] * n > _MOST_DENSITIES:
        text = f"Left out: {n:,} rows are too many to weigh one by one in a report."
        return Section("loo", "Leave-one-out", (Text(text),))
    elpd, table = _estimate_loo(facts.posterior)
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


def _estimate_loo(posterior: Posterior) -> tuple[str, Table]:
    import arviz as az

    with warnings.catch_warnings():
        # What it warns of is in the table.
        warnings.simplefilter("ignore", UserWarning)
        found = az.loo(with_log_likelihood(posterior).tree, pointwise=True)
    k = found.pareto_k.values
    bad = [str(label) for label in found.pareto_k.coords["obs"].values[k > found.good_k]]
    rows = [
        ("elpd_loo", f"{found.elpd:.1f} (standard error {found.se:.1f})"),
        ("effective number of parameters", f"{found.p:.1f}"),
        ("Pareto k, largest", f"{k.max():.2f}"),
        (
            f"rows with k above {found.good_k:.2f}",
            f"{len(bad)}: {', '.join(bad[:10])}" if bad else "none",
        ),
    ]
    caption = "PSIS-LOO, given the group effects. Rows with a large k are not estimated reliably."
    table = plain_table(pd.DataFrame(rows, columns=["quantity", "value"]), "Leave-one-out", caption)
    return f"{found.elpd:.1f} (standard error {found.se:.1f})", table
