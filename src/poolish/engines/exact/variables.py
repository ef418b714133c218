"""Between chains of theta and the posterior variables people see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.metropolis import Chains
from poolish.engines.exact.parameters import Natural, Parameters
from poolish.spec.model import GroupSpec, ModelSpec

type Posterior = dict[str, np.ndarray]

# The smallest squared pivot of a stored correlation matrix: one rounding error below which a
# correlation is 1 or -1.
MIN_PIVOT = 1e-15


def natural_variables(spec: ModelSpec, parameters: Parameters, theta: np.ndarray) -> Posterior:
    """Return sds, correlations and sigma of draws of theta, shape (chain, draw, parameter)."""
    shape, size = theta.shape[:2], theta.shape[2]
    natural, _ = parameters.natural(theta.reshape(shape[0] * shape[1], size).T)
    posterior: Posterior = {}
    for group, sd, R in zip(spec.main.groups, natural.sds, natural.correlations, strict=True):
        posterior[spec.main.variable("sd", group)] = sd.T.reshape(*shape, -1)
        if is_correlated(group):
            cor = np.einsum("aks,bks->sab", R, R)
            posterior[spec.main.variable("cor", group)] = cor.reshape(*shape, *cor.shape[1:])
    if parameters.has_sigma:
        posterior["sigma"] = natural.residual[0].reshape(shape)
    elif "sigma" in spec.predictors:
        name = spec.predictors["sigma"].variable("b")
        posterior[name] = natural.residual.T.reshape(*shape, -1)
    return posterior


def joint_variables(spec: ModelSpec, chains: Chains) -> Posterior:
    """Return b and the group effects that were drawn with it."""
    effects = {
        spec.main.variable("r", spec.main.groups[factor]): u
        for factor, u in chains.joint.effects.items()
    }
    return {"b": chains.joint.b, **effects}


def is_correlated(group: GroupSpec) -> bool:
    """Return whether some effects of a group are correlated."""
    return any(len(block) > 1 for block in group.blocks)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the posterior variables say.

    Parameters
    ----------
    covariances : Covariances
        One value per draw.
    b : ndarray, shape (draw, coef)
    effects : Mapping of int to ndarray, shape (draw, level, effect)
        By position of the factor, those that are stored.
    """

    covariances: Covariances
    b: np.ndarray
    effects: Mapping[int, np.ndarray]

    def places(self, n_chains: int, draws: slice) -> np.ndarray:
        """Return where some draws of every chain are, chain by chain."""
        return np.arange(len(self.b)).reshape(n_chains, -1)[:, draws].reshape(-1)


def stored_draws(
    spec: ModelSpec, parameters: Parameters, posterior: Mapping[str, np.ndarray]
) -> Stored:
    """Return what the posterior variables say, the draws of all chains one after the other."""
    one = {name: draws.reshape(-1, *draws.shape[2:]) for name, draws in posterior.items()}
    sds, correlations, effects = [], [], {}
    for factor, group in enumerate(spec.main.groups):
        sds.append(one[spec.main.variable("sd", group)].T)
        correlations.append(_correlation_roots(spec, group, one))
        name = spec.main.variable("r", group)
        if name in one:
            effects[factor] = one[name]
    natural = Natural(tuple(sds), tuple(correlations), _stored_residual(spec, parameters, one))
    return Stored(parameters.covariances(natural), one["b"], effects)


def _stored_residual(
    spec: ModelSpec, parameters: Parameters, one: Mapping[str, np.ndarray]
) -> np.ndarray:
    if parameters.has_sigma:
        return one["sigma"][None]
    if "sigma" in spec.predictors:
        return one[spec.predictors["sigma"].variable("b")].T
    return np.zeros((0, len(one["b"])))


def _correlation_roots(
    spec: ModelSpec, group: GroupSpec, one: Mapping[str, np.ndarray]
) -> np.ndarray:
    q, n_draws = len(group.effects), len(one["b"])
    if not is_correlated(group):
        return np.repeat(np.eye(q)[:, :, None], n_draws, axis=2)
    cor = np.moveaxis(one[spec.main.variable("cor", group)], 0, 2)
    R = np.zeros_like(cor)
    for j in range(q):
        pivot = cor[j, j] - sum(R[j, k] ** 2 for k in range(j))
        R[j, j] = np.sqrt(np.maximum(pivot, MIN_PIVOT))
        for i in range(j + 1, q):
            R[i, j] = (cor[i, j] - sum(R[i, k] * R[j, k] for k in range(j))) / R[j, j]
    return R
