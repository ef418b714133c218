"""The coefficients table: every scalar parameter but the group effects."""

from __future__ import annotations

import pandas as pd

from poolish.posterior import Posterior
from poolish.summaries.moments import CI_PROB, summarise_draws
from poolish.summaries.numbers import Format
from poolish.summaries.scalars import collect_scalars
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = {
    **dict.fromkeys(("mean", "sd", "lower", "upper"), "estimate"),
    "rhat": "rhat",
    "ess_bulk": "count",
    "ess_tail": "count",
    "mcse": "estimate",
}


def summarise(posterior: Posterior, *, ci_prob: float = CI_PROB) -> TableResult:
    """Return mean, sd, interval and sampling quality of every parameter but the group effects.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
        Probability of the equal-tailed interval.
    """
    scalars = collect_scalars(posterior)
    columns = summarise_draws(scalars.values, ci_prob=ci_prob)
    frame = pd.DataFrame({"parameter": list(scalars.labels), **columns})
    return TableResult(
        frame,
        title=posterior.record.formula,
        caption=f"{ci_prob:.0%} equal-tailed intervals (lower, upper); group effects: see groups.",
        formats=_FORMATS,
    )
