"""Where the variance lies: between groups, along slopes, and within."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict import linear_predictors
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.scalars import collect_scalars
from poolish.summaries.table import TableResult

RESIDUAL = "Residual"
_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")


def summarise_variance(
    posterior: Posterior, *, at: Mapping[str, float] | None = None, ci_prob: float = CI_PROB
) -> TableResult:
    """Return every variance component: sd, variance, correlation and, for Gaussian, its share.

    Parameters
    ----------
    posterior : Posterior
    at : Mapping of str to float, optional
        Values of the effects that the groups differ in, `{"Days": 5}`, at which shares are stated;
        zero for those left out.
    ci_prob : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    TableResult
        One row a quantity: `group`, `quantity` (`sd`, `variance`, `cor`, `share`), `effect`, and
        its estimate (posterior mean), sd and interval.

    Raises
    ------
    UnknownNameError
        If `at` names an effect that no group has.
    """
    rows = list(_component_rows(posterior))
    if has_shares(posterior.spec):
        rows += [(g, "share", describe_at(posterior.spec, at or {}), draws)
                 for g, draws in share_draws(posterior, at=at).items()]  # fmt: skip
    values = np.stack([draws for *_, draws in rows], axis=2)
    frame = pd.DataFrame([names for *names, _ in rows], columns=["group", "quantity", "effect"])
    described = describe_draws(values, ci_prob=ci_prob)
    frame = frame.assign(estimate=described.pop("mean"), **described)
    caption = f"{ci_prob:.0%} equal-tailed intervals; share of group = ICC"
    return TableResult(frame, "Variance components", caption, _FORMATS)


def share_draws(
    posterior: Posterior, *, at: Mapping[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Return draws of each group's share of the variance (its ICC) and of the residual's.

    For a Gaussian response: z' S z of the group over the sum for all groups and the residual
    variance, at the stated values z of the effects.

    Parameters
    ----------
    posterior : Posterior
    at : Mapping of str to float, optional
        As for `summarise_variance`.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        In [0, 1], with sum 1.

    Raises
    ------
    UnsupportedError
        If the family is not Gaussian with identity link.
    UnknownNameError
        If `at` names an effect that no group has.

    References
    ----------
    Goldstein, Browne & Rasbash (2002), Understanding Statistics 1(4), 223-231.
    doi:10.1207/S15328031US0104_02
    """
    spec = posterior.spec
    _check_gaussian(spec)
    _check_at(spec, at or {})
    parts = {g.name: _group_variance(posterior, spec.main, g, at or {}) for g in spec.main.groups}
    parts[RESIDUAL] = residual_variance(posterior)
    total = np.sum(list(parts.values()), axis=0)
    return {name: part / total for name, part in parts.items()}


def has_shares(spec: ModelSpec) -> bool:
    """Return whether shares of the variance are defined: Gaussian, identity link, some group."""
    is_gaussian = spec.family.name == "gaussian" and spec.main.link.name == "identity"
    return is_gaussian and bool(spec.main.groups)


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
    values = {name: at.get(name, 0.0) for name in _slopes(spec)}
    return "at " + ", ".join(f"{n} = {v:g}" for n, v in values.items()) if values else ""


def _component_rows(posterior: Posterior) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield group, quantity, effect and draws of every sd, variance and correlation."""
    scalars = collect_scalars(posterior, ("sd", "cor"))
    for k, (label, variable) in enumerate(zip(scalars.labels, scalars.variables, strict=True)):
        assert variable.group is not None
        group = _with_parameter(variable.group.name, variable.parameter, posterior.spec)
        effect = label.split("[", 1)[1].removesuffix("]")
        values = scalars.values[:, :, k]
        yield group, variable.kind, effect, values
        if variable.kind == "sd":
            yield group, "variance", effect, np.square(values)
    if posterior.spec.family.name == "gaussian":
        variance = residual_variance(posterior)
        yield RESIDUAL, "sd", "", np.sqrt(variance)
        yield RESIDUAL, "variance", "", variance


def _with_parameter(group: str, parameter: str, spec: ModelSpec) -> str:
    return group if parameter == spec.main.parameter else f"{group} ({parameter})"


def _group_variance(
    posterior: Posterior, predictor: PredictorSpec, group: GroupSpec, at: Mapping[str, float]
) -> np.ndarray:
    z = np.array([1.0 if e == "Intercept" else at.get(e, 0.0) for e in group.effects])
    draws = posterior.draws
    scaled = draws[tree_name(predictor.variable("sd", group))].values * z
    cor = tree_name(predictor.variable("cor", group))
    if cor not in draws:
        return np.asarray(np.square(scaled).sum(axis=2))
    return np.asarray(np.einsum("cdi,cdij,cdj->cd", scaled, draws[cor].values, scaled))


def _slopes(spec: ModelSpec) -> tuple[str, ...]:
    effects = (effect for group in spec.main.groups for effect in group.effects)
    return tuple(dict.fromkeys(effect for effect in effects if effect != "Intercept"))


def _check_gaussian(spec: ModelSpec) -> None:
    if not has_shares(spec):
        raise UnsupportedError(
            "shares of the variance need a Gaussian response, identity link and groups",
            given=f"{spec.family.name} with {spec.main.link.name} link, "
            f"{len(spec.main.groups)} group(s)",
            expected="family gaussian with its default link and at least one group term",
            fix="read the standard deviations, which are on the scale of the link",
        )


def _check_at(spec: ModelSpec, at: Mapping[str, float]) -> None:
    slopes = _slopes(spec)
    wrong = [name for name in at if name not in slopes]
    if wrong:
        raise UnknownNameError(
            f"`{wrong[0]}` is not an effect that groups differ in",
            given=f"at = {dict(at)}",
            expected=f"values of {', '.join(slopes) or '(no slopes in this model)'}",
            fix="leave it out: the share of the variance does not depend on it",
        )
