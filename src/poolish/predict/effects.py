"""What group effects add to a linear predictor, for a block of draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poolish.predict.policies import Policy


@dataclass(frozen=True, slots=True)
class GroupRows:
    """The effects of one group in one linear predictor, for the rows of a prediction.

    Parameters
    ----------
    policy : str
    Z : ndarray, shape (obs, effect)
    codes : ndarray of int, shape (obs,)
        Index into the levels of `r`, or into the new groups.
    n_new : int
        Number of new groups.
    sd : ndarray, shape (sample, effect)
        Draws, chains after each other.
    cor : ndarray, shape (sample, effect, effect), or None
        None for uncorrelated effects.
    r : ndarray, shape (sample, level, effect), or None
        Draws of the effects of the fitted levels that occur, where they are asked for.
    """

    policy: Policy
    Z: np.ndarray
    codes: np.ndarray
    n_new: int
    sd: np.ndarray
    cor: np.ndarray | None
    r: np.ndarray | None


def add_effects(eta: np.ndarray, rows: GroupRows, draws: slice, rng: np.random.Generator) -> None:
    """Add a group's effects to a block of linear predictors, in place.

    Parameters
    ----------
    eta : ndarray, shape (sample, obs)
    rows : GroupRows
    draws : slice
        The samples of this block.
    rng : numpy.random.Generator
        Used for new groups only.
    """
    effects = _EFFECTS[rows.policy]
    if effects is not None:
        _add_products(eta, effects(rows, draws, rng), rows)


def effect_variance(rows: GroupRows, draws: slice) -> np.ndarray:
    """Return the variance that a group adds to a linear predictor, z' S z.

    Returns
    -------
    ndarray, shape (sample, obs)
        Over the population distribution of groups, by draw and row.
    """
    projected = rows.Z @ population_factor(rows, draws)
    return np.asarray(np.square(projected).sum(axis=-1))


def population_factor(rows: GroupRows, draws: slice) -> np.ndarray:
    """Return a factor F of the covariance between a group's effects, S = F F'.

    By eigenvalues: a correlation of one in some draw leaves no Cholesky factor.

    Returns
    -------
    ndarray, shape (sample, effect, effect)
    """
    return normal_factor(rows.sd[draws], None if rows.cor is None else rows.cor[draws])


def normal_factor(sd: np.ndarray, cor: np.ndarray | None) -> np.ndarray:
    """Return a factor F of covariances, S = F F'.

    Parameters
    ----------
    sd : ndarray, shape (..., effect)
    cor : ndarray, shape (..., effect, effect), or None
        None for uncorrelated effects.

    Examples
    --------
    >>> factor = normal_factor(np.array([1.0, 2.0]), np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> (factor @ factor.T).round(12).tolist()
    [[1.0, 1.0], [1.0, 4.0]]
    """
    if cor is None:
        return np.asarray(sd[..., None] * np.eye(sd.shape[-1]))
    values, vectors = np.linalg.eigh(cor)
    return np.asarray(sd[..., None] * vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def _observed(rows: GroupRows, draws: slice, rng: np.random.Generator) -> np.ndarray:
    assert rows.r is not None
    return rows.r[draws]


def _new(rows: GroupRows, draws: slice, rng: np.random.Generator) -> np.ndarray:
    factor = population_factor(rows, draws)
    z = rng.standard_normal((len(factor), rows.n_new, factor.shape[1]))
    return np.asarray(z @ np.swapaxes(factor, 1, 2))


# None adds nothing: a typical group, and the centre that `integrate` integrates around.
type _Effects = Callable[[GroupRows, slice, np.random.Generator], np.ndarray]
_EFFECTS: dict[Policy, _Effects | None] = {
    "observed": _observed,
    "new": _new,
    "zero": None,
    "integrate": None,
}


def _add_products(eta: np.ndarray, effects: np.ndarray, rows: GroupRows) -> None:
    for column in range(effects.shape[2]):
        eta += effects[:, rows.codes, column] * rows.Z[:, column]
