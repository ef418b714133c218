"""Rows to explorations: each group's own estimates, and the scales of the charts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.errors import DataError
from poolish.explore.payload import Effect, EffectDraws, Plane
from poolish.explore.words import Words
from poolish.summaries.own_estimates import least_squares

MOST_GROUPS = 1000
# Rows that are drawn as points; the page stays under a megabyte.
_MOST_ROWS = 20_000
_NICE = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])
_IQR_OF_NORMAL = 1.349  # in standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The response less all that is not explored, by group.

    Parameters
    ----------
    y : ndarray, shape (obs,)
    Z : ndarray, shape (obs, effect)
    weights : ndarray, shape (obs,)
        Precision times sigma^2.
    codes : ndarray of int, shape (obs,)
    levels : tuple of str
    """

    y: np.ndarray
    Z: np.ndarray
    weights: np.ndarray
    codes: np.ndarray
    levels: tuple[str, ...]

    @property
    def n(self) -> np.ndarray:
        """Return the number of rows of each group."""
        return np.bincount(self.codes, minlength=len(self.levels))

    def by_group(self) -> list[np.ndarray]:
        """Return the positions of each group's rows."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(order, np.cumsum(self.n)[:-1])


def estimate_groups(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return each group's own estimates and their information, shape (group, effect) each.

    Raises
    ------
    DataError
        If fewer than two groups determine an effect, or there are too many groups to show.
    """
    _check_n_groups(rows)
    shape = (len(rows.levels), rows.Z.shape[1])
    own, se = np.full(shape, np.nan), np.full(shape, np.nan)
    for level, place in enumerate(rows.by_group()):
        own[level], se[level] = least_squares(rows.Z[place], rows.y[place], rows.weights[place])
    n_determined = np.isfinite(own).sum(axis=0)
    if n_determined.min() < 2:
        raise DataError(
            "too few groups have estimates of their own",
            given=f"{n_determined.min()} of {len(rows.levels)} groups whose rows determine them",
            expected="at least two groups with rows enough for a mean, or for a line",
            fix="explore the group without the predictor, or a group with more rows",
        )
    return own, 1.0 / np.square(se)


def build_effect(
    name: str,
    own: np.ndarray,
    info: np.ndarray,
    *,
    sigma: float,
    words: Words,
    draws: EffectDraws | None = None,
) -> Effect:
    """Return an effect with the ends of its axes.

    Parameters
    ----------
    name : str
    own, info : ndarray, shape (group,)
    sigma : float
    words : Words
    draws : EffectDraws, optional
    """
    known = own[np.isfinite(own)]
    se = sigma / np.sqrt(info[np.isfinite(own)])
    spread = np.subtract(*np.quantile(known, (0.75, 0.25))) / _IQR_OF_NORMAL
    reach = max(3.0 * spread, 1.5 * float(np.median(se)), _draws_reach(draws))
    shown = known if draws is None else np.concatenate([known, draws.partial[:, 0]])
    domain = (float(shown.min()), float(shown.max()))
    return Effect(
        name=name,
        words=words,
        own=own,
        info=info,
        tau_max=round_up(reach),
        domain=widen(domain, float(np.median(se))),
        draws=draws,
    )


def build_plane(rows: Rows, *, x_axis: str, y_axis: str) -> Plane:
    """Return intercepts and slopes together, from rows whose effects are these two."""
    Zw = rows.Z * rows.weights[:, None]
    pairs = np.stack([Zw[:, 0] * rows.Z[:, 0], Zw[:, 0] * rows.Z[:, 1], Zw[:, 1] * rows.Z[:, 1]])
    x, places = rows.Z[:, 1], rows.by_group()
    is_shown = len(rows.y) <= _MOST_ROWS
    return Plane(
        A=_sum_by_group(pairs, rows),
        b=_sum_by_group((Zw * rows.y[:, None]).T, rows),
        x=tuple(x[place] for place in places) if is_shown else (),
        y=tuple(rows.y[place] for place in places) if is_shown else (),
        x_range=widen((float(x.min()), float(x.max())), 0.0, share=0.03),
        y_range=widen((float(rows.y.min()), float(rows.y.max())), 0.0, share=0.05),
        x_axis=x_axis,
        y_axis=y_axis,
    )


def round_up(value: float) -> float:
    """Return the next number of one or two digits that reads well on an axis.

    Examples
    --------
    >>> [round_up(x) for x in (0.013, 8.2, 28.9)]
    [0.015, 10.0, 30.0]
    """
    power = 10.0 ** np.floor(np.log10(value))
    return float(f"{_NICE[_NICE * power >= value * (1 - 1e-12)][0] * power:.6g}")


def widen(ends: tuple[float, float], least: float, *, share: float = 0.25) -> tuple[float, float]:
    """Return a range with a margin on both sides: a share of it, or at least `least`."""
    margin = max(share * (ends[1] - ends[0]), least)
    return ends[0] - margin, ends[1] + margin


def _sum_by_group(values: np.ndarray, rows: Rows) -> np.ndarray:
    """Return sums over each group's rows, shape (group, column), of values (column, obs)."""
    sums = [np.bincount(rows.codes, column, minlength=len(rows.levels)) for column in values]
    return np.stack(sums, axis=1)


def _draws_reach(draws: EffectDraws | None) -> float:
    return 0.0 if draws is None else 2.5 * draws.tau


def _check_n_groups(rows: Rows) -> None:
    n_groups = len(rows.levels)
    if n_groups < 2:
        raise DataError(
            "there is nothing to pool",
            given=f"{n_groups} group",
            expected="at least two groups",
            fix="choose a column with more than one level",
        )
    if n_groups > MOST_GROUPS:
        raise DataError(
            "too many groups to explore by hand",
            given=f"{n_groups:,} groups",
            expected=f"at most {MOST_GROUPS:,}",
            fix="keep a sample of the groups, or read `fit.pooling(group)`, which has them all",
        )
