"""Generalised estimating equations: population-averaged coefficients with robust errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from poolish.design.arrays import Design
from poolish.errors import UnknownNameError, UnsupportedError, load_extra
from poolish.spec.model import ModelSpec
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FAMILIES = {
    "gaussian": "Gaussian",
    "bernoulli": "Binomial",
    "poisson": "Poisson",
    "gamma": "Gamma",
}
_STRUCTURES = {"exchangeable": "Exchangeable", "independence": "Independence"}
_LINKS = {"identity": "Identity", "logit": "Logit", "probit": "Probit", "log": "Log"}
_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "se", "lower", "upper"), "estimate")


def fit_gee(spec: ModelSpec, design: Design, *, correlation: str = "exchangeable") -> TableResult:
    """Return population-averaged coefficients with robust standard errors, by statsmodels.

    Parameters
    ----------
    spec : ModelSpec
        With one group term, whose levels are the clusters.
    design : Design
    correlation : "exchangeable" or "independence"
        Of rows of the same cluster.

    Raises
    ------
    UnsupportedError
        If statsmodels is not installed or has no such family, or there is not exactly one group.
    UnknownNameError
        If there is no such correlation.

    References
    ----------
    Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika
    73(1), 13-22, equations 6 and 7. doi:10.1093/biomet/73.1.13
    """
    _check(spec, design, correlation)
    sm = load_extra(
        "statsmodels.api",
        "gee",
        need="estimating equations need",
        instead="read the marginal rows of `fit.marginal_coefs()`, which answer the same question",
    )
    link = getattr(sm.families.links, _LINKS[spec.main.link.name])()
    family = getattr(sm.families, _FAMILIES[spec.family.name])(link=link)
    main = design.main
    model = sm.GEE(
        design.response.y,
        main.X,
        groups=main.groups[0].codes,
        family=family,
        cov_struct=getattr(sm.cov_struct, _STRUCTURES[correlation])(),
        offset=main.offset,
    )
    found = model.fit()
    interval = np.asarray(found.conf_int())
    frame = pd.DataFrame(
        {
            "coef": list(main.coefs),
            "estimate": np.asarray(found.params),
            "se": np.asarray(found.bse),
            "lower": interval[:, 0],
            "upper": interval[:, 1],
        }
    )
    return TableResult(
        frame,
        f"Estimating equations by {main.groups[0].name}, {correlation} correlation",
        "population-averaged coefficients; robust standard errors, 95% Wald intervals. "
        "With another link than the identity they are smaller than those of a typical group, "
        "which a mixed model estimates: neither is wrong, they answer different questions.",
        _FORMATS,
        spread="se",
    )


def _check(spec: ModelSpec, design: Design, correlation: str) -> None:
    if correlation not in _STRUCTURES:
        raise UnknownNameError(
            f"there is no correlation `{correlation}` of rows of a cluster",
            given=f'correlation="{correlation}"',
            expected=f"one of {', '.join(_STRUCTURES)}",
            fix='leave it out for "exchangeable"',
        )
    is_known = spec.family.name in _FAMILIES and spec.main.link.name in _LINKS
    response = design.response
    is_plain = all(
        part is None
        for part in (response.trials, response.weights, response.se, response.censoring)
    )
    has_one_group = len(design.main.groups) == 1 and len(spec.predictors) == 1
    if not (is_known and is_plain and has_one_group and design.main.coefs):
        raise UnsupportedError(
            "estimating equations need one family of statsmodels and one group, and coefficients",
            given=f"{spec.family.name} with {spec.main.link.name} link, "
            f"{len(design.main.groups)} group(s), {len(design.main.coefs)} coefficient(s)",
            expected=f"one of {', '.join(_FAMILIES)}, and one term `(1 | g)` that names the "
            "clusters",
            fix="simplify the formula: `y ~ x + (1 | g)`",
        )
