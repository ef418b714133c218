"""Where a share of variance is stated: a value of the predictors, and everything known there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.errors import UnknownNameError
from poolish.frame import FactorColumn, NumericColumn, as_factor
from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.predict import linear_predictors
from poolish.spec.adapt import evaluate_adapted
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec

type At = Mapping[str, float | Sequence[float]]

# More values of a column than these are no groups of rows to compare.
_MOST_VALUES = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A value of the predictors at which shares of variance are stated.

    Parameters
    ----------
    label : str
        `at Days = 0`, `Arm = A, at Days = 0`; empty where there is only one.
    at : Mapping of str to float
        Values of the effects that groups differ in.
    rows : ndarray of bool, shape (obs,)
        The rows over which everything else is averaged.
    """

    label: str
    at: Mapping[str, float]
    rows: np.ndarray


@dataclass(frozen=True, slots=True)
class PlaceDraws:
    """What the draws say at a place, for one row (of one trial, over one unit).

    Parameters
    ----------
    eta : ndarray, shape (sample,)
        Linear predictor of a typical group.
    between : Mapping of str to ndarray, shape (sample,)
        Variance of the linear predictor between groups, z' S z, by group.
    others : Mapping of str to ndarray, shape (sample, 1) or (sample, element)
        The other family parameters: their mean over the rows of the place, and for `sigma` the
        root of its mean square.
    response : ResponseDesign
    """

    eta: np.ndarray
    between: Mapping[str, np.ndarray]
    others: Mapping[str, np.ndarray]
    response: ResponseDesign


def list_places(posterior: Posterior, at: At, by: str | None) -> list[Place]:
    """Return every combination of values asked for, for every value of `by`.

    Parameters
    ----------
    posterior : Posterior
    at : Mapping of str to float or sequence of float
        Values of the effects that groups differ in; zero for those left out.
    by : str or None
        A column of the data whose values part the rows.

    Raises
    ------
    UnknownNameError
        If `at` names an effect that no group has, or `by` no column of the model with few values.
    """
    _check_at(posterior.spec, at)
    values = {n: np.atleast_1d(np.asarray(at.get(n, 0.0), float)) for n in slopes(posterior.spec)}
    points = [dict(zip(values, map(float, p), strict=True)) for p in product(*values.values())]
    return [
        Place(", ".join(part for part in (prefix, describe_point(point)) if part), point, rows)
        for prefix, rows in _parts(posterior, by)
        for point in points
    ]


def describe_point(at: Mapping[str, float]) -> str:
    """Return the values of the effects in words, `at Days = 0`; empty without slopes."""
    return "at " + ", ".join(f"{name} = {value:g}" for name, value in at.items()) if at else ""


def slopes(spec: ModelSpec) -> tuple[str, ...]:
    """Return the effects that groups differ in, but for the intercept."""
    effects = (effect for group in spec.main.groups for effect in group.effects)
    return tuple(dict.fromkeys(effect for effect in effects if effect != "Intercept"))


def place_draws(
    posterior: Posterior, places: Sequence[Place], *, with_eta: bool = True
) -> list[PlaceDraws]:
    """Return what the draws say at each place.

    Parameters
    ----------
    posterior : Posterior
    places : sequence of Place
    with_eta : bool
        Without, `eta` is zero: shares of a linear model do not depend on it.
    """
    modelled = _modelled_parameters(posterior)
    return [
        PlaceDraws(
            eta=_linear_at(posterior, place) if with_eta else np.zeros(_n_samples(posterior)),
            between={
                group.name: group_variance(posterior, posterior.spec.main, group, place.at)
                for group in posterior.spec.main.groups
            },
            others=_others_at(posterior, modelled, place.rows),
            response=_one_row(posterior.design.response, place.rows),
        )
        for place in places
    ]


def group_variance(
    posterior: Posterior, predictor: PredictorSpec, group: GroupSpec, at: Mapping[str, float]
) -> np.ndarray:
    """Return the variance between groups of a linear predictor at a place, shape (sample,)."""
    z = np.array([1.0 if e == "Intercept" else at.get(e, 0.0) for e in group.effects])
    return quadratic_form(posterior, predictor, group, np.outer(z, z))


def quadratic_form(
    posterior: Posterior, predictor: PredictorSpec, group: GroupSpec, weights: np.ndarray
) -> np.ndarray:
    """Return the sum of S * weights over the effects, S their covariance, shape (sample,).

    Parameters
    ----------
    posterior : Posterior
    predictor : PredictorSpec
    group : GroupSpec
    weights : ndarray, shape (effect, effect)
        z z' for the variance at z, its mean over rows for a mean variance.
    """
    sd = _flat(posterior, predictor.variable("sd", group))
    cor = tree_name(predictor.variable("cor", group))
    if cor not in posterior.draws:
        return np.asarray(np.square(sd) @ np.diagonal(weights))
    variance = np.einsum("si,sij,sj,ij->s", sd, _flat(posterior, cor), sd, weights)
    return np.asarray(np.maximum(variance, 0.0))


def _parts(posterior: Posterior, by: str | None) -> list[tuple[str, np.ndarray]]:
    """Return the rows of each value of a column, all of them without one."""
    if by is None:
        return [("", np.ones(posterior.design.n_obs, dtype=bool))]
    factor = _column(posterior, by)
    return [
        (f"{by} = {label}", factor.codes == code)
        for code, label in enumerate(factor.levels)
        if np.any(factor.codes == code)
    ]


def _column(posterior: Posterior, by: str) -> FactorColumn:
    columns = posterior.table.columns
    factor = as_factor(columns[by]) if by in columns else None
    if factor is None or len(factor.levels) > _MOST_VALUES:
        raise UnknownNameError(
            f"`{by}` is not a column of the model with at most {_MOST_VALUES} values",
            given=f'by="{by}"',
            expected=f"one of {', '.join(columns)}",
            fix="name a factor of the formula, such as that of the formula of `sigma`",
        )
    return factor


def _linear_at(posterior: Posterior, place: Place) -> np.ndarray:
    """Return the linear predictor of a typical group, rows averaged, slopes at their values."""
    spec, main = posterior.spec.main, posterior.design.main
    offset = float(main.offset[place.rows].mean())
    if not spec.coefs:
        return np.full(_n_samples(posterior), offset)
    x = _columns_at(posterior, place)
    return np.asarray(_flat(posterior, spec.variable("b")) @ x + offset)


def _columns_at(posterior: Posterior, place: Place) -> np.ndarray:
    """Return the population columns of an average row with the slopes at their values.

    Columns that a slope's variable is a part of (interactions, powers) are evaluated again.
    """
    spec, table = posterior.spec.main, posterior.table
    stated = {n: v for n, v in place.at.items() if isinstance(table.columns.get(n), NumericColumn)}
    x = posterior.design.main.X[place.rows].mean(axis=0)
    if stated:
        fixed = {n: NumericColumn(np.full(table.n_obs, v), False) for n, v in stated.items()}
        moved = replace(table, columns={**table.columns, **fixed})
        with np.errstate(divide="ignore", invalid="ignore"):
            arrays = evaluate_adapted(posterior.recipe, spec, moved, groups=False)
        again = arrays.X[place.rows].mean(axis=0)
        x = np.where(np.isfinite(again), again, x)
    for name, value in place.at.items():
        if name in spec.coefs:
            x[spec.coefs.index(name)] = value
    return np.asarray(x)


def _modelled_parameters(posterior: Posterior) -> dict[str, np.ndarray]:
    """Return the parameters with a formula of their own, shape (sample, obs)."""
    spec = posterior.spec
    names = [name for name in spec.predictors if name != spec.main.parameter]
    if not names:
        return {}
    linear = linear_predictors(posterior)
    n_samples = _n_samples(posterior)
    return {
        name: spec.predictors[name].link.inverse(linear[name].reshape(n_samples, -1))
        for name in names
    }


def _others_at(
    posterior: Posterior, modelled: Mapping[str, np.ndarray], rows: np.ndarray
) -> dict[str, np.ndarray]:
    others = {name: _flat(posterior, name) for name in posterior.spec.auxiliary}
    others = {n: v[:, None] if v.ndim == 1 else v for n, v in others.items()}
    for name, values in modelled.items():
        part = values[:, rows]
        mean = np.square(part).mean(axis=1) if name == "sigma" else part.mean(axis=1)
        others[name] = (np.sqrt(mean) if name == "sigma" else mean)[:, None]
    return others


def _one_row(response: ResponseDesign, rows: np.ndarray) -> ResponseDesign:
    """Return one row of one trial, over one unit, with the root mean square standard error."""
    se = None if response.se is None else np.sqrt(np.square(response.se[rows]).mean(keepdims=True))
    trials = None if response.trials is None else np.ones(1)
    return ResponseDesign(
        response.name, response.y[:1], trials=trials, se=se, levels=response.levels
    )


def _flat(posterior: Posterior, name: str) -> np.ndarray:
    values = np.asarray(posterior.draws[tree_name(name)].values)
    return values.reshape(-1, *values.shape[2:])


def _n_samples(posterior: Posterior) -> int:
    return int(posterior.draws.sizes["chain"] * posterior.draws.sizes["draw"])


def _check_at(spec: ModelSpec, at: At) -> None:
    names = slopes(spec)
    wrong = [name for name in at if name not in names]
    if wrong:
        raise UnknownNameError(
            f"`{wrong[0]}` is not an effect that groups differ in",
            given=f"at = {dict(at)}",
            expected=f"values of {', '.join(names) or '(no slopes in this model)'}",
            fix="leave it out: the share of the variance does not depend on it",
        )
