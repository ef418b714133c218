"""What every engine takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from poolish.design.arrays import Design
from poolish.spec.model import GroupSpec, ModelSpec

# With `keep_groups="auto"` draws of group effects above this size are not stored.
KEEP_GROUPS_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Plan:
    """How to sample.

    Parameters
    ----------
    draws, chains, tune : int
        Kept draws per chain, chains, warm-up draws per chain (NUTS only).
    seed : int
        Every random number comes from it.
    progress : bool
        Whether to show a progress bar on stderr.
    keep_groups : "auto", True or False
        Whether the draws of the group effects are stored; "auto" stores them while they take at
        most `KEEP_GROUPS_BYTES`, half a gigabyte.
    """

    draws: int = 1000
    chains: int = 4
    tune: int = 1000
    seed: int = 0
    progress: bool = True
    keep_groups: Literal["auto"] | bool = "auto"

    def keeps(self, groups: Iterable[GroupSpec]) -> bool:
        """Return whether the draws of all effects of some groups are stored."""
        if self.keep_groups != "auto":
            return self.keep_groups
        n_effects = sum(len(group.levels) * len(group.effects) for group in groups)
        size = self.chains * self.draws * n_effects * np.dtype(float).itemsize
        return size <= KEEP_GROUPS_BYTES


@dataclass(frozen=True, slots=True)
class Draws:
    """What an engine returns.

    Parameters
    ----------
    posterior : Mapping of str to ndarray, shape (chain, draw, ...)
        By the names people see: `b`, `sd_Subject`, `cor_Subject`, `r_Subject`, `sigma`, ...
        `r_G` may be absent when group effects are not kept. `b` is on predictors as typed.
    sample_stats : Mapping of str to ndarray, shape (chain, draw) or ()
        NUTS: `diverging`, `energy`, `tree_depth`, `n_steps`, `step_size`, `lp`,
        `reached_max_treedepth`.
        Exact and quadrature: `lp`, and scalars `khat`, `efficiency`, `acceptance`.
    engine : str
    seconds : float
        Wall time of sampling.
    is_complete : bool
        False when interrupted; the draws are those that were finished.
    notes : tuple of str
        What a person must know: choices of parameterization, fallbacks.
    """

    posterior: Mapping[str, np.ndarray]
    sample_stats: Mapping[str, np.ndarray]
    engine: str
    seconds: float
    is_complete: bool = True
    notes: tuple[str, ...] = field(default=())


type Refit = Callable[[np.ndarray, Plan], Draws]


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: what it can fit, and how it fits.

    Parameters
    ----------
    name : str
        `exact`, `quadrature` or `nuts`.
    can_fit : callable
        `can_fit(spec, design)` returns None when it can, else the reason in one clause.
    describe : callable
        `describe(spec)` returns why this engine suits the model, in one clause.
    fit : callable
        `fit(spec, design, plan)` returns `Draws`.
    gate : callable
        `gate(draws)` returns None when the draws can be trusted, else the reason they cannot, so
        that the next engine is tried.
    """

    name: str
    can_fit: Callable[[ModelSpec, Design], str | None]
    describe: Callable[[ModelSpec], str]
    fit: Callable[[ModelSpec, Design, Plan], Draws]
    gate: Callable[[Draws], str | None] = field(default=lambda draws: None)
    refitter: Callable[[ModelSpec, Design], Refit] | None = None
