"""The priors table: every prior that applies, with what it implies."""

from __future__ import annotations

import pandas as pd

from poolish.spec.build import spec_priors
from poolish.spec.model import ModelSpec
from poolish.spec.priors import ResolvedPrior, implied_range
from poolish.summaries.moments import CI_PROB
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = {"lower": "range", "upper": "range"}


def tabulate_priors(spec: ModelSpec, *, ci_prob: float = CI_PROB) -> TableResult:
    """Return every prior of a model, the range it implies, and where it comes from.

    Parameters
    ----------
    spec : ModelSpec
    ci_prob : float
        Probability of the central range; the ends are infinite for a flat prior.
    """
    rows = [_row(spec, resolved, ci_prob) for resolved in spec_priors(spec)]
    columns = ["parameter", "prior", "lower", "upper", "source"]
    return TableResult(
        pd.DataFrame(rows, columns=columns),
        title=f"Priors: {spec.formula}",
        caption=f"{ci_prob:.0%} prior range (lower, upper), on the scale of the parameter",
        formats=_FORMATS,
    )


def _row(spec: ModelSpec, resolved: ResolvedPrior, ci_prob: float) -> tuple[object, ...]:
    lower, upper = implied_range(resolved, ci_prob)
    stated = resolved.stated_as
    source = "default" if stated is None else f"stated as {stated}"
    name = resolved.slot.names[0]
    return name, str(resolved.prior), lower, upper, source + _place(spec, name)


def _place(spec: ModelSpec, name: str) -> str:
    """Return where the prior of an intercept or threshold applies, empty for other parameters."""
    centred = set(spec.lengths) | {
        f"{predictor.variable('b')}[Intercept]"
        for predictor in spec.predictors.values()
        if predictor.has_intercept and predictor.intercept_at == "average"
    }
    return ", at average predictors" if name in centred else ""
