"""Scalar group effects: one per effect of a grouping factor, the largest set apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import PredictorDesign


@dataclass(frozen=True, slots=True)
class Term:
    """One effect of one factor: `eta` gets `z sd v[codes]`, v standard normal.

    Parameters
    ----------
    factor, effect : int
        Positions among the predictor's groups and the factor's effects.
    codes : ndarray of int, shape (obs,)
    z : ndarray, shape (obs,)
    n_levels : int
    """

    factor: int
    effect: int
    codes: np.ndarray
    z: np.ndarray
    n_levels: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The group effects of a predictor.

    Parameters
    ----------
    all : tuple of Term
        In the order of factors and effects.
    integrated : int or None
        Position of the term with most levels; None without group effects.
    """

    all: tuple[Term, ...]
    integrated: int | None

    @property
    def placed(self) -> tuple[int, ...]:
        """Return the positions of the other terms."""
        return tuple(i for i in range(len(self.all)) if i != self.integrated)

    @property
    def n_placed_levels(self) -> int:
        """Return the number of effects that are not integrated out."""
        return sum(self.all[i].n_levels for i in self.placed)


def build_terms(predictor: PredictorDesign) -> Terms:
    """Return the group effects of a predictor as scalar terms."""
    found = tuple(
        Term(factor, effect, group.codes, group.Z[:, effect], group.n_levels)
        for factor, group in enumerate(predictor.groups)
        for effect in range(group.n_effects)
    )
    sizes = [term.n_levels for term in found]
    return Terms(found, int(np.argmax(sizes)) if sizes else None)


def placed_columns(terms: Terms, n_obs: int) -> np.ndarray:
    """Return one column per level of each placed term, z in its rows, shape (obs, level)."""
    columns = [np.zeros((n_obs, 0))]
    for position in terms.placed:
        term = terms.all[position]
        block = np.zeros((n_obs, term.n_levels))
        block[np.arange(n_obs), term.codes] = term.z
        columns.append(block)
    return np.concatenate(columns, axis=1)
