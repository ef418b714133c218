"""The arrays a formula and a table become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poolish.relations.relation import Relation


@dataclass(frozen=True, slots=True)
class GroupDesign:
    """The group effects of one factor: integer codes and effect columns, never dummies.

    Several group terms over the same factor make one `GroupDesign`; `blocks` says which effects
    are correlated with each other: `(1 + x | g)` has blocks `((0, 1),)`, `(1 + x || g)` and
    `(1 | g) + (0 + x | g)` have `((0,), (1,))`.

    Parameters
    ----------
    name : str
        `Subject`, or `a:b` for an interaction; used in `sd_Subject`, `r_Subject`.
    effects : tuple of str
        Names of the effects, `("Intercept", "Days")`.
    levels : tuple of str
        Labels of the groups.
    codes : ndarray of int, shape (obs,)
        Index into `levels`; -1 for a level unseen at fitting time (new data only).
    Z : ndarray, shape (obs, effect)
        Values that multiply the effects.
    blocks : tuple of tuple of int
        Partition of the effects into correlated sets.
    relation : Relation or None
        Known covariance between the levels, its labels in the order of `levels`.
    share : tuple of (str or None)
        For each block, the label `p` of `(x |p| g)`, shared with other parameters' formulas.
    relation_name : str or None
        The name under which the relation was passed, the `K` of `kin(id, K)`.
    """

    name: str
    effects: tuple[str, ...]
    levels: tuple[str, ...]
    codes: np.ndarray
    Z: np.ndarray
    blocks: tuple[tuple[int, ...], ...]
    relation: Relation | None = None
    share: tuple[str | None, ...] = ()
    relation_name: str | None = None

    @property
    def n_levels(self) -> int:
        """Return the number of groups."""
        return len(self.levels)

    @property
    def n_effects(self) -> int:
        """Return the number of effects per group."""
        return len(self.effects)


@dataclass(frozen=True, slots=True)
class PredictorDesign:
    """One linear predictor: `eta = offset + X b + sum over groups of Z u[codes]`.

    Parameters
    ----------
    X : ndarray, shape (obs, coef)
        Population-level columns as typed, not centred; the intercept column first when present.
    coefs : tuple of str
        `Intercept`, `Days`, `f[B]`, `x:z`.
    has_intercept : bool
        Whether column 0 is the intercept.
    offset : ndarray, shape (obs,)
        Sum of the offsets; zeros when there are none.
    groups : tuple of GroupDesign
    """

    X: np.ndarray
    coefs: tuple[str, ...]
    has_intercept: bool
    offset: np.ndarray
    groups: tuple[GroupDesign, ...] = ()

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return len(self.X)


@dataclass(frozen=True, slots=True)
class ResponseDesign:
    """The outcome and what is known about each of its rows.

    Parameters
    ----------
    name : str
        The response as typed.
    y : ndarray, shape (obs,)
        Values; 0-based level codes for a factor response, whose labels are `levels`.
    trials, se, weights, rate : ndarray, shape (obs,), or None
        `trials(n)`; `se(s)` known standard error; `weights(w)`; `rate(d)` denominator.
    censoring : ndarray of int, shape (obs,), or None
        0 none, 1 right, -1 left, 2 interval (then `upper` holds the upper end `y2`).
    upper : ndarray, shape (obs,), or None
    lower_bound, upper_bound : ndarray, shape (obs,), or None
        `trunc(lb, ub)`.
    levels : tuple of str
        Labels of a factor response, otherwise empty.
    rows : ndarray, shape (obs,), or None
        Labels of the rows as the user sees them; None counts from 0.
    """

    name: str
    y: np.ndarray
    trials: np.ndarray | None = None
    se: np.ndarray | None = None
    weights: np.ndarray | None = None
    rate: np.ndarray | None = None
    censoring: np.ndarray | None = None
    upper: np.ndarray | None = None
    lower_bound: np.ndarray | None = None
    upper_bound: np.ndarray | None = None
    levels: tuple[str, ...] = ()
    rows: np.ndarray | None = None

    def at(self, rows: np.ndarray) -> ResponseDesign:
        """Return the outcome of some rows, given by their positions."""
        whole = {name: getattr(self, name) for name in _BY_ROW}
        cut: dict[str, Any] = {n: None if v is None else v[rows] for n, v in whole.items()}
        return replace(self, **cut)

    def row_label(self, row: int) -> str:
        """Return what the user calls the row at position `row`."""
        return str(row if self.rows is None else self.rows[row])


_BY_ROW = (
    "y",
    "trials",
    "se",
    "weights",
    "rate",
    "censoring",
    "upper",
    "lower_bound",
    "upper_bound",
    "rows",
)


@dataclass(frozen=True, slots=True)
class Design:
    """Everything numeric about a model: the response and one predictor per modelled parameter.

    `predictors` is keyed by family parameter; the main formula's key is `mu`.
    """

    response: ResponseDesign
    predictors: Mapping[str, PredictorDesign]

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return len(self.response.y)

    @property
    def main(self) -> PredictorDesign:
        """Return the first predictor, that of the main formula."""
        return next(iter(self.predictors.values()))
