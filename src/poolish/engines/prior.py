"""Draws from the prior alone, under the same names as the posterior."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from poolish.design.arrays import Design, PredictorDesign
from poolish.engines.protocol import Draws, Plan
from poolish.errors import PriorError
from poolish.relations.relation import Relation, dense_covariance
from poolish.spec.correlated import CorrelatedEffects, list_correlated
from poolish.spec.distributions import sample_prior
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior


def draw_prior(spec: ModelSpec, design: Design, plan: Plan) -> Draws:
    """Return independent draws of every parameter and group effect from the prior.

    Raises
    ------
    PriorError
        If a prior is flat: nothing can be drawn from it.
    """
    _refuse_flat(spec)
    started = time.perf_counter()
    rng = np.random.default_rng(plan.seed)
    size = (plan.chains, plan.draws)
    posterior: dict[str, np.ndarray] = {}
    sets: list[tuple[CorrelatedEffects, np.ndarray]] = []
    normals: dict[str, np.ndarray] = {}
    for name, predictor in spec.predictors.items():
        arrays = design.predictors[name]
        posterior[predictor.variable("b")] = _coefs(predictor, arrays, rng, size)
        for group, group_arrays in zip(predictor.groups, arrays.groups, strict=True):
            posterior[predictor.variable("sd", group)] = _sds(group, rng, size)
            sets += [(each, _factor(each, rng, size)) for each in _begun(spec, predictor, group)]
            z = rng.standard_normal((*size, len(group.levels), len(group.effects)))
            normals[predictor.variable("r", group)] = relation_factor(group_arrays.relation, z)
    posterior |= _effects(sets, normals, posterior) | _correlations(sets)
    for name, prior in spec.auxiliary.items():
        posterior[name] = _auxiliary(spec, name, prior, rng, size)
        if name in spec.lengths:
            # Thresholds take the place of an intercept: their prior is at average predictors.
            average = design.predictors[spec.main.parameter].X.mean(axis=0)
            posterior[name] += (posterior[spec.main.variable("b")] @ average)[..., None]
    return Draws(posterior, {}, "prior", time.perf_counter() - started)


def _refuse_flat(spec: ModelSpec) -> None:
    flat = [
        f"{predictor.variable('b')}[{coef}]"
        for predictor in spec.predictors.values()
        for coef, prior in zip(predictor.coefs, predictor.priors, strict=True)
        if prior.distribution == "flat"
    ]
    if flat:
        raise PriorError(
            f"nothing can be drawn from the flat prior of `{flat[0]}`",
            given=f"flat() for {', '.join(flat)}",
            expected="a proper prior for every parameter",
            fix=f'state one, for example `priors={{"{flat[0]}": "normal(0, 10)"}}`',
        )


def _coefs(
    predictor: PredictorSpec,
    arrays: PredictorDesign,
    rng: np.random.Generator,
    size: tuple[int, int],
) -> np.ndarray:
    columns = [sample_prior(prior, rng, shape=size) for prior in predictor.priors]
    b = np.stack(columns, axis=-1) if columns else np.empty((*size, 0))
    if predictor.has_intercept and predictor.intercept_at == "average":
        b[..., 0] -= b[..., 1:] @ arrays.X[:, 1:].mean(axis=0)
    return b


def _auxiliary(
    spec: ModelSpec, name: str, prior: Prior, rng: np.random.Generator, size: tuple[int, int]
) -> np.ndarray:
    row = spec.family.parameter(name)
    shape = (*size, spec.lengths[name]) if name in spec.lengths else size
    values = sample_prior(prior, rng, shape=shape, lower=row.lower, upper=row.upper)
    return np.sort(values, axis=-1) if row.is_ordered else values


def _sds(group: GroupSpec, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return np.stack([sample_prior(p, rng, shape=size, lower=0.0) for p in group.sd_priors], axis=-1)


def _begun(spec: ModelSpec, predictor: PredictorSpec, group: GroupSpec) -> list[CorrelatedEffects]:
    """Return the sets of effects whose first one is in this group."""
    sets = list_correlated(spec)
    return [
        each for each in sets if each.members[0][0] is predictor and each.members[0][1] is group
    ]


def _factor(
    effects: CorrelatedEffects, rng: np.random.Generator, size: tuple[int, int]
) -> np.ndarray:
    return draw_lkj_factor(rng, len(effects.members), effects.prior.arguments[0], size=size)


def _effects(
    sets: Sequence[tuple[CorrelatedEffects, np.ndarray]],
    normals: Mapping[str, np.ndarray],
    sds: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return group effects by name, from standard normal ones and the factor of each set."""
    found = {name: np.empty_like(z) for name, z in normals.items()}
    for effects, factor in sets:
        places = [(predictor.variable("r", group), k) for predictor, group, k in effects.members]
        z = np.stack([normals[name][..., k] for name, k in places], axis=-1)
        correlated = z @ np.swapaxes(factor, -1, -2)
        for column, (predictor, group, k) in enumerate(effects.members):
            sd = sds[predictor.variable("sd", group)][..., None, k]
            found[predictor.variable("r", group)][..., k] = sd * correlated[..., column]
    return found


def _correlations(
    sets: Sequence[tuple[CorrelatedEffects, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return the correlation matrices of groups with correlated effects, and the joint ones."""
    found: dict[str, np.ndarray] = {}
    for effects, factor in sets:
        matrix = factor @ np.swapaxes(factor, -1, -2)
        if effects.is_joint:
            found[effects.variable] = matrix
        for a, (predictor, group, i) in enumerate(effects.members):
            if max(map(len, group.blocks)) == 1:
                continue
            q = len(group.effects)
            own = np.zeros((*matrix.shape[:-2], q, q))
            own = found.setdefault(predictor.variable("cor", group), own)
            for b, (other, _, j) in enumerate(effects.members):
                if other is predictor:
                    own[..., i, j] = matrix[..., a, b]
    return found


def draw_lkj_factor(
    rng: np.random.Generator, n_effects: int, eta: float, *, size: tuple[int, ...]
) -> np.ndarray:
    """Return Cholesky factors of LKJ correlation matrices, shape `size + (effect, effect)`.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100, 1989-2001, section 2.4:
    canonical partial correlations of column j are 2 Beta(a, a) - 1 with
    a = eta + (d - 2 - j) / 2, j from 0. doi:10.1016/j.jmva.2009.04.008
    """
    factor = np.zeros((*size, n_effects, n_effects))
    factor[..., 0, 0] = 1.0
    for i in range(1, n_effects):
        rest = np.ones(size)
        for j in range(i):
            a = eta + (n_effects - 2 - j) / 2
            partial = 2 * rng.beta(a, a, size=size) - 1
            factor[..., i, j] = partial * np.sqrt(rest)
            rest *= 1 - partial**2
        factor[..., i, i] = np.sqrt(rest)
    return factor


def relation_factor(relation: Relation | None, z: np.ndarray) -> np.ndarray:
    """Return draws with the relation's covariance between levels, from independent `z`.

    Parameters
    ----------
    relation : Relation or None
        None leaves the levels independent.
    z : ndarray, shape (..., level, effect)
        Standard normal.
    """
    if relation is None:
        return z
    values, vectors = np.linalg.eigh(dense_covariance(relation))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ z
