"""The log density of the whole posterior, up to a constant, at any values of its parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from poolish.posterior import Posterior
from poolish.predict.effects import GroupRows, normal_factor
from poolish.predict.groups import fitted_group
from poolish.predict.pointwise import row_log_likelihood
from poolish.predict.policies import Policy, group_names
from poolish.predict.rows import PredictionRows, PredictorRows, collect_rows, relation_scale
from poolish.relations.relation import dense_covariance, select
from poolish.spec.distributions import log_density
from poolish.spec.model import GroupSpec, PredictorSpec

# More units of a known covariance than these do not move: their precision is dense.
_MOST_UNITS = 1000

type _Key = tuple[Literal["b", "sd", "r", "auxiliary"], str, int]


@dataclass(frozen=True, slots=True)
class Joint:
    """The joint posterior of a fit as a function of a vector of real parameters.

    Parameters
    ----------
    posterior : Posterior
    rows : PredictionRows
        The draws at which correlations, and what else does not move, are held.
    keys : tuple
        The variables that move: coefficients, sds and effects of groups, family parameters.
        Those with a lower bound of zero as logarithms.
    moves : ndarray of bool, shape (scalar,)
        Which of their scalars differ between draws.
    precisions : Mapping of (str, int) to ndarray, shape (level, level), or None
        Of the groups that move, by predictor and place: the inverse of the known covariance
        between the levels that occur; None where levels are independent. Of groups that are
        integrated out only the sds move.

    Notes
    -----
    What is held (correlations, effects shared between formulas, a known covariance of very many
    units) has the same density on both sides of a ratio, which is all that importance sampling
    needs.
    """

    posterior: Posterior
    rows: PredictionRows
    keys: tuple[_Key, ...]
    moves: np.ndarray
    precisions: Mapping[tuple[str, int], np.ndarray | None]

    @property
    def values(self) -> np.ndarray:
        """Return the draws of the fit, shape (sample, parameter)."""
        return self._everything()[:, self.moves]

    def at(self, values: np.ndarray) -> PredictionRows:
        """Return the state whose parameters have these values, shape (sample, parameter)."""
        everything = self._everything()
        everything[:, self.moves] = values
        sizes = np.cumsum([self._get(key).shape[1] for key in self.keys])
        parts = dict(zip(self.keys, np.split(everything, sizes[:-1], axis=1), strict=True))
        predictors = {
            name: _moved(name, predictor, parts) for name, predictor in self.rows.predictors.items()
        }
        auxiliary = {
            name: self._on_own_scale(name, parts["auxiliary", name, 0])
            for name in self.rows.auxiliary
        }
        return replace(self.rows, predictors=predictors, auxiliary=auxiliary)

    def log_prior(self, state: PredictionRows) -> np.ndarray:
        """Return the log prior density of a state with the Jacobian, shape (sample,)."""
        total = np.zeros(len(next(iter(state.predictors.values())).b))
        for name, spec in self.posterior.spec.predictors.items():
            total += self._log_coefs(spec, state.predictors[name])
            for place, group in enumerate(spec.groups):
                if (name, place) in self.precisions:
                    rows, P = state.predictors[name].groups[place], self.precisions[name, place]
                    total += _log_group(group, rows, P)
        for name, values in state.auxiliary.items():
            total += self._log_auxiliary(name, values, state)
        return total

    def _everything(self) -> np.ndarray:
        return np.concatenate([self._get(key) for key in self.keys], axis=1)

    def _get(self, key: _Key) -> np.ndarray:
        kind, name, place = key
        if kind == "b":
            return self.rows.predictors[name].b
        if kind == "auxiliary":
            values = self.rows.auxiliary[name]
            return np.log(values) if self._is_positive(name) else values
        group = self.rows.predictors[name].groups[place]
        if kind == "sd":
            return np.log(group.sd)
        assert group.r is not None
        return group.r.reshape(len(group.r), -1)

    def _is_positive(self, name: str) -> bool:
        row = self.posterior.spec.family.parameter(name)
        return row.lower == 0 and np.isinf(row.upper)

    def _on_own_scale(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.exp(values) if self._is_positive(name) else values

    def _log_coefs(self, spec: PredictorSpec, rows: PredictorRows) -> np.ndarray:
        b = rows.b.copy()
        if spec.has_intercept and spec.intercept_at == "average":
            X = self.posterior.design.predictors[spec.parameter].X
            b[:, 0] += b[:, 1:] @ X[:, 1:].mean(axis=0)
        densities = (log_density(prior, b[:, k]) for k, prior in enumerate(spec.priors))
        return np.asarray(sum(densities, np.zeros(len(b))))

    def _log_auxiliary(self, name: str, values: np.ndarray, state: PredictionRows) -> np.ndarray:
        row, prior = self.posterior.spec.family.parameter(name), self.posterior.spec.auxiliary[name]
        is_inside = ((values >= row.lower) & (values <= row.upper)).all(axis=1)
        if row.is_ordered:
            is_inside &= (np.diff(values, axis=1) > 0).all(axis=1)
        at = values - self._at_average(state) if name in self.posterior.spec.lengths else values
        density = log_density(prior, at, lower=row.lower, upper=row.upper).sum(axis=1)
        if self._is_positive(name):
            density = density + np.log(values).sum(axis=1)
        return np.where(is_inside, density, -np.inf)

    def _at_average(self, state: PredictionRows) -> np.ndarray:
        """Return the main predictor at average predictors, where thresholds have their prior."""
        main = state.predictors[self.posterior.spec.main.parameter]
        return np.asarray(main.b @ main.X.mean(axis=0))[:, None]


def open_joint(posterior: Posterior, *, thin: int = 1, integrated: Collection[str] = ()) -> Joint:
    """Return the joint posterior of a fit, at every `thin`-th of its draws.

    Parameters
    ----------
    posterior : Posterior
    thin : int
    integrated : collection of str
        Groups whose effects are no parameters: the likelihood that goes with it has none.
    """
    rows = fitted_state(posterior, integrated=integrated)
    kept = _thinned(rows, thin)
    precisions = dict(_precisions(posterior, kept))
    keys = tuple(_keys(kept, precisions))
    bare = Joint(posterior, kept, keys, np.empty(0, dtype=bool), precisions)
    return replace(bare, moves=np.ptp(bare._everything(), axis=0) > 0)


def fitted_state(posterior: Posterior, *, integrated: Collection[str] = ()) -> PredictionRows:
    """Return the draws and the fitted rows, without the effects of groups integrated out."""
    names = group_names(posterior.spec)
    policies: dict[str, Policy] = {n: "integrate" if n in integrated else "observed" for n in names}
    return collect_rows(posterior, None, policies)


def state_log_likelihood(posterior: Posterior, state: PredictionRows) -> np.ndarray:
    """Return the log density of each fitted row in a state, shape (sample, obs).

    Where parameters are outside of their support the density is zero.
    """
    with np.errstate(all="ignore"):
        values = row_log_likelihood(posterior, state)
    return np.where(np.isnan(values), -np.inf, values)


def _precisions(
    posterior: Posterior, rows: PredictionRows
) -> Iterator[tuple[tuple[str, int], np.ndarray | None]]:
    """Yield the groups that move, each with the precision between its levels."""
    for name, spec in posterior.spec.predictors.items():
        for place, group in enumerate(spec.groups):
            found = rows.predictors[name].groups[place]
            if any(group.share) or not (found.sd > 0).all():
                continue
            n_levels = 0 if found.r is None else found.r.shape[1]
            if group.relation is None:
                yield (name, place), None
            elif n_levels <= _MOST_UNITS:
                yield (name, place), _precision(posterior, spec, group, name, place)


def _precision(
    posterior: Posterior, spec: PredictorSpec, group: GroupSpec, name: str, place: int
) -> np.ndarray:
    """Return the precision between the units that have rows, of effects with sd 1 on average."""
    relation = fitted_group(posterior, spec, group).relation
    assert relation is not None
    used = np.unique(posterior.design.predictors[name].groups[place].codes)
    known = select(relation, [group.levels[code] for code in used])
    return np.asarray(np.linalg.inv(dense_covariance(known) / relation_scale(relation)))


def _keys(
    rows: PredictionRows, precisions: Mapping[tuple[str, int], np.ndarray | None]
) -> Iterator[_Key]:
    yield from (("b", name, 0) for name in rows.predictors)
    for name, place in precisions:
        yield ("sd", name, place)
        if rows.predictors[name].groups[place].r is not None:
            yield ("r", name, place)
    yield from (("auxiliary", name, 0) for name in rows.auxiliary)


def _moved(name: str, rows: PredictorRows, parts: dict[_Key, np.ndarray]) -> PredictorRows:
    groups = tuple(
        replace(
            group,
            sd=np.exp(parts["sd", name, place]),
            r=None
            if group.r is None
            else parts["r", name, place].reshape(len(rows.b), -1, group.Z.shape[1]),
        )
        if ("sd", name, place) in parts
        else group
        for place, group in enumerate(rows.groups)
    )
    return replace(rows, b=parts["b", name, 0], groups=groups)


def _log_group(spec: GroupSpec, rows: GroupRows, precision: np.ndarray | None) -> np.ndarray:
    """Return the log density of a group's sds, on the log scale, and of its effects given them."""
    priors = zip(spec.sd_priors, rows.sd.T, strict=True)
    total = sum((log_density(prior, sd, lower=0.0) + np.log(sd) for prior, sd in priors), 0.0)
    if rows.r is None:
        return np.asarray(total)
    factor = normal_factor(rows.sd, rows.cor)
    z = np.linalg.solve(factor, np.swapaxes(rows.r, 1, 2))
    log_det = np.linalg.slogdet(factor)[1]
    quadratic = (z * (z if precision is None else z @ precision)).sum(axis=(1, 2))
    return np.asarray(total - 0.5 * quadratic - rows.r.shape[1] * log_det)


def _thinned(rows: PredictionRows, thin: int) -> PredictionRows:
    def group(each: GroupRows) -> GroupRows:
        return replace(
            each,
            sd=each.sd[::thin],
            cor=None if each.cor is None else each.cor[::thin],
            r=None if each.r is None else each.r[::thin],
        )

    predictors = {
        name: replace(p, b=p.b[::thin], groups=tuple(map(group, p.groups)))
        for name, p in rows.predictors.items()
    }
    auxiliary = {name: values[::thin] for name, values in rows.auxiliary.items()}
    n_samples = len(range(0, rows.n_samples, thin))
    return PredictionRows(predictors, auxiliary, rows.labels, (1, n_samples, rows.shape[2]))
