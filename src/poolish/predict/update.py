"""A new group after its first rows: predictions that learn from them without another fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from poolish.design import evaluate_response
from poolish.design.arrays import ResponseDesign
from poolish.errors import DataError, UnknownNameError, UnsupportedError, render_parts
from poolish.frame import Table, read_table
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.conditional import Conditional, condition_gaussian, condition_laplace
from poolish.predict.effects import GroupRows, normal_factor
from poolish.predict.groups import number_new_groups
from poolish.predict.levels import by_level
from poolish.predict.policies import Groups, Policy, group_names, parse_policies
from poolish.predict.predict import Kind, as_data_array, check_kind, evaluator
from poolish.predict.response import response_of_rows
from poolish.predict.rows import PredictionRows, PredictorRows, collect_rows
from poolish.predict.smooth import smooth
from poolish.spec.model import GroupSpec, ModelSpec

# Above this the weights are not to be trusted (Vehtari et al. 2024).
MOST_KHAT = 0.7
_DOUBT = "the rows say more than the draws of this fit can follow, and few draws are left"
_REMEDY = "fit the model again, with these rows among the data"


@dataclass(frozen=True, slots=True, repr=False)
class GroupUpdate:
    """A group that was not fitted, given its first rows.

    Parameters
    ----------
    group : str
    n_rows : int
        How many rows it has shown.
    effects : xarray.DataArray, dims (chain, draw, effect)
        Draws of its effects, as deviations from the population.
    khat : float
        Pareto k of the importance weights: above 0.7 the rows say too much for the fit's draws to
        follow, and the model should be fitted again with them.
    samples : ndarray of int, shape (sample,)
        The draw of the fit that each draw of the effects belongs to.
    """

    group: str
    n_rows: int
    effects: xr.DataArray
    khat: float
    samples: np.ndarray
    _posterior: Posterior
    _policies: Mapping[str, Policy]

    def __repr__(self) -> str:
        mean, sd = self.effects.mean(("chain", "draw")), self.effects.std(("chain", "draw"))
        names = self.effects.coords["effect"].values
        parts = (f"{n} {m:.3g} (sd {s:.2g})" for n, m, s in zip(names, mean, sd, strict=True))
        trust = "" if self.is_reliable else f": {_DOUBT}; {_REMEDY}."
        return (
            f"New level of {self.group} after {self.n_rows} row(s), deviations from the "
            f"population: {', '.join(map(str, parts))}; Pareto k {self.khat:.2f}{trust}"
        )

    @property
    def is_reliable(self) -> bool:
        """Return whether k-hat is at most 0.7."""
        return self.khat <= MOST_KHAT

    def predict(self, data: object, *, kind: Kind = "mean", seed: int = 0) -> xr.DataArray:
        """Return predictions for other rows of the same group, dims (chain, draw, obs).

        Parameters
        ----------
        data : data frame or Table
            The column of the group may be left out.
        kind : "linear", "mean", "response" or "probability"
        seed : int
            For new observations.

        Raises
        ------
        UnknownNameError
            If there is no such kind.
        """
        check_kind(kind)
        if kind == "probability":
            return by_level(
                self._posterior, lambda each: replace(self, _posterior=each).predict(data)
            )
        posterior, table = self._posterior, _as_table(data)
        rows = _reorder(collect_rows(posterior, table, self._policies), self.samples)
        flat = self.effects.values.reshape(len(self.samples), -1)
        known = _with_effects(posterior.spec, rows, self.group, flat)
        response = None if kind == "linear" else response_of_rows(posterior, table)
        rng = np.random.default_rng(seed)
        evaluate = evaluator(kind, response, rng.spawn(1)[0])
        values = np.empty((rows.n_samples, rows.shape[2]))
        for block in iterate_blocks(posterior.spec, known, rng):
            values[block.draws] = evaluate(block)
        return as_data_array(values, posterior, rows, name=kind)


def update_group(
    posterior: Posterior,
    rows: object,
    *,
    group: str | None = None,
    others: Groups = "observed",
    seed: int = 0,
) -> GroupUpdate:
    """Return what is known about a new group after its first rows, without fitting again.

    Each draw of the fit is weighted by how well it predicts the rows, and the group's effects are
    drawn given the draw and the rows: exactly for a Gaussian response, from a Laplace
    approximation and weighted for the others. The weights are Pareto-smoothed, the draws then
    resampled.

    Parameters
    ----------
    posterior : Posterior
    rows : data frame or Table
        The first rows of one group, with their outcomes.
    group : str, optional
        The only group of the main formula when left out.
    others : str or Mapping of str to str
        What is meant for the groups of other kinds: `observed`, `zero` or `new`.
    seed : int

    Raises
    ------
    UnknownNameError
        If it is not clear which group is meant.
    UnsupportedError
        If the group is in the formula of another parameter, shares its effects or has a known
        covariance.
    DataError
        If the rows are of several groups.

    Warns
    -----
    UserWarning
        If k-hat is above 0.7: the model should be fitted again with the rows.

    Notes
    -----
    With u = F v, v standard normal and S = F F', a Gaussian response has
    v | y ~ normal(P^-1 A' R^-1 e, P^-1), P = I + A' R^-1 A, A = Z F, and the weight of a draw is
    its marginal density of y: see `condition_gaussian`.

    References
    ----------
    Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72), 1-58.

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit = poolish.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False)
    >>> new = fit.update_group(pd.DataFrame({"y": [9.0], "g": ["d"]}))
    >>> new.n_rows, new.effects.dims, bool(new.effects.mean() > 0)
    (1, ('chain', 'draw', 'effect'), True)
    >>> new.predict(pd.DataFrame({"g": ["d", "d"]})).sizes["obs"]
    2
    """
    spec, table = posterior.spec, _as_table(rows)
    chosen = _find_group(spec, group)
    # Integrated groups add nothing to the linear predictor, but have their columns evaluated.
    policies = parse_policies(spec, _policies(spec, chosen.name, others))
    collected = collect_rows(posterior, table, policies)
    _check_one_group(posterior, chosen, table)
    observed = evaluate_response(posterior.recipe, table)
    response = replace(observed, levels=posterior.design.response.levels)
    rng = np.random.default_rng(seed)
    conditional = _condition(posterior, collected, chosen, response, rng)
    samples, khat = _resample(conditional.log_weights, rng)
    _warn_of_doubt(chosen.name, table.n_obs, khat)
    effects = conditional.draw(samples, rng)
    sizes, coords = posterior.draws.sizes, posterior.draws.coords
    return GroupUpdate(
        group=chosen.name,
        n_rows=table.n_obs,
        effects=xr.DataArray(
            effects.reshape(sizes["chain"], sizes["draw"], -1),
            dims=("chain", "draw", "effect"),
            coords={
                "chain": coords["chain"],
                "draw": coords["draw"],
                "effect": list(chosen.effects),
            },
            name=f"r_{chosen.name}",
        ),
        khat=khat,
        samples=samples,
        _posterior=posterior,
        _policies=policies,
    )


def _warn_of_doubt(group: str, n_rows: int, khat: float) -> None:
    if not khat <= MOST_KHAT:
        problem = f"what is said of the new level of `{group}` cannot be relied on"
        given = f"{n_rows} row(s) with Pareto k {khat:.2f}: {_DOUBT}"
        expected = f"k up to {MOST_KHAT}"
        warnings.warn(render_parts(problem, given, expected, _REMEDY, None), stacklevel=4)


def _condition(
    posterior: Posterior,
    rows: PredictionRows,
    group: GroupSpec,
    response: ResponseDesign,
    rng: np.random.Generator,
) -> Conditional:
    spec = posterior.spec
    own = _own_rows(spec, rows, group.name)
    blocks = list(iterate_blocks(spec, rows, rng))
    linear = {
        name: np.concatenate([block.linear[name] for block in blocks]) for name in rows.predictors
    }
    everything = Block(spec, rows, slice(0, rows.n_samples), linear)
    factor = normal_factor(own.sd, own.cor)
    is_cut = any(
        v is not None for v in (response.censoring, response.lower_bound, response.upper_bound)
    )
    is_gaussian = spec.family.name == "gaussian" and spec.main.link.name == "identity"
    if is_gaussian and not is_cut:
        return condition_gaussian(everything, own.Z, factor, response)
    return condition_laplace(everything, own.Z, factor, response, rng)


def _resample(log_weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return the draws to keep, by systematic resampling of smoothed weights, and k-hat."""
    n = len(log_weights)
    if np.ptp(log_weights) < 1e-10:
        return np.arange(n), 0.0
    smoothed, khat = smooth(log_weights)
    weights = np.exp(smoothed - smoothed.max())
    places = (rng.random() + np.arange(n)) / n
    samples = np.searchsorted(np.cumsum(weights) / weights.sum(), places)
    return rng.permutation(np.minimum(samples, n - 1)), khat


def _reorder(rows: PredictionRows, samples: np.ndarray) -> PredictionRows:
    """Return a prediction's rows with other draws."""

    def of_group(g: GroupRows) -> GroupRows:
        cor = None if g.cor is None else g.cor[samples]
        r = None if g.r is None else g.r[samples]
        return replace(g, sd=g.sd[samples], cor=cor, r=r)

    def of_predictor(p: PredictorRows) -> PredictorRows:
        return replace(p, b=p.b[samples], groups=tuple(map(of_group, p.groups)))

    return replace(
        rows,
        predictors={name: of_predictor(p) for name, p in rows.predictors.items()},
        auxiliary={name: values[samples] for name, values in rows.auxiliary.items()},
    )


def _with_effects(
    spec: ModelSpec, rows: PredictionRows, group: str, effects: np.ndarray
) -> PredictionRows:
    """Return the rows with one group's effects known."""
    main = rows.predictors[spec.main.parameter]
    codes = np.zeros(rows.shape[2], dtype=int)
    groups = tuple(
        replace(g, policy="observed", codes=codes, r=effects[:, None, :]) if s.name == group else g
        for s, g in zip(spec.main.groups, main.groups, strict=True)
    )
    known = {spec.main.parameter: replace(main, groups=groups)}
    return replace(rows, predictors={**rows.predictors, **known})


def _own_rows(spec: ModelSpec, rows: PredictionRows, group: str) -> GroupRows:
    names = [g.name for g in spec.main.groups]
    return rows.predictors[spec.main.parameter].groups[names.index(group)]


def _policies(spec: ModelSpec, group: str, others: Groups) -> dict[str, Policy]:
    names = [name for name in group_names(spec) if name != group]
    stated = dict.fromkeys(names, others) if isinstance(others, str) else dict(others)
    return {**stated, group: "integrate"}


def _as_table(rows: object) -> Table:
    return rows if isinstance(rows, Table) else read_table(rows)


def _find_group(spec: ModelSpec, name: str | None) -> GroupSpec:
    groups = {group.name: group for group in spec.main.groups}
    if name is None and len(groups) == 1:
        (name,) = groups
    if name not in groups:
        raise UnknownNameError(
            "which group the new rows belong to is not clear"
            if name is None
            else f"`{name}` is not a group of the main formula",
            given="no `group`" if name is None else f'group="{name}"',
            expected=f"one of {', '.join(groups) or '(none: this model has no groups)'}",
            fix="name the group of which a new level has appeared",
        )
    _check_supported(spec, groups[name])
    return groups[name]


def _check_supported(spec: ModelSpec, group: GroupSpec) -> None:
    others = (p for p in spec.predictors.values() if p is not spec.main)
    is_elsewhere = any(g.name == group.name for p in others for g in p.groups)
    if is_elsewhere or group.relation is not None or any(s is not None for s in group.share):
        raise UnsupportedError(
            f"a new level of `{group.name}` cannot be added to this fit",
            given="effects on several parameters"
            if is_elsewhere
            else "effects that are shared, or with a known covariance",
            expected="effects in the main formula only, independent between levels",
            fix='predict with `groups="new"`, or fit again with the new rows',
        )


def _check_one_group(posterior: Posterior, group: GroupSpec, table: Table) -> None:
    has_column = all(name in table.columns for name in group.name.split(":"))
    n_groups = (
        number_new_groups(posterior, posterior.spec.main, group, table)[1] if has_column else 1
    )
    if table.n_obs == 0 or n_groups != 1:
        raise DataError(
            f"the new rows are of {n_groups if table.n_obs else 0} levels of `{group.name}`",
            given=f"{table.n_obs} row(s)",
            expected="one row or more, all of one level",
            fix="update one group at a time",
        )
