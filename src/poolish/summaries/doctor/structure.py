"""What the data cannot tell apart, whatever the posterior: predictors, and few groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.frame import NumericColumn
from poolish.summaries.doctor.case import Case
from poolish.summaries.doctor.edits import (
    with_scaled,
    without_term,
)
from poolish.summaries.doctor.groups import EXACT, within_share
from poolish.summaries.doctor.step import Step

_FEW_LEVELS = 5
_COLLINEAR = 0.999
# Coefficients of predictors so far apart in spread print as 0.000 or as millions.
_SCALE_RATIO = 1e4
_OFF_CENTRE = 1e6


def check_confounded_predictors(case: Case) -> Iterator[Step]:
    """Yield predictors that are constant within groups, where groups hardly outnumber them."""
    main = case.design.main
    for group in main.groups:
        constant = [
            name
            for name, column in zip(main.coefs, main.X.T, strict=True)
            if name != "Intercept" and within_share(column, group) < EXACT
        ]
        if constant and len(constant) + 1 < group.n_levels <= len(constant) + 3:
            yield Step(
                "predictors confounded with groups",
                f"{', '.join(f'`{name}`' for name in constant)} vary between levels of "
                f"`{group.name}` only, and there are hardly more levels than such predictors",
                f"{group.n_levels} levels for {len(constant)} predictors and a mean",
                _without(case, constant[-1]),
                "leave some of them out, or collect more groups",
            )


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
            _without(case, names[second]),
            "keep one of them, or their mean and difference",
        )


def check_few_levels(case: Case) -> Iterator[Step]:
    """Yield groups with too few levels to learn a standard deviation from."""
    for group, spec in zip(case.design.main.groups, case.posterior.spec.main.groups, strict=True):
        if group.n_levels >= _FEW_LEVELS or group.relation is not None:
            continue
        name = f"{case.posterior.spec.main.variable('sd', spec)}[{group.effects[0]}]"
        scale = float(np.median(case.draws_of(name))) if name in case.scalars.labels else 1.0
        prior = f"half_normal({max(scale, 1e-6):.3g})"
        yield Step(
            "few groups",
            f"`{group.name}` has {group.n_levels} levels: its standard deviation rests on the "
            "prior",
            f"{group.n_levels} levels; five or more tell something, ten or more are comfortable",
            {"priors": {f"sd_{spec.name}": prior}},
            f"state a prior from what is known of such groups, or make `{group.name}` a population "
            "effect",
            "notable",
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
    """Yield predictors that tell all successes from all failures."""
    if case.family.response_kind != "binary":
        return
    main = case.design.main
    success = case.y > 0.5
    if success.all() or not success.any():
        return
    for name, column in zip(main.coefs, main.X.T, strict=True):
        if name == "Intercept":
            continue
        yes, no = column[success], column[~success]
        if yes.min() > no.max() or no.min() > yes.max():
            scale = 2.5 / max(float(column.std()), np.finfo(float).tiny)
            yield Step(
                "separation",
                f"`{name}` tells every success from every failure: the likelihood pulls its "
                "coefficient to infinity and the prior alone holds it",
                f"successes from {yes.min():.3g} to {yes.max():.3g}, failures from {no.min():.3g} "
                f"to {no.max():.3g}",
                {"priors": {f"b[{name}]": f"normal(0, {scale:.3g})"}},
                "state a prior that says how large the effect can be, and report it",
            )


def _without(case: Case, coef: str) -> dict[str, str]:
    formula = without_term(case.formula, coef)
    return {} if formula is None else {"formula": formula}
