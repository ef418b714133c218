"""Which factor is eliminated group by group, and where everything else stands in the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from poolish.design.arrays import GroupDesign

# Up to so many numbers dense columns are faster than sparse ones.
DENSE_NUMBERS = 100_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A factor that stays in the dense matrix.

    Its effects stand effect by effect: effect a of level j at `start + a n_levels + j`.

    Parameters
    ----------
    factor : int
        Its position among the factors of the design.
    start, n_levels, n_effects : int
    """

    factor: int
    start: int
    n_levels: int
    n_effects: int

    @property
    def stop(self) -> int:
        """Return the end of its half-open range."""
        return self.start + self.n_levels * self.n_effects

    def effect(self, a: int) -> slice:
        """Return the range of effect `a`."""
        return slice(self.start + a * self.n_levels, self.start + (a + 1) * self.n_levels)


@dataclass(frozen=True, slots=True)
class Layout:
    """The order of the unknowns: effects of the placed factors, then c, then the response.

    Parameters
    ----------
    eliminated : int or None
        The factor with most effects, which never enters the matrix; None without group terms.
    placed : tuple of Placed
    n_free : int
        Population coefficients that are integrated out.
    """

    eliminated: int | None
    placed: tuple[Placed, ...]
    n_free: int

    @property
    def n_placed(self) -> int:
        """Return the number of group effects in the matrix."""
        return self.placed[-1].stop if self.placed else 0

    @property
    def n_unknowns(self) -> int:
        """Return the number of effects in the matrix, group and population."""
        return self.n_placed + self.n_free

    @property
    def size(self) -> int:
        """Return the order of the matrix: the unknowns and the response."""
        return self.n_unknowns + 1

    @property
    def is_mixing(self) -> bool:
        """Return whether a placed factor has several effects."""
        return any(item.n_effects > 1 for item in self.placed)


def build_layout(groups: Sequence[GroupDesign], n_free: int) -> Layout:
    """Return the layout that eliminates the factor with most effects."""
    by_size = sorted(range(len(groups)), key=lambda f: -groups[f].n_levels * groups[f].n_effects)
    placed: list[Placed] = []
    for factor in by_size[1:]:
        start = placed[-1].stop if placed else 0
        placed.append(Placed(factor, start, groups[factor].n_levels, groups[factor].n_effects))
    return Layout(by_size[0] if by_size else None, tuple(placed), n_free)


def effect_columns(
    group: GroupDesign, weights: np.ndarray | None = None
) -> list[sparse.csr_matrix]:
    """Return for each effect the sparse (obs, level) matrix of its values, rows times weights."""
    n_obs = len(group.codes)
    starts = np.arange(n_obs + 1)
    return [
        sparse.csr_matrix(
            (z if weights is None else weights * z, group.codes, starts),
            shape=(n_obs, group.n_levels),
        )
        for z in group.Z.T
    ]


def placed_columns(
    groups: Sequence[GroupDesign], layout: Layout, X: np.ndarray, residual: np.ndarray
) -> sparse.csr_matrix | np.ndarray:
    """Return [Z_placed X residual], shape (obs, size): dense when small."""
    dense = np.column_stack([X, residual])
    if not layout.placed:
        return dense
    if len(dense) * layout.size <= DENSE_NUMBERS:
        placed = np.zeros((len(dense), layout.n_placed))
        for item in layout.placed:
            group = groups[item.factor]
            for a, z in enumerate(group.Z.T):
                placed[np.arange(len(z)), item.start + a * item.n_levels + group.codes] = z
        return np.concatenate([placed, dense], axis=1)
    columns = [c for item in layout.placed for c in effect_columns(groups[item.factor])]
    return sparse.hstack([*columns, sparse.csr_matrix(dense)]).tocsr()
