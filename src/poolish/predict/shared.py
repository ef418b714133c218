"""New groups whose effects are correlated between formulas, `(x |p| g)`."""

from __future__ import annotations

import numpy as np

from poolish.posterior import Posterior
from poolish.posterior.variables import SharedEffects, list_shared, tree_name
from poolish.predict.effects import normal_factor
from poolish.spec.model import GroupSpec, PredictorSpec


def draw_shared(
    posterior: Posterior, spec: PredictorSpec, group: GroupSpec, n_new: int, seed: int
) -> np.ndarray:
    """Return draws of a group's effects in one predictor, for groups that were not fitted.

    The effects of a label are drawn together, from a generator of its own: every predictor that
    shares them sees the same draws.

    Parameters
    ----------
    posterior : Posterior
    spec : PredictorSpec
    group : GroupSpec
        With a shared block.
    n_new : int
        Number of new groups.
    seed : int

    Returns
    -------
    ndarray, shape (sample, level, effect)
    """
    sizes = posterior.draws.sizes
    r = np.empty((sizes["chain"] * sizes["draw"], n_new, len(group.effects)))
    for effects in _sets(posterior, spec, group):
        drawn = _draw(posterior, effects, n_new, seed)
        for k, (other, _, place) in enumerate(effects.members):
            if other.parameter == spec.parameter:
                r[..., place] = drawn[..., k]
    return r


def _sets(posterior: Posterior, spec: PredictorSpec, group: GroupSpec) -> list[SharedEffects]:
    """Return the sets of effects that a group's blocks belong to, shared or not."""
    shared = {(each.group.name, each.share): each for each in list_shared(posterior.spec)}
    return [
        shared.get(
            (group.name, share or ""),
            SharedEffects(group, "", tuple((spec, group, place) for place in block)),
        )
        for block, share in zip(group.blocks, group.share, strict=True)
    ]


def _draw(posterior: Posterior, effects: SharedEffects, n_new: int, seed: int) -> np.ndarray:
    sd = np.stack(
        [_samples(posterior, s.variable("sd", g))[:, k] for s, g, k in effects.members], axis=-1
    )
    factor = normal_factor(sd, _correlations(posterior, effects))
    first, group, place = effects.members[0]
    name = effects.variable if effects.share else first.variable("r", group)
    rng = np.random.default_rng([seed, place, *name.encode()])
    z = rng.standard_normal((len(sd), n_new, sd.shape[1]))
    return np.asarray(z @ np.swapaxes(factor, 1, 2))


def _correlations(posterior: Posterior, effects: SharedEffects) -> np.ndarray | None:
    """Return draws of the correlations in a set: one effect alone has none."""
    if len(effects.members) == 1:
        return None
    if effects.share:
        return _samples(posterior, effects.variable)
    spec, group, _ = effects.members[0]
    places = [place for _, _, place in effects.members]
    own = _samples(posterior, spec.variable("cor", group))
    return own[:, places][:, :, places]


def _samples(posterior: Posterior, name: str) -> np.ndarray:
    values = np.asarray(posterior.draws[tree_name(name)].values)
    return values.reshape(-1, *values.shape[2:])
