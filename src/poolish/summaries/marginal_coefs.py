"""Coefficients of a typical group, of the population average, and by estimating equations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.marginal import marginal_parameter
from poolish.predict.policies import parse_policies
from poolish.predict.rows import collect_rows
from poolish.summaries.gee import fit_gee
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format, format_number
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")


def tabulate_marginal_coefs(
    posterior: Posterior, *, correlation: str | None = "exchangeable", ci_prob: float = CI_PROB
) -> TableResult:
    """Return each coefficient for a typical group, averaged over the population, and by GEE.

    Parameters
    ----------
    posterior : Posterior
    correlation : "exchangeable", "independence" or None
        Of the estimating equations; None leaves them out.
    ci_prob : float
        Of the intervals of the first two; those of GEE are 95 % Wald intervals.

    Returns
    -------
    TableResult
        One row a coefficient and `meaning`: `conditional`, `marginal`, `GEE`; `estimate`, `sd`
        (robust standard error of GEE), `lower`, `upper`.

    Raises
    ------
    UnsupportedError
        If the family's main parameter has no single linear predictor with these coefficients.

    Notes
    -----
    Marginal: for each draw, the coefficients that best give g(E[mu | x]) in the fitted rows, the
    mean being over the population of groups, by quadrature: (X'X)^-1 X' (g(E[mu | x]) - offset).
    For a probit link with one sd it is beta / sqrt(1 + sd^2), exactly.

    References
    ----------
    Hedeker, du Toit, Demirtas & Gibbons (2018), A note on marginalization of regression parameters
    from mixed models of binary outcomes, Biometrics 74, 354-361, equation 6. doi:10.1111/biom.12707
    """
    _check(posterior)
    coefs = posterior.spec.main.coefs
    conditional, marginal = _conditional(posterior), _marginal(posterior)
    frames = [
        _frame(coefs, "conditional", conditional, ci_prob),
        _frame(coefs, "marginal", marginal, ci_prob),
    ]
    gee, note = _gee(posterior, correlation)
    joined = pd.concat([*frames, *gee], ignore_index=True)
    order = joined["coef"].map({name: place for place, name in enumerate(coefs)})
    table = joined.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)
    sentence = _say(posterior, conditional.mean(axis=(0, 1)), marginal.mean(axis=(0, 1)))
    return TableResult(
        table,
        "Coefficients of a typical group and of the population average",
        f"{sentence} {ci_prob:.0%} equal-tailed intervals of the posterior{note}",
        _FORMATS,
    )


def _conditional(posterior: Posterior) -> np.ndarray:
    return np.asarray(posterior.draws[posterior.spec.main.variable("b")].values)


def _marginal(posterior: Posterior) -> np.ndarray:
    """Return draws of the population-averaged coefficients, shape (chain, draw, coef)."""
    main, design = posterior.spec.main, posterior.design.main
    rows = collect_rows(posterior, None, parse_policies(posterior.spec, "integrate"))
    project = np.linalg.pinv(design.X).T
    values = np.empty((rows.n_samples, len(main.coefs)))

    def project_block(block: Block) -> np.ndarray:
        return (main.link.link(marginal_parameter(block)) - design.offset) @ project

    for block in iterate_blocks(posterior.spec, rows, np.random.default_rng(0)):
        values[block.draws] = project_block(block)
    return values.reshape(*rows.shape[:2], -1)


def _frame(coefs: tuple[str, ...], meaning: str, draws: np.ndarray, ci_prob: float) -> pd.DataFrame:
    described = describe_draws(draws, ci_prob=ci_prob)
    labels = pd.DataFrame({"coef": list(coefs), "meaning": meaning})
    return labels.assign(estimate=described.pop("mean"), **described)


def _gee(posterior: Posterior, correlation: str | None) -> tuple[list[pd.DataFrame], str]:
    """Return the rows of the estimating equations, or why there are none."""
    if correlation is None:
        return [], ""
    try:
        found = fit_gee(posterior.spec, posterior.design, correlation=correlation).to_df()
    except UnsupportedError as error:
        return [], f"; no GEE: {str(error).splitlines()[0]}"
    frame = found.rename(columns={"se": "sd"})
    frame.insert(1, "meaning", "GEE")
    return [frame], f"; GEE: {correlation} correlation, robust standard error, 95% Wald interval"


def _say(posterior: Posterior, conditional: np.ndarray, marginal: np.ndarray) -> str:
    """Return what the difference means, with the numbers of the largest slope."""
    link, groups = posterior.spec.main.link.name, posterior.spec.main.groups
    if link == "identity":
        return (
            "On the identity link a typical group and the average over groups have the same "
            "coefficients, and GEE estimates them too."
        )
    if not groups:
        return "Without groups the typical group is the average one."
    which = " and ".join(group.name for group in groups)
    start = (
        f"conditional: how the outcome changes within a typical {which}; marginal, which GEE "
        "estimates too: how the average over the population changes."
    )
    slopes = [k for k, name in enumerate(posterior.spec.main.coefs) if name != "Intercept"]
    if not slopes:
        return start
    k = max(slopes, key=lambda place: abs(conditional[place]))
    ratio = format_number(marginal[k] / conditional[k], 2)
    return (
        f"{start} Through the {link} link the marginal coefficient of "
        f"`{posterior.spec.main.coefs[k]}` is {ratio} times the conditional one, because groups "
        "differ: neither is wrong."
    )


def _check(posterior: Posterior) -> None:
    family, predictors = posterior.spec.family, posterior.spec.predictors.values()
    is_split = len({p.formula_of for p in predictors}) < len(predictors)
    if family.replaces_intercept or is_split:
        raise UnsupportedError(
            f"a {family.name} has no single set of population-averaged coefficients",
            given=f"family {family.name}",
            expected="a family whose mean has one linear predictor",
            fix='compare predictions: `fit.predictions(meaning="marginal")`',
        )
