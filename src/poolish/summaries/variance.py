"""Where the variance lies: between groups, along slopes, and within."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict import linear_predictors
from poolish.spec.model import ModelSpec
from poolish.summaries.explained import (
    bayesian_r2,
    link_variances,
    nakagawa_r2,
    repeatabilities,
)
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.places import (
    At,
    PlaceDraws,
    describe_point,
    list_places,
    place_draws,
    slopes,
)
from poolish.summaries.scalars import collect_scalars
from poolish.summaries.shares import (
    RESIDUAL,
    has_response_shares,
    is_gaussian,
    latent_variance,
    link_shares,
    median_odds_ratio,
    response_shares,
)
from poolish.summaries.shares import (
    has_shares as has_shares,
)
from poolish.summaries.shares import (
    share_draws as share_draws,
)
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")
_ODDS = ("binary", "binomial")

# Group, quantity, scale, what of, draws of shape (chain, draw).
type _Quantity = tuple[str, str, str, str, np.ndarray]


def summarise_variance(
    posterior: Posterior,
    *,
    at: At | None = None,
    by: str | None = None,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return every variance component, the shares of the variance, and R2.

    Parameters
    ----------
    posterior : Posterior
    at : Mapping of str to float or sequence of float, optional
        Values of the effects that the groups differ in, `{"Days": [0, 5, 9]}`, at which shares are
        stated; zero for those left out. The other predictors are at their average.
    by : str, optional
        A column whose values part the rows: with a formula of `sigma`, each part has its own
        residual variance and shares.
    ci_prob : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    TableResult
        One row a quantity, with posterior mean, sd and interval. `scale` is that of the `link` or
        of the `response` (one trial, one unit). `quantity`:

        - `sd`, `variance`, `cor`: the components; the residual variance of the link scale is the
          distribution-specific one.
        - `share`: of a group, the intraclass correlation (ICC, VPC, adjusted repeatability).
        - `repeatability`: of a group, with the variance that the population effects explain in
          the denominator, averaged over rows.
        - `R2 marginal`, `R2 conditional` (Nakagawa), `R2 Bayes` (Gelman et al.).
        - `median odds ratio`: for a logistic model.

    Raises
    ------
    UnknownNameError
        If `at` names an effect that no group has, or `by` a column that the model does not use.
    UnsupportedError
        If there are no groups, and the outcome has no variance.

    Notes
    -----
    A group with a known covariance counts with its `sd` squared, the variance of a level whose
    diagonal element is 1. Means over more than 1,000 rows take 1,000 of them, evenly spaced.

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit = poolish.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False)
    >>> table = fit.variance().to_df()
    >>> table.loc[table["quantity"] == "share", "estimate"].sum().round(9)
    np.float64(1.0)
    """
    spec = posterior.spec
    rows = [*_components(posterior), *_shares(posterior, at or {}, by), *_explained(posterior)]
    _check_any(spec, rows)
    values = np.stack([draws for *_, draws in rows], axis=2)
    names = ["group", "quantity", "scale", "effect"]
    frame = pd.DataFrame([row[:4] for row in rows], columns=names)
    described = describe_draws(values, ci_prob=ci_prob)
    # The sd of equal numbers is rounding error, which the digits shown would follow.
    is_moving = values.max(axis=(0, 1)) > values.min(axis=(0, 1))
    described["sd"] = np.where(is_moving, described["sd"], 0.0)
    frame = frame.assign(estimate=described.pop("mean"), **described)
    return TableResult(frame, "Variance components", _caption(spec, ci_prob), _FORMATS)


def residual_variance(posterior: Posterior) -> np.ndarray:
    """Return draws of the residual variance of a Gaussian response, shape (chain, draw).

    The square of `sigma` (for weight 1); its mean over the fitted rows where `sigma` has a
    formula; the mean of the known variances with `se()`.
    """
    draws = posterior.draws
    if "sigma" in draws:
        return np.asarray(np.square(draws["sigma"].values))
    if "sigma" in posterior.spec.predictors:
        link = posterior.spec.predictors["sigma"].link
        sigma = link.inverse(linear_predictors(posterior)["sigma"])
        return np.asarray(np.square(sigma).mean(axis=2))
    known = posterior.design.response.se
    assert known is not None
    return np.full((draws.sizes["chain"], draws.sizes["draw"]), np.square(known).mean())


def describe_at(spec: ModelSpec, at: Mapping[str, float]) -> str:
    """Return the values at which shares are stated, `at Days = 0`; empty without slopes."""
    return describe_point({name: at.get(name, 0.0) for name in slopes(spec)})


def _components(posterior: Posterior) -> Iterator[_Quantity]:
    """Yield every sd, variance and correlation of the groups."""
    scalars = collect_scalars(posterior, ("sd", "cor"))
    for k, (label, variable) in enumerate(zip(scalars.labels, scalars.variables, strict=True)):
        assert variable.group is not None
        group = _with_parameter(variable.group.name, variable.parameter, posterior.spec)
        effect = label.split("[", 1)[1].removesuffix("]")
        values = scalars.values[:, :, k]
        yield group, variable.kind, "link", effect, values
        if variable.kind == "sd":
            yield group, "variance", "link", effect, np.square(values)


def _shares(posterior: Posterior, at: At, by: str | None) -> Iterator[_Quantity]:
    """Yield the residual variance, the shares and odds ratios of every place."""
    spec = posterior.spec
    places = list_places(posterior, at, by)
    draws = place_draws(posterior, places, with_eta=not is_gaussian(spec))
    if spec.family.latent_variance is not None:
        yield from _residuals(posterior, [place.label for place in places], draws)
    for place, values in zip(places, draws, strict=True):
        for quantity, scale, parts in _place_shares(spec, values):
            for name, share in parts.items():
                yield name, quantity, scale, place.label, _by_chain(posterior, share)


def _residuals(
    posterior: Posterior, labels: list[str], draws: list[PlaceDraws]
) -> Iterator[_Quantity]:
    """Yield the residual sd and variance of every place; once where they are all the same."""
    variances = [latent_variance(posterior.spec, values) for values in draws]
    is_one = all(np.allclose(v, variances[0], rtol=1e-12) for v in variances)
    for label, variance in zip(labels, variances, strict=True):
        values = _by_chain(posterior, variance)
        yield RESIDUAL, "sd", "link", "" if is_one else label, np.sqrt(values)
        yield RESIDUAL, "variance", "link", "" if is_one else label, values
        if is_one:
            return


def _place_shares(
    spec: ModelSpec, values: PlaceDraws
) -> Iterator[tuple[str, str, Mapping[str, np.ndarray]]]:
    if has_shares(spec):
        yield "share", "link", link_shares(spec, values)
    if has_response_shares(spec) and not is_gaussian(spec):
        yield "share", "response", response_shares(spec, values)
    if spec.main.link.name == "logit" and spec.family.response_kind in _ODDS:
        ratios = {name: median_odds_ratio(v) for name, v in values.between.items()}
        yield "median odds ratio", "response", ratios


def _explained(posterior: Posterior) -> Iterator[_Quantity]:
    """Yield repeatabilities and R2, where the family has the variances they need."""
    spec = posterior.spec
    if spec.family.latent_variance is not None:
        parts = link_variances(posterior)
        for name, ratio in repeatabilities(parts).items():
            yield name, "repeatability", "link", "", _by_chain(posterior, ratio)
        for name, r2 in nakagawa_r2(parts).items():
            yield "Model", name, "link", "", _by_chain(posterior, r2)
    if spec.family.response_kind not in ("category", "angle"):
        yield "Model", "R2 Bayes", "response", "", _by_chain(posterior, bayesian_r2(posterior))


def _by_chain(posterior: Posterior, values: np.ndarray) -> np.ndarray:
    sizes = posterior.draws.sizes
    return values.reshape(sizes["chain"], sizes["draw"])


def _with_parameter(group: str, parameter: str, spec: ModelSpec) -> str:
    return group if parameter == spec.main.parameter else f"{group} ({parameter})"


def _caption(spec: ModelSpec, ci_prob: float) -> str:
    scales = "" if is_gaussian(spec) else "; response: of one outcome, groups integrated out"
    return f"{ci_prob:.0%} equal-tailed intervals; share of group = ICC{scales}"


def _check_any(spec: ModelSpec, rows: list[_Quantity]) -> None:
    if not rows:
        raise UnsupportedError(
            "this model has no variance to part",
            given=f"family {spec.family.name} without groups",
            expected="a group term, or an outcome that has a variance",
            fix="add a group term, `(1 | group)`",
        )
