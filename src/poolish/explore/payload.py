"""What the explorer's page is given: groups, their own estimates, and the draws of a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.explore.words import Words


@dataclass(frozen=True, slots=True, eq=False)
class EffectDraws:
    """What the posterior draws say of one effect.

    Parameters
    ----------
    tau : float, >= 0
        Posterior mean of the standard deviation between groups.
    mu : float
        Posterior mean of the population-level coefficient.
    partial : ndarray, shape (group, 3)
        Posterior mean and 95 % interval of each group's coefficient.
    fresh : ndarray, shape (3,)
        The same for a new group with no data.
    bins, shares : ndarray, shape (bin,)
        Midpoints and shares of a histogram of the draws of tau.
    """

    tau: float
    mu: float
    partial: np.ndarray
    fresh: np.ndarray
    bins: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One coefficient that differs between groups: a mean, an intercept or a slope.

    Parameters
    ----------
    name : str
        `Intercept`, `Days`.
    words : Words
        What it is called.
    own : ndarray, shape (group,)
        Estimates from each group's own rows; NaN where these do not determine it.
    info : ndarray, shape (group,), > 0
        Information: sigma^2 / info is the variance of `own`; NaN with it.
    tau_max : float
        Where the slider of tau ends.
    domain : tuple of float
        Ends of the axis.
    draws : EffectDraws, optional
    """

    name: str
    words: Words
    own: np.ndarray
    info: np.ndarray
    tau_max: float
    domain: tuple[float, float]
    draws: EffectDraws | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Intercepts and slopes together.

    Parameters
    ----------
    A : ndarray, shape (group, 3)
        Z'WZ of each group: entries 11, 12 and 22; divided by sigma^2 the information.
    b : ndarray, shape (group, 2)
        Z'Wy.
    x, y : tuple of ndarray
        Each group's rows; empty when there are too many to put into a page.
    x_range, y_range : tuple of float
    x_axis, y_axis : str
    """

    A: np.ndarray
    b: np.ndarray
    x: tuple[np.ndarray, ...]
    y: tuple[np.ndarray, ...]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_axis: str
    y_axis: str


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """Everything that the explorer shows, as numbers.

    Parameters
    ----------
    title, note : str
    group : str
        What one group is called, in the singular: "subject".
    groups : tuple of str
    n : ndarray of int, shape (group,)
        Rows of each group.
    sigma : float, > 0
        Residual standard deviation; 1, a factor, where the standard errors are known.
    is_known_error : bool
    effects : tuple of Effect
        One or two.
    plane : Plane, optional
        Where there are two.
    rho : float
        Posterior mean of the correlation between the two effects.
    n_draws : int
        Posterior draws behind `Effect.draws`; 0 for a table.
    """

    title: str
    note: str
    group: str
    groups: tuple[str, ...]
    n: np.ndarray
    sigma: float
    is_known_error: bool
    effects: tuple[Effect, ...]
    plane: Plane | None = None
    rho: float = 0.0
    n_draws: int = 0
