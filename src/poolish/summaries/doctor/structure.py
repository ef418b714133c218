"""What the data cannot tell apart, whatever the posterior: predictors of the main formula."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.frame import NumericColumn
from poolish.summaries.doctor.case import Case
from poolish.summaries.doctor.edits import (
    with_scaled,
    without_coef,
)
from poolish.summaries.doctor.step import Step

_COLLINEAR = 0.999
# Coefficients of predictors so far apart in spread print as 0.000 or as millions.
_SCALE_RATIO = 1e4
_OFF_CENTRE = 1e6


def check_collinear(case: Case) -> Iterator[Step]:
    """Yield the pair of predictors that are nearly one."""
    main = case.design.main
    names = [name for name in main.coefs if name != "Intercept"]
    if len(names) < 2:
        return
    correlation = np.corrcoef(main.X[:, [main.coefs.index(name) for name in names]].T)
    np.fill_diagonal(correlation, 0.0)
    i, j = np.unravel_index(np.abs(correlation).argmax(), correlation.shape)
    if abs(correlation[i, j]) > _COLLINEAR:
        first, second = sorted((int(i), int(j)))
        yield Step(
            "nearly the same predictors",
            f"`{names[first]}` and `{names[second]}` say nearly the same: their effects cannot be "
            "told apart",
            f"their correlation is {correlation[i, j]:.5f}",
            without_coef(case.formula, names[second]),
            "keep one of them, or their mean and difference",
        )


def check_scales(case: Case) -> Iterator[Step]:
    """Yield predictors of a very different spread, or very far from zero."""
    table, main = case.posterior.table, case.design.main
    columns = {
        name: main.X[:, k]
        for k, name in enumerate(main.coefs)
        if isinstance(table.columns.get(name), NumericColumn)
    }
    if not columns:
        return
    spreads = {name: float(column.std()) for name, column in columns.items()}
    outcome = max(float(case.y.std()), np.finfo(float).tiny)
    for name, spread in spreads.items():
        centre = abs(float(columns[name].mean()))
        ratio = max(spread / outcome, outcome / spread)
        is_far = centre > _OFF_CENTRE * spread
        if case.family.response_kind != "real":
            ratio = max(spread, 1.0 / spread)
        if ratio > _SCALE_RATIO or is_far:
            yield Step(
                "badly scaled predictor",
                f"`{name}` is on a scale on which its coefficient cannot be read",
                f"mean {columns[name].mean():.3g}, sd {spread:.3g}; the outcome has sd "
                f"{outcome:.3g}",
                {"formula": with_scaled(case.formula, name)},
                "standardise it, or change its unit",
                "notable",
            )


def check_separation(case: Case) -> Iterator[Step]:
    """Yield predictors that tell all successes from all failures, under no prior of their own.

    References
    ----------
    Gelman, Jakulin, Pittau & Su (2008), Annals of Applied Statistics 2(4), 1360-1383: scale 2.5
    on predictors of sd 0.5; normal, as under a Cauchy the mean need not exist (Ghosh, Li & Mitra
    2018, doi:10.1214/17-BA1051). doi:10.1214/08-AOAS191
    """
    success = case.y > 0.5
    for name, column in separating(case).items():
        if f"b[{name}]" in case.posterior.spec.stated:
            continue
        yes, no = column[success], column[~success]
        scale = 2.5 * 0.5 / max(float(column.std()), np.finfo(float).tiny)
        yield Step(
            "separation",
            f"`{name}` tells every success from every failure: the likelihood pulls its "
            "coefficient to infinity and the prior alone holds it",
            f"successes from {yes.min():.3g} to {yes.max():.3g}, failures from {no.min():.3g} "
            f"to {no.max():.3g}",
            {"priors": {f"b[{name}]": f"normal(0, {scale:.3g})"}},
            "state a prior that says how large the effect can be, and report it",
        )


def separating(case: Case) -> dict[str, np.ndarray]:
    """Return the columns that tell all successes from all failures, by coefficient."""
    success = case.y > 0.5
    if case.family.response_kind != "binary" or success.all() or not success.any():
        return {}
    main = case.design.main
    return {
        name: column
        for name, column in zip(main.coefs, main.X.T, strict=True)
        if name != "Intercept" and _is_split(column[success], column[~success])
    }


def _is_split(first: np.ndarray, second: np.ndarray) -> bool:
    return bool(first.min() > second.max() or second.min() > first.max())
