"""What the model does not reproduce: each misfit with the family or term that would."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy

from poolish.frame import NumericColumn
from poolish.summaries.doctor.case import Case
from poolish.summaries.doctor.edits import with_effect, with_formula_of, with_term
from poolish.summaries.doctor.step import Step
from poolish.summaries.group_normality import measure_normality
from poolish.summaries.predictive import predictive_p

_TAIL = 0.005
# Correlations of residuals that come by chance once in 10,000 fits.
_CHANCE = 1e-4
_FAR = 6.0
# With a handful of effects, 5 % would cry wolf.
_ODD_GROUPS = 0.01


def check_wrong_kind(case: Case) -> Iterator[Step]:
    """Yield a Gaussian for outcomes of two values, or of small counts."""
    if case.family.name not in ("gaussian", "student") or case.design.response.se is not None:
        return
    values = np.unique(case.y)
    if set(values) == {0.0, 1.0}:
        yield _family("binary outcome", "bernoulli", "the outcome is 0 or 1, never between", case)
        return
    is_count = bool((case.y >= 0).all() and (case.y == np.round(case.y)).all())
    if is_count and case.y.mean() < 10 and (case.replicates < 0).mean() > 0.01:
        share = float((case.replicates < 0).mean())
        text = f"counts; {share:.0%} of the replicated outcomes are below zero"
        yield _family("counts as numbers", "poisson", text, case)


def check_zeros(case: Case) -> Iterator[Step]:
    """Yield counts with more zeros than overdispersion explains."""
    target = {
        "poisson": "zero_inflated_poisson",
        "negbinomial": "zero_inflated_negbinomial",
        "geometric": "zero_inflated_negbinomial",
    }.get(case.family.name)
    if target is None or not case.is_usable:
        return
    observed = float((case.y == 0).mean())
    replicated = (case.replicates == 0).mean(axis=1)
    explained = _zeros_of_overdispersed(case)
    error = np.sqrt(max(explained * (1 - explained), 1e-6) / len(case.y))
    is_excess = predictive_p(np.array(observed), replicated) < _TAIL
    if is_excess and observed > explained + 3 * error and observed > 1.2 * explained:
        yield Step(
            "excess zeros",
            "there are more zeros than the model makes, and more than overdispersion would make",
            f"{observed:.1%} of the rows are zero; the model makes {replicated.mean():.1%}, "
            f"a negative binomial would make {explained:.1%}",
            {"family": target},
            "let zeros have a cause of their own",
        )


def check_dispersion(case: Case) -> Iterator[Step]:
    """Yield counts and proportions that vary more than their family allows."""
    target = {
        "poisson": "negbinomial",
        "binomial": "beta_binomial",
        "zero_inflated_poisson": "zero_inflated_negbinomial",
        "hurdle_poisson": "hurdle_negbinomial",
    }.get(case.family.name)
    if target is None or not case.is_usable:
        return
    sd = np.sqrt(np.maximum(case.variance, np.finfo(float).tiny))
    observed = float(np.square((case.y - case.mean) / sd).mean())
    replicated = np.square((case.replicates - case.mean) / sd).mean(axis=1)
    if predictive_p(np.array(observed), replicated) < _TAIL:
        yield Step(
            "overdispersion",
            f"outcomes vary more than a {case.family.name} allows: intervals are too narrow",
            f"squared Pearson residuals average {observed:.2f}; the model makes "
            f"{replicated.mean():.2f}",
            {"family": target},
            "use the family with a dispersion of its own",
        )


def check_skewness(case: Case) -> Iterator[Step]:
    """Yield positive outcomes whose residuals lean to the right."""
    if case.family.name != "gaussian" or not (case.y > 0).all() or not case.is_usable:
        return
    residuals = case.pearson
    skewness, logged = float(scipy.stats.skew(residuals)), float(scipy.stats.skew(np.log(case.y)))
    error = np.sqrt(6.0 / len(case.y))
    if skewness > max(5 * error, 0.8) and abs(logged) < skewness / 2:
        yield Step(
            "skewed positive outcome",
            "residuals lean to the right: the outcome is positive and multiplies rather than adds",
            f"skewness of the residuals {skewness:.2f}, of the log outcome {logged:.2f}",
            {"family": "lognormal"},
            "model it on the log scale",
        )


def check_tails(case: Case) -> Iterator[Step]:
    """Yield outcomes far beyond what the model makes."""
    if case.family.name != "gaussian" or not case.is_usable:
        return
    residuals = case.pearson
    spread = np.median(np.abs(residuals - np.median(residuals))) * 1.4826
    if spread <= 0:
        return
    scaled = np.abs(residuals) / spread
    if scaled.max() > _FAR:
        rows = np.argsort(-scaled)[:3]
        labels = ", ".join(str(case.posterior.table.rows[row]) for row in rows)
        yield Step(
            "heavy tails",
            "a few outcomes lie far beyond the rest and pull the estimates",
            f"{int((scaled > _FAR).sum())} of {len(scaled)} residuals beyond {_FAR:g} robust sds, "
            f"the largest {scaled.max():.1f} (rows {labels})",
            {"family": "student"},
            "look at these rows; a Student t gives them less weight",
        )


def check_curvature(case: Case) -> Iterator[Step]:
    """Yield predictors whose effect bends."""
    if not case.is_usable:
        return
    for name, column in _numeric(case):
        if len(np.unique(column)) < 4:
            continue
        centred = (column - column.mean()) / column.std()
        basis = np.column_stack([np.ones_like(centred), centred])
        bend = _leave_out(centred**2, basis)
        found, p = _correlation(bend, case.scores)
        if p < _CHANCE and f"I({name}^2)" not in case.design.main.coefs:
            yield Step(
                "curved effect",
                f"the effect of `{name}` bends: residuals follow its square",
                f"correlation of residuals with the square {found:.2f}",
                {"formula": with_term(case.formula, f"I({name}^2)")},
                "add a square, or a spline such as `ns(x, 3)`",
            )


def check_slopes_differ(case: Case) -> Iterator[Step]:
    """Yield population slopes that differ between groups."""
    if not case.is_usable:
        return
    for group in case.design.main.groups:
        if group.relation is not None or not 5 <= group.n_levels <= case.design.n_obs // 3:
            continue
        for name, column in _numeric(case):
            if name in group.effects:
                continue
            p = _slope_test(case.scores, column, group.codes, group.n_levels)
            if p < _CHANCE:
                yield Step(
                    "slopes differ between groups",
                    f"the effect of `{name}` differs between levels of `{group.name}`, and the "
                    "model has one for all: its interval is too narrow",
                    f"residual slopes by level: p = {p:.1g}",
                    {"formula": with_effect(case.formula, group.name, name)},
                    "give every level a slope of its own",
                )


def check_group_normality(case: Case) -> Iterator[Step]:
    """Yield group effects that are not normal: outlying levels, skewness, clusters."""
    if not case.is_usable:
        return
    for found in measure_normality(case.posterior):
        if found.p < _ODD_GROUPS:
            levels = ", ".join(found.outside[:3])
            yield Step(
                "group effects not normal",
                f"the effects `{found.effect}` of `{found.group}` are not spread as a normal "
                "distribution: shrinkage and predictions for new levels rest on it",
                f"normal effects are less straight with probability {found.p:.1g}"
                + (f"; beyond the envelope: {levels}" if levels else ""),
                {},
                f"look at these levels (`fit.group_normality()`); a predictor of `{found.group}` "
                "may tell them apart, or another scale of the outcome",
                "notable",
            )


def check_spread(case: Case) -> Iterator[Step]:
    """Yield a residual spread that depends on a predictor."""
    if case.family.name not in ("gaussian", "student") or not case.is_usable:
        return
    if "sigma" not in case.posterior.spec.auxiliary:
        return
    size = np.abs(case.scores)
    for name, column in _numeric(case):
        found, p = _correlation(column, size)
        if p < _CHANCE:
            yield Step(
                "unequal spread",
                f"residuals spread with `{name}`: one `sigma` for all rows is too simple",
                f"correlation of the size of residuals with `{name}` {found:.2f}",
                {"formula": with_formula_of(case.formula, "sigma", name)},
                "give `sigma` a formula",
            )


def _family(cause: str, target: str, evidence: str, case: Case) -> Step:
    return Step(
        cause,
        f"a {case.family.name} cannot make such outcomes",
        evidence,
        {"family": target},
        "use a family for outcomes of this kind",
    )


def _zeros_of_overdispersed(case: Case) -> float:
    """Return the share of zeros of negative binomials of the fitted means and found dispersion.

    The shape is that of moments: E[(y - mu)^2] = mu + mu^2 / shape. Zeros that have a cause of
    their own widen the spread too, so this share is, if anything, too large.
    """
    mean = np.maximum(case.mean, np.finfo(float).tiny)
    excess = float((np.square(case.y - mean) - mean).sum() / np.square(mean).sum())
    if excess <= 0:
        return float(np.exp(-mean).mean())
    return float(((1 + excess * mean) ** (-1 / excess)).mean())


def _numeric(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the numeric columns that are population effects by themselves, with some spread."""
    main, columns = case.design.main, case.posterior.table.columns
    for name, column in zip(main.coefs, main.X.T, strict=True):
        if isinstance(columns.get(name), NumericColumn) and column.std() > 0:
            yield name, column


def _leave_out(column: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return np.asarray(column - basis @ np.linalg.lstsq(basis, column, rcond=None)[0])


def _correlation(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    if len(first) < 10 or np.ptp(first) < 1e-9 or np.ptp(second) == 0:
        return 0.0, 1.0
    found = scipy.stats.pearsonr(first, second)
    return float(found.statistic), float(found.pvalue)


def _slope_test(scores: np.ndarray, column: np.ndarray, codes: np.ndarray, n_levels: int) -> float:
    """Return the p-value of an F test for slopes that differ between levels, given their means."""
    counts = np.maximum(np.bincount(codes, minlength=n_levels), 1)

    def within(values: np.ndarray) -> np.ndarray:
        means = np.bincount(codes, weights=values, minlength=n_levels) / counts
        return np.asarray(values - means[codes])

    x, y = within(column), within(scores)
    xx, xy = np.bincount(codes, x * x, n_levels), np.bincount(codes, x * y, n_levels)
    has_slope = xx > 1e-12 * max(float(xx.max()), 1e-300)
    own = float((xy[has_slope] ** 2 / xx[has_slope]).sum())
    common = float(xy.sum() ** 2 / xx.sum()) if xx.sum() > 0 else 0.0
    n_own, n_left = int(has_slope.sum()) - 1, len(y) - n_levels - int(has_slope.sum())
    if n_own < 1 or n_left < 1:
        return 1.0
    left = max(float((y**2).sum()) - own, 1e-300)
    return float(scipy.stats.f.sf(max(own - common, 0.0) / n_own / (left / n_left), n_own, n_left))
