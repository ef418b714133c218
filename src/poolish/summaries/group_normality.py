"""Whether group effects look like draws from the normal distribution that the model gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri

from poolish.posterior import Posterior
from poolish.posterior.variables import tree_name
from poolish.summaries.effects import GroupEffects, collect_effects
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FEWEST_LEVELS = 5
_N_DRAWS = 400
_N_SIMULATED = 4000
_CI_PROB = 0.99
_FORMATS: dict[str, Format] = dict.fromkeys(("normal", "effect_z", "lower", "upper", "p"), "share")


@dataclass(frozen=True, slots=True)
class EffectNormality:
    """One effect of a group against the normal distribution.

    Parameters
    ----------
    group, effect : str
    levels : tuple of str
        From the smallest effect to the largest.
    normal : ndarray, shape (level,)
        Quantiles of the standard normal distribution.
    z : ndarray, shape (level,)
        Effects in sds, sorted within each draw, averaged over draws.
    lower, upper : ndarray, shape (level,)
        Where 99 % of such sorted values lie when the effects are normal.
    p : float
        How often normal effects are less straight than those of a draw, averaged over draws.
    """

    group: str
    effect: str
    levels: tuple[str, ...]
    normal: np.ndarray
    z: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    p: float

    @property
    def outside(self) -> tuple[str, ...]:
        """Return the levels beyond the envelope."""
        is_out = (self.z < self.lower) | (self.z > self.upper)
        return tuple(level for level, out in zip(self.levels, is_out, strict=True) if out)

    def to_df(self) -> pd.DataFrame:
        """Return one row a level."""
        return pd.DataFrame(
            {
                "group": self.group,
                "effect": self.effect,
                "level": list(self.levels),
                "normal": self.normal,
                "effect_z": self.z,
                "lower": self.lower,
                "upper": self.upper,
                "p": self.p,
            }
        )


def tabulate_group_normality(posterior: Posterior, *, seed: int = 0) -> TableResult:
    """Return the effects of every group against normal quantiles, with a simulation envelope.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        Of the normal samples that the effects are compared with.

    Returns
    -------
    TableResult
        Columns `group`, `effect`, `level`, `normal`, `effect_z`, `lower`, `upper`, `p`.

    Notes
    -----
    If the model is right, the effects of a posterior draw over the sd of the same draw are, over
    repeated data, independent standard normal, whatever the family and the rows per level: so the
    straightness of their quantile plot (Shapiro & Francia's W') is compared with that of normal
    samples, draw by draw. Levels with few rows follow the prior and dilute the comparison: it then
    says too little, never too much.

    References
    ----------
    Yuan & Johnson (2012), Goodness-of-fit diagnostics for Bayesian hierarchical models, Biometrics
    68, 156-164. doi:10.1111/j.1541-0420.2011.01668.x
    """
    frames = [found.to_df() for found in measure_normality(posterior, seed=seed)]
    columns = ["group", "effect", "level", "normal", "effect_z", "lower", "upper", "p"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    return TableResult(
        frame,
        "Group effects against the normal distribution",
        f"effect_z: effects in sds, sorted draw by draw and averaged; {_CI_PROB:.0%} envelope of "
        "normal effects; p: share of normal samples whose quantile plot is less straight, small "
        "where the effects are not normal",
        _FORMATS,
    )


def measure_normality(posterior: Posterior, *, seed: int = 0) -> Iterator[EffectNormality]:
    """Yield each effect of the main formula's groups with independent levels, five or more.

    Groups whose effects were not stored are left out: drawing them again takes long.
    """
    main = posterior.spec.main
    for group in main.groups:
        is_stored = tree_name(main.variable("r", group)) in posterior.draws
        if is_stored and group.relation is None and len(group.levels) >= _FEWEST_LEVELS:
            yield from _measure(collect_effects(posterior, main, group), seed)


def _measure(found: GroupEffects, seed: int) -> Iterator[EffectNormality]:
    r = np.concatenate([part for _, part in found.chunks()], axis=2)
    r = r.reshape(-1, *r.shape[2:])
    sd = found.sd.reshape(len(r), -1)
    kept = np.unique(np.linspace(0, len(r) - 1, _N_DRAWS).round().astype(int))
    n = r.shape[1]
    normal = np.asarray(ndtri((np.arange(n) + 0.625) / (n + 0.25)))
    lower, upper = _envelope(n)
    simulated = np.sort(np.random.default_rng(seed).standard_normal((_N_SIMULATED, n)), axis=1)
    expected = np.sort(_straightness(simulated, normal))
    for k, effect in enumerate(found.group.effects):
        if not (sd[:, k] > 0).all():
            continue
        z = r[kept, :, k] / sd[kept, k, None]
        ordered = np.sort(z, axis=1)
        below = np.searchsorted(expected, _straightness(ordered, normal), side="right")
        order = np.argsort(z.mean(axis=0))
        yield EffectNormality(
            found.group.name,
            effect,
            tuple(found.group.levels[level] for level in order),
            normal,
            ordered.mean(axis=0),
            lower,
            upper,
            float(((below + 1) / (_N_SIMULATED + 1)).mean()),
        )


def _straightness(ordered: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the squared correlation of sorted values with normal quantiles, shape (sample,)."""
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    return np.asarray(
        (centred @ normal) ** 2 / (np.square(centred).sum(axis=1) * (normal @ normal))
    )


def _envelope(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pointwise range of sorted standard normal values: beta order statistics."""
    k, tail = np.arange(1, n + 1), (1 - _CI_PROB) / 2
    low, high = (betaincinv(k, n + 1 - k, q) for q in (tail, 1 - tail))
    return np.asarray(ndtri(low)), np.asarray(ndtri(high))
