"""Effects of the eliminated factor, drawn level by level from what is stored: exactly, any time.

Given b, the other group effects and the covariances, the effects of different groups are
independent normals. Draws and levels are cut into fixed tiles, each with its own random stream,
so any part can be drawn again, bit for bit, without the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.cross_products import CrossProducts
from poolish.engines.exact.layout import Layout
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.population import Population
from poolish.engines.exact.reduction import symmetric
from poolish.engines.exact.small_dense import (
    cholesky,
    identity_plus,
    product,
    solve_lower,
    solve_lower_transposed,
    transpose,
)
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.exact.variables import Stored

# A tile of few levels holds so many draws that it stays in the processor's cache.
LEVELS_PER_TILE = 1024
DRAWS_PER_TILE = 250
TILE_NUMBERS = 32_768


@dataclass(frozen=True, slots=True)
class LateEffects:
    """The draws of one factor's effects, made when asked for.

    Parameters
    ----------
    layout : Layout
    population : Population
    sums : CrossProducts
    stored : Stored
        Of all chains, one after the other.
    n_chains, seed : int
    """

    layout: Layout
    population: Population
    sums: CrossProducts
    stored: Stored
    n_chains: int
    seed: int

    @property
    def draws_per_tile(self) -> int:
        """Return how many draws a tile holds."""
        return max(TILE_NUMBERS // max(self.sums.n_levels, 1), DRAWS_PER_TILE)

    def draw(self, draws: slice, levels: np.ndarray) -> np.ndarray:
        """Return effects of some draws and levels, shape (chain, draw, level, effect)."""
        wanted = self.stored.places(self.n_chains, draws)
        found = np.empty((len(wanted), len(levels), self.sums.F.shape[1]))
        for draw_tile in np.unique(wanted // self.draws_per_tile):
            rows = np.flatnonzero(wanted // self.draws_per_tile == draw_tile)
            for level_tile in np.unique(levels // LEVELS_PER_TILE):
                columns = np.flatnonzero(levels // LEVELS_PER_TILE == level_tile)
                tile = self._tile(int(draw_tile), int(level_tile))
                tile_draws = _range(wanted[rows] % self.draws_per_tile)
                part = tile[tile_draws][:, _range(levels[columns] % LEVELS_PER_TILE)]
                _put(found, _range(rows), _range(columns), part)
        return found.reshape(self.n_chains, -1, *found.shape[1:])

    def _tile(self, draw_tile: int, level_tile: int) -> np.ndarray:
        """Return one whole tile, shape (draw, level, effect): its numbers never depend on more."""
        draws = slice(draw_tile * self.draws_per_tile, (draw_tile + 1) * self.draws_per_tile)
        first = level_tile * LEVELS_PER_TILE
        levels = slice(first, min(first + LEVELS_PER_TILE, self.sums.n_levels))
        known = _known(self.layout, self.population, self.stored, draws)
        rng = stream(self.seed, Purpose.LATE_EFFECTS, draw_tile, level_tile)
        return _conditional_draw(
            self.layout, self.sums, self.stored.covariances.take(draws), known, levels, rng
        )


def _range(index: np.ndarray) -> slice | np.ndarray:
    """Return consecutive numbers as a slice, which copies nothing; others as they are."""
    is_range = (np.diff(index) == 1).all()
    return slice(int(index[0]), int(index[-1]) + 1) if is_range else index


def _put(
    found: np.ndarray, rows: slice | np.ndarray, columns: slice | np.ndarray, part: np.ndarray
) -> None:
    """Write a part into some rows and columns."""
    if isinstance(rows, slice):
        found[rows][:, columns] = part
    else:
        found[rows[:, None], np.arange(found.shape[1])[columns]] = part


def _known(layout: Layout, population: Population, stored: Stored, draws: slice) -> np.ndarray:
    """Return (-u_placed, -c, 1) by draw, so that F times it is Z' W (y - all that is known)."""
    b = stored.b[draws]
    placed = [
        np.swapaxes(stored.effects[item.factor][draws], 1, 2).reshape(len(b), -1)
        for item in layout.placed
    ]
    c = population.coordinates(b)
    return np.concatenate([*(-u for u in placed), -c, np.ones((len(b), 1))], axis=1).T


def _conditional_draw(
    layout: Layout,
    sums: CrossProducts,
    at: Covariances,
    known: np.ndarray,
    levels: slice,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return draws of u_j = L v_j, v_j ~ N(A^-1 L' f_j, A^-1), shape (draw, level, effect)."""
    assert layout.eliminated is not None
    L = at.roots[layout.eliminated][:, :, None, :]
    q = len(L)
    f = np.stack([_weighted_residual(sums, at, a, levels, known) for a in range(q)])
    K_of_levels = sums.K[:, :, levels]
    if (K_of_levels == K_of_levels[:, :, :1]).all():  # balanced: one matrix for all levels
        K_of_levels = K_of_levels[:, :, :1]
    K = symmetric(np.tensordot(K_of_levels, at.precision, axes=(0, 0)), q)
    C = cholesky(identity_plus(product(transpose(L), product(K, L))))
    Lt_f = np.stack([sum(L[a, i] * f[a] for a in range(i, q)) for i in range(q)])
    noise = rng.standard_normal(Lt_f.shape)
    v = solve_lower_transposed(C, solve_lower(C, Lt_f) + noise)
    u = np.stack([sum(L[i, a] * v[a] for a in range(i + 1)) for i in range(q)])
    return u.transpose(2, 1, 0)


def _weighted_residual(
    sums: CrossProducts, at: Covariances, effect: int, levels: slice, known: np.ndarray
) -> np.ndarray:
    """Return sum_h tau_h Z_h' W_h (y - known), shape (level, draw)."""
    parts = (
        sums.times(stratum, effect, levels, tau * known) for stratum, tau in enumerate(at.precision)
    )
    return np.asarray(sum(parts))
