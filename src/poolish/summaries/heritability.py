"""Heritability and breeding values: what a known covariance says of its units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.groups import fitted_group, group_draws, is_stored
from poolish.predict.marginal import normal_rule
from poolish.relations import Relation, dense_covariance, mean_variance
from poolish.spec.model import GroupSpec, ModelSpec
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.places import At, PlaceDraws, list_places, place_draws
from poolish.summaries.shares import is_gaussian, latent_variance, response_shares
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")
_VALUE_FORMATS: dict[str, Format] = {
    "n": "count",
    "mean": "estimate",
    "sd": "estimate",
    "reliability": "share",
}
# Links that are the distribution function of a latent liability, and outcomes that have one.
_LIABILITY_LINKS, _LIABILITY_KINDS = ("logit", "probit", "cloglog"), ("binary", "binomial")
_UNORDERED = ("category", "angle", "ordinal")
# Draws at a time, and draws used of effects that must be drawn again.
_DRAWS_AT_ONCE, _MOST_DRAWN_AGAIN = 32, 100

type _Scale = Callable[[ModelSpec, PlaceDraws, str], np.ndarray]


def summarise_heritability(
    posterior: Posterior, group: str, *, at: At | None = None, ci_prob: float = CI_PROB
) -> TableResult:
    """Return the heritability and the repeatability of a group with a known covariance.

    Parameters
    ----------
    posterior : Posterior
    group : str
        The factor, `id`, or the name of the group, `id.K`.
    at : Mapping of str to float, optional
        Values of the effects that the groups differ in, `{"age": 5}`; zero for those left out.
    ci_prob : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    TableResult
        One row a quantity (`h2`, and `repeatability` where the factor has independent effects
        beside), scale and unit of K: its mean diagonal, or 1 (K as given).

    Raises
    ------
    UnknownNameError
        If no group of that name has a known covariance.
    UnsupportedError
        If the outcome has no variance to share.

    Notes
    -----
    Scales: `response` for a Gaussian outcome. Otherwise `latent`, the linear predictor's, whose
    variance is that of the group effects alone; `liability`, which adds that of the link (1 for
    probit, pi^2/3 for logit); and `observed`, Psi^2 V_A / Var(y) with Psi the mean slope of
    E(y | eta) by eta, by quadrature over the effects (equations 7, 13 and 20 of the reference).

    References
    ----------
    de Villemereuil, Schielzeth, Nakagawa & Morrissey (2016), Genetics 204(3), 1281-1294.
    doi:10.1534/genetics.115.186536
    """
    target = related_group(posterior.spec, group)
    found = heritability_draws(posterior, group, at=at)
    values = np.stack(list(found.values()), axis=2)
    described = describe_draws(values, ci_prob=ci_prob)
    frame = pd.DataFrame(list(found), columns=["quantity", "scale", "unit of K"])
    frame = frame.assign(estimate=described.pop("mean"), **described)
    unit = mean_variance(_relation(posterior, target))
    return TableResult(
        frame,
        title=f"Heritability: {target.name}",
        caption=f"{ci_prob:.0%} equal-tailed intervals; the mean diagonal of `{target.relation}` "
        f"is {unit:.4g}",
        formats=_FORMATS,
    )


def heritability_draws(
    posterior: Posterior, group: str, *, at: At | None = None
) -> dict[tuple[str, str, str], np.ndarray]:
    """Return draws of the heritability by quantity, scale and unit of K.

    Parameters
    ----------
    posterior, group, at
        As for `summarise_heritability`.

    Returns
    -------
    dict of (str, str, str) to ndarray, shape (chain, draw)
        `("h2", "response", "mean diagonal")` first.
    """
    spec = posterior.spec
    target = related_group(spec, group)
    _check_variance(spec)
    (raw,) = place_draws(posterior, [list_places(posterior, at or {}, None)[0]])
    units = {g.name: _unit(posterior, g) for g in spec.main.groups}
    scaled = replace(raw, between={name: v * units[name] for name, v in raw.between.items()})
    shape = (posterior.draws.sizes["chain"], posterior.draws.sizes["draw"])
    return {key: values.reshape(shape) for key, values in _quantities(spec, target, raw, scaled)}


def summarise_breeding_values(posterior: Posterior, group: str) -> TableResult:
    """Return mean, sd and reliability of the effects of every unit, with or without records.

    Parameters
    ----------
    posterior : Posterior
    group : str
        The factor, `id`, or the name of the group, `id.K`.

    Returns
    -------
    TableResult
        One row a unit and effect: `level`, `effect`, `n` records, `mean`, `sd`, `reliability`.

    Raises
    ------
    UnknownNameError
        If no group of that name has a known covariance.

    Notes
    -----
    Reliability = 1 - PEV / (sd^2 K_ii), PEV the posterior variance of the effect and sd^2 at its
    posterior mean; at least 0 (Mrode 2014, Linear Models for the Prediction of Animal Breeding
    Values, 3rd edition, section 3.4).
    """
    target = related_group(posterior.spec, group)
    mean, variance, n_draws = _moments(posterior, target)
    design = fitted_group(posterior, posterior.spec.main, target)
    n = np.bincount(design.codes, minlength=design.n_levels)
    sd = posterior.draws[posterior.spec.main.variable("sd", target)].values
    prior = np.square(sd).mean(axis=(0, 1)) * _variances(_relation(posterior, target))[:, None]
    reliability = np.maximum(1.0 - variance / prior, 0.0)
    parts = [
        pd.DataFrame(
            {
                "level": target.levels,
                "effect": effect,
                "n": n,
                "mean": mean[:, k],
                "sd": np.sqrt(variance[:, k]),
                "reliability": reliability[:, k],
            }
        )
        for k, effect in enumerate(target.effects)
    ]
    return TableResult(
        pd.concat(parts, ignore_index=True),
        title=f"Breeding values: {target.name}",
        caption=f"from {n_draws:,} draws; reliability = 1 - PEV / (sd^2 K_ii)",
        formats=_VALUE_FORMATS,
    )


def related_group(spec: ModelSpec, name: str) -> GroupSpec:
    """Return the group with a known covariance of that factor or name.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    related = [group for group in spec.main.groups if group.relation is not None]
    for group in related:
        if name in (group.name, _factor(group)):
            return group
    names = ", ".join(group.name for group in related)
    raise UnknownNameError(
        f"`{name}` is not a group with a known covariance",
        given=f"group `{name}`",
        expected=f"one of {names}" if names else "a model with `kin(id, K)`; this has none",
        fix=f'write "{related[0].name}"' if names else "add a group term, `(1 | kin(id, K))`",
    )


# --- Shares ---


def _quantities(
    spec: ModelSpec, target: GroupSpec, raw: PlaceDraws, scaled: PlaceDraws
) -> Iterator[tuple[tuple[str, str, str], np.ndarray]]:
    own = [g.name for g in spec.main.groups if g.relation is None and g.name == _factor(target)]
    for scale, share in _scales(spec).items():
        yield ("h2", scale, "mean diagonal"), share(spec, scaled, target.name)
        yield ("h2", scale, "1"), share(spec, raw, target.name)
        if own:
            both = _merged(scaled, target.name, own[0])
            share_of_both = _correlation if scale == "observed" else share
            yield ("repeatability", scale, "mean diagonal"), share_of_both(spec, both, target.name)


def _scales(spec: ModelSpec) -> dict[str, _Scale]:
    """Return the scales that a model's heritability has."""
    if is_gaussian(spec):
        return {"response": _with_residual}
    scales: dict[str, _Scale] = {"latent": _latent}
    has_liability = spec.family.response_kind in _LIABILITY_KINDS
    if has_liability and spec.main.link.name in _LIABILITY_LINKS:
        scales["liability"] = _with_residual
    return {**scales, "observed": _observed}


def _latent(spec: ModelSpec, values: PlaceDraws, name: str) -> np.ndarray:
    return _ratio(values.between[name], _between(values))


def _with_residual(spec: ModelSpec, values: PlaceDraws, name: str) -> np.ndarray:
    return _ratio(values.between[name], _between(values) + latent_variance(spec, values))


def _observed(spec: ModelSpec, values: PlaceDraws, name: str) -> np.ndarray:
    """Return Psi^2 V / Var(y), Psi = E(z E(y | eta)) / sd of eta by Stein's lemma."""
    sd = np.maximum(np.sqrt(_between(values)), 1e-6)
    mean, square, slope, within = (np.zeros_like(sd) for _ in range(4))
    for weight, z in normal_rule(2.0 * float(sd.max())):
        eta = values.eta + sd * z
        mu = spec.main.link.inverse(eta)[:, None]
        parameters = {**values.others, spec.main.parameter: mu}
        expected = spec.family.mean(parameters, values.response)[:, 0]
        mean += weight * expected
        square += weight * expected**2
        slope += weight * z * expected / sd
        within += weight * spec.family.variance(parameters, values.response)[:, 0]
    return _ratio(slope**2 * values.between[name], square - mean**2 + within)


def _correlation(spec: ModelSpec, values: PlaceDraws, name: str) -> np.ndarray:
    """Return the correlation of two records of a unit on the scale of the response."""
    return response_shares(spec, values)[name]


def _merged(values: PlaceDraws, first: str, second: str) -> PlaceDraws:
    """Return the place with two groups taken as one."""
    between = {**values.between, first: values.between[first] + values.between[second]}
    return replace(values, between={k: v for k, v in between.items() if k != second})


def _between(values: PlaceDraws) -> np.ndarray:
    return np.asarray(np.sum(list(values.between.values()), axis=0))


def _ratio(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, total, out=np.zeros_like(part), where=total > 0))


def _check_variance(spec: ModelSpec) -> None:
    if spec.family.response_kind in _UNORDERED:
        raise UnsupportedError(
            f"heritability of family {spec.family.name} is not computed",
            given=f"family {spec.family.name}, an outcome of kind `{spec.family.response_kind}`",
            expected="an outcome with a mean and a variance",
            fix="read `fit.variance()`: it states the variances on the scale of the link",
        )


# --- Units ---


def _factor(group: GroupSpec) -> str:
    """Return the factor of a group: `id` for `id.K`."""
    return group.name.removesuffix(f".{group.relation}")


def _relation(posterior: Posterior, group: GroupSpec) -> Relation:
    relation = fitted_group(posterior, posterior.spec.main, group).relation
    assert relation is not None
    return relation


def _unit(posterior: Posterior, group: GroupSpec) -> float:
    return 1.0 if group.relation is None else mean_variance(_relation(posterior, group))


def _variances(relation: Relation) -> np.ndarray:
    if relation.variances is not None:
        return relation.variances
    return np.diagonal(dense_covariance(relation))


def _moments(posterior: Posterior, group: GroupSpec) -> tuple[np.ndarray, np.ndarray, int]:
    """Return means and variances of the effects, shape (level, effect), and the draws used.

    Effects that were not stored cost a sparse factor a draw, so some draws, evenly spaced, serve.
    """
    spec = posterior.spec.main
    draw = group_draws(posterior, spec, group)
    levels = np.arange(len(group.levels))
    n_draws = posterior.draws.sizes["draw"]
    step = 1 if is_stored(posterior, spec, group) else max(1, n_draws // _MOST_DRAWN_AGAIN)
    span = _DRAWS_AT_ONCE * step
    total = np.zeros((len(levels), len(group.effects)))
    squares, n = np.zeros_like(total), 0
    for start in range(0, n_draws, span):
        r = draw(slice(start, min(start + span, n_draws), step), levels)
        total += r.sum(axis=(0, 1))
        squares += np.square(r).sum(axis=(0, 1))
        n += r.shape[0] * r.shape[1]
    mean = total / n
    return mean, np.maximum(squares - n * mean**2, 0.0) / max(n - 1, 1), n
