"""Predictions as a table: one row for each row of the data."""

from __future__ import annotations

import pandas as pd

from poolish.posterior import Posterior
from poolish.predict import Groups, Kind, predict
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = dict.fromkeys(("mean", "sd", "lower", "upper"), "estimate")
_KINDS: dict[Kind, str] = {
    "linear": "linear predictor",
    "mean": "mean of the response",
    "response": "new observation",
    "probability": "probability of each level",
}


def tabulate_predictions(
    posterior: Posterior,
    data: object = None,
    *,
    kind: Kind = "mean",
    groups: Groups = "observed",
    seed: int = 0,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return mean, sd and interval of the prediction for each row.

    Parameters
    ----------
    posterior : Posterior
    data : data frame, optional
        New rows; the fitted ones when left out.
    kind, groups, seed
        As for `poolish.predict.predict`.
    ci_prob : float
        Probability of the equal-tailed intervals.

    Raises
    ------
    UnknownNameError
        If the kind or a meaning of groups does not exist.
    DataError
        If `observed` groups are asked for and a level was not fitted.
    """
    draws = predict(posterior, data, kind=kind, groups=groups, seed=seed)
    rows = [str(label) for label in draws.coords["obs"].values]
    if "level" not in draws.dims:
        frame = pd.DataFrame({"row": rows, **describe_draws(draws.values, ci_prob=ci_prob)})
    else:
        labels = [(row, level) for row in rows for level in draws.coords["level"].values]
        flat = draws.values.reshape(*draws.shape[:2], -1)
        described = describe_draws(flat, ci_prob=ci_prob)
        frame = pd.DataFrame(labels, columns=["row", "level"]).assign(**described)
    which = groups if isinstance(groups, str) else ", ".join(f"{g}: {m}" for g, m in groups.items())
    return TableResult(
        frame,
        title=f"Predictions: {_KINDS[kind]}",
        caption=f"groups: {which}; {ci_prob:.0%} equal-tailed intervals",
        formats=_FORMATS,
    )
