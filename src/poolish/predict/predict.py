"""Predictions, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from poolish.design.arrays import ResponseDesign
from poolish.errors import UnknownNameError, UnsupportedError
from poolish.frame import Table, read_table
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.impossible import ImpossibleCount
from poolish.predict.levels import by_level
from poolish.predict.marginal import marginal_mean
from poolish.predict.policies import Groups, Policy, parse_policies
from poolish.predict.relatives import Extension, parse_relations
from poolish.predict.response import response_of_rows
from poolish.predict.rows import PredictionRows, collect_rows
from poolish.spec.families.additions import sample
from poolish.spec.model import ModelSpec

type Kind = Literal["linear", "mean", "response", "probability"]


def predict(
    posterior: Posterior,
    data: object = None,
    *,
    kind: Kind = "mean",
    groups: Groups = "observed",
    relations: Mapping[str, object] | None = None,
    seed: int = 0,
) -> xr.DataArray:
    """Return predictions for new rows, or for those that were fitted.

    Parameters
    ----------
    posterior : Posterior
    data : data frame or Table, optional
        New rows; the fitted ones when left out.
    kind : "linear", "mean", "response" or "probability"
        The linear predictor, the mean of the response (of an ordinal one: of its levels counted
        from 0), a new observation, or the probability of each level.
    groups : str or Mapping of str to str
        `observed`: the fitted groups with their own effects. `new`: groups drawn from the
        population distribution, the same for rows of the same label, whatever that label is.
        `zero`: a typical group. `integrate`: the mean over the population distribution of groups,
        by quadrature for each draw. One for all groups, or one for each by name.
    relations : Mapping, optional
        Known covariances by name, extended to units that were not fitted: with `observed` groups
        their effects are drawn given those of the fitted units.
    seed : int
        For new groups and new observations.

    Returns
    -------
    xarray.DataArray, dims (chain, draw, obs), and level for probabilities

    Raises
    ------
    UnknownNameError
        If the kind, a meaning or a group does not exist, or `integrate` is asked for a kind other
        than the mean and probabilities.
    UnsupportedError
        If the outcome has no mean, or no levels to give probabilities of.
    DataError
        If `observed` is asked for and a level was not fitted.
    RelationError
        If an extended relation lacks a unit, or is another one between the fitted units.
    """
    check_kind(kind)
    if kind == "probability":
        options: dict[str, Any] = {"groups": groups, "relations": relations, "seed": seed}
        return by_level(posterior, lambda each: predict(each, data, kind="mean", **options))
    _check_mean(posterior.spec, kind)
    table, policies = _as_table(data), parse_policies(posterior.spec, groups)
    _check_integrate(kind, policies)
    extension = Extension(parse_relations(posterior.spec, relations), seed)
    rows = collect_rows(posterior, table, policies, extension)
    response = None if kind == "linear" else response_of_rows(posterior, table)
    rng = np.random.default_rng(seed)
    evaluate = evaluator(kind, response, rng.spawn(1)[0])
    values = np.empty((rows.n_samples, rows.shape[2]))
    impossible = ImpossibleCount(posterior.spec)
    # A draw from a wide prior may mean more than a double holds: infinity or NaN says so.
    with np.errstate(over="ignore", invalid="ignore"):
        for block in iterate_blocks(posterior.spec, rows, rng):
            values[block.draws] = evaluate(block)
            impossible.add(block)
    if kind != "linear":
        impossible.warn(rows.n_samples)
    return as_data_array(values, posterior, rows, name=kind)


def linear_predictors(
    posterior: Posterior, data: object = None, *, groups: Groups = "observed", seed: int = 0
) -> dict[str, np.ndarray]:
    """Return the linear predictor of every modelled parameter.

    Parameters
    ----------
    posterior : Posterior
    data : data frame or Table, optional
        New rows; the fitted ones when left out.
    groups : str or Mapping of str to str
        As for `predict`.
    seed : int

    Returns
    -------
    dict of str to ndarray, shape (chain, draw, obs)
    """
    table, policies = _as_table(data), parse_policies(posterior.spec, groups)
    rows = collect_rows(posterior, table, policies, Extension({}, seed))
    values = {name: np.empty((rows.n_samples, rows.shape[2])) for name in rows.predictors}
    rng = np.random.default_rng(seed)
    rng.spawn(1)  # as in `predict`, so that the same seed gives the same new groups
    for block in iterate_blocks(posterior.spec, rows, rng):
        for name, eta in block.linear.items():
            values[name][block.draws] = eta
    return {name: eta.reshape(rows.shape) for name, eta in values.items()}


def as_data_array(
    values: np.ndarray, posterior: Posterior, rows: PredictionRows, *, name: str
) -> xr.DataArray:
    """Return values of shape (sample, obs) with dims chain, draw and obs."""
    sample = posterior.draws.coords
    coords = {"chain": sample["chain"], "draw": sample["draw"], "obs": rows.labels}
    return xr.DataArray(
        values.reshape(rows.shape), dims=("chain", "draw", "obs"), coords=coords, name=name
    )


def evaluator(
    kind: Kind, response: ResponseDesign | None, rng: np.random.Generator
) -> Callable[[Block], np.ndarray]:
    """Return the function from a block of draws to predictions of a kind."""
    if response is None:
        return lambda block: block.linear[block.spec.main.parameter]
    if kind == "mean":
        return lambda block: marginal_mean(block, response)
    return lambda block: sample(block.spec.family, rng, block.parameters, response)


def _as_table(data: object) -> Table | None:
    return data if data is None or isinstance(data, Table) else read_table(data)


def check_kind(kind: str) -> None:
    """Raise unless there is such a kind of prediction.

    Raises
    ------
    UnknownNameError
        If there is not.
    """
    if kind not in ("linear", "mean", "response", "probability"):
        raise UnknownNameError(
            f"there is no kind of prediction `{kind}`",
            given=f'kind="{kind}"',
            expected="`linear` (the linear predictor), `mean`, `response` (a new observation), or "
            "`probability` (of each level)",
            fix='write, for example, `kind="mean"`',
        )


def _check_mean(spec: ModelSpec, kind: Kind) -> None:
    if kind == "mean" and spec.family.response_kind == "category":
        raise UnsupportedError(
            f"a {spec.family.name} outcome has no mean: its levels have no order",
            given='kind="mean"',
            expected="the probability of each level, or a new observation",
            fix='ask for `kind="probability"`, or for `kind="response"`',
        )


def _check_integrate(kind: Kind, policies: Mapping[str, Policy]) -> None:
    if kind != "mean" and "integrate" in policies.values():
        raise UnknownNameError(
            f'`groups="integrate"` gives means, and `kind="{kind}"` was asked for',
            given=f'kind="{kind}", groups="integrate"',
            expected='kind="mean" beside groups="integrate"',
            fix='ask for `groups="new"` to see the spread between groups, or for `kind="mean"`',
        )
