"""The explorer of a fit: its own draws, and the closed form around them."""

from __future__ import annotations

import numpy as np

from poolish.errors import UnsupportedError
from poolish.explore.page import Explorer
from poolish.explore.payload import EffectDraws, Exploration
from poolish.explore.rows import MOST_GROUPS, Rows, build_effect, build_plane, estimate_groups
from poolish.explore.words import name_effects, name_group
from poolish.plots.words import Labels, name_column
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.spec.model import GroupSpec, ModelSpec
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.moments import describe_draws
from poolish.summaries.own_estimates import own_response
from poolish.summaries.variance import residual_variance

_N_BINS = 60


def explore_fit(
    posterior: Posterior,
    group: str | None = None,
    *,
    labels: Labels | None = None,
    title: str | None = None,
) -> Explorer:
    """Return the explorer of one group of a fitted Gaussian model.

    Parameters
    ----------
    posterior : Posterior
    group : str, optional
        The first group that can be explored when left out.
    labels : Mapping, optional
        By column `label` and `unit`: `{"Days": {"label": "Sleep restriction", "unit": "days"}}`.
    title : str, optional

    Raises
    ------
    UnknownNameError
        If there is no such group.
    UnsupportedError
        If the closed form of the what-if does not hold: another family or link, a formula for
        `sigma`, a known covariance, more than two effects.
    DataError
        If there are fewer than two groups with estimates of their own, or too many to show.

    Notes
    -----
    "What if" holds the rest of the model at its posterior means, as `fit.pooling` does for the
    estimates without pooling.
    """
    found = select_group(posterior, group or _first_group(posterior.spec))
    _check_supported(posterior.spec, found)
    rows, present = _build_rows(posterior, found)
    own, info = estimate_groups(rows)
    sigma = _sigma(posterior)
    draws = _describe(found, present)
    names = found.group.effects
    words = name_effects(
        posterior.design.response.name,
        names,
        is_mean=posterior.spec.main.coefs == ("Intercept",),
        labels=labels,
    )
    effects = tuple(
        build_effect(name, own[:, k], info[:, k], sigma=sigma, words=words[k], draws=draws[k])
        for k, name in enumerate(names)
    )
    plane = None
    if len(names) == 2 and names[0] == "Intercept":
        plane = build_plane(rows, **_axes(posterior, found, labels))
    unit, record = name_group(labels, found.group.name), posterior.record
    n_draws = found.sd.shape[0] * found.sd.shape[1]
    return Explorer(
        Exploration(
            title=title or f"How much should each {unit} borrow from the others?",
            note=f"{record.formula} · {n_draws:,} draws, {record.engine} engine",
            group=unit,
            groups=rows.levels,
            n=rows.n,
            sigma=sigma,
            is_known_error=posterior.design.response.se is not None,
            effects=effects,
            plane=plane,
            rho=_mean_correlation(posterior, found),
            n_draws=n_draws,
        )
    )


def _first_group(spec: ModelSpec) -> str:
    names = [g.name for g in spec.main.groups if _obstacle(spec, g) is None]
    groups = [g.name for predictor in spec.predictors.values() for g in predictor.groups]
    return next(iter(names or groups), "")


def _obstacle(spec: ModelSpec, group: GroupSpec) -> str | None:
    """Return why the closed form does not hold for a group, or None."""
    reasons = {
        f"the family is {spec.family.name} with link {spec.main.link.name}": (
            spec.family.name != "gaussian" or spec.main.link.name != "identity"
        ),
        "`sigma` has a formula of its own": "sigma" in spec.predictors,
        f"`{group.name}` is no group of the mean": group not in spec.main.groups,
        f"`{group.name}` has a known covariance": group.relation is not None,
        f"`{group.name}` has {len(group.effects)} effects": len(group.effects) > 2,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _check_supported(spec: ModelSpec, found: GroupEffects) -> None:
    obstacle = _obstacle(spec, found.group)
    if obstacle is not None:
        raise UnsupportedError(
            f"this fit has no closed form to explore: {obstacle}",
            given=f"group `{found.group.name}` of {spec.formula}",
            expected="a Gaussian model with identity link, one `sigma`, and a group with an "
            "intercept, a slope, or both",
            fix=f'read `fit.pooling("{found.group.name}")`, which works for every model, or '
            'explore the raw table with `po.explore(data, "response", "group")`',
        )


def _build_rows(posterior: Posterior, found: GroupEffects) -> tuple[Rows, np.ndarray]:
    """Return the rows by group, and which of the fitted levels have any."""
    present, codes = np.unique(found.design.codes, return_inverse=True)
    response = posterior.design.response
    weights = np.ones(posterior.design.n_obs) if response.weights is None else response.weights
    if response.se is not None:
        weights = weights / np.square(response.se)
    # Too many groups are refused before anything is computed for them.
    few = len(present) <= MOST_GROUPS
    y = own_response(posterior, found) if few else response.y
    levels = tuple(found.group.levels[level] for level in present)
    return Rows(y, found.design.Z, weights, codes, levels), present


def _sigma(posterior: Posterior) -> float:
    """Return the residual sd that `fit.pooling` uses; 1 where standard errors are known."""
    if posterior.design.response.se is not None:
        return 1.0
    return float(np.sqrt(residual_variance(posterior).mean()))


def _describe(found: GroupEffects, present: np.ndarray) -> list[EffectDraws]:
    r = found.read(present)
    z = np.random.default_rng(0).standard_normal(found.sd.shape[:2])
    return [_describe_effect(found, r[..., k], z, k) for k in range(len(found.group.effects))]


def _describe_effect(found: GroupEffects, r: np.ndarray, z: np.ndarray, k: int) -> EffectDraws:
    tau, mu = found.sd[..., k], found.population[..., k]
    counts, edges = np.histogram(tau, bins=_N_BINS, range=(0.0, float(np.quantile(tau, 0.999))))
    fresh = describe_draws(mu + tau * z)
    return EffectDraws(
        tau=float(tau.mean()),
        mu=float(mu.mean()),
        partial=_interval(describe_draws(r + mu[..., None])),
        # The mean of a new group is that of the population: no Monte Carlo error of `z` in it.
        fresh=np.array([mu.mean(), fresh["lower"], fresh["upper"]]),
        bins=(edges[1:] + edges[:-1]) / 2,
        shares=counts / tau.size,
    )


def _interval(described: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([described[name] for name in ("mean", "lower", "upper")], axis=-1)


def _mean_correlation(posterior: Posterior, found: GroupEffects) -> float:
    name = tree_name(found.predictor.variable("cor", found.group))
    if len(found.group.effects) < 2 or name not in posterior.draws:
        return 0.0
    return float(posterior.draws[name].values[..., 0, 1].mean())


def _axes(posterior: Posterior, found: GroupEffects, labels: Labels | None) -> dict[str, str]:
    is_whole = len(posterior.spec.main.coefs) == 2 and len(posterior.spec.main.groups) == 1
    y_axis = name_column(labels, posterior.design.response.name)
    return {
        "x_axis": name_column(labels, found.group.effects[1]),
        "y_axis": y_axis if is_whole else f"{y_axis}, the rest of the model taken out",
    }
