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

DRAWS_PER_TILE = 250
LEVELS_PER_TILE = 1024


@dataclass(frozen=True, slots=True)
class LateEffects:
    """The draws of one factor's effects, made when asked for.

    Parameters
    ----------
    layout : Layout
    population : Population
    sums : CrossProducts
    chains : tuple of Stored
    seed : int
    """

    layout: Layout
    population: Population
    sums: CrossProducts
    chains: tuple[Stored, ...]
    seed: int

    def draw(self, draws: slice, levels: np.ndarray) -> np.ndarray:
        """Return effects of some draws and levels, shape (chain, draw, level, effect)."""
        return np.stack([self._chain(chain, draws, levels) for chain in range(len(self.chains))])

    def _chain(self, chain: int, draws: slice, levels: np.ndarray) -> np.ndarray:
        wanted = np.arange(len(self.chains[chain].b))[draws]
        found = np.empty((len(wanted), len(levels), self.sums.F.shape[1]))
        for draw_tile in np.unique(wanted // DRAWS_PER_TILE):
            rows = np.flatnonzero(wanted // DRAWS_PER_TILE == draw_tile)
            for level_tile in np.unique(levels // LEVELS_PER_TILE):
                columns = np.flatnonzero(levels // LEVELS_PER_TILE == level_tile)
                tile = self._tile(chain, int(draw_tile), int(level_tile))
                inside = np.ix_(wanted[rows] % DRAWS_PER_TILE, levels[columns] % LEVELS_PER_TILE)
                found[np.ix_(rows, columns)] = tile[inside]
        return found

    def _tile(self, chain: int, draw_tile: int, level_tile: int) -> np.ndarray:
        """Return one whole tile, shape (draw, level, effect): its numbers never depend on more."""
        stored = self.chains[chain]
        draws = slice(draw_tile * DRAWS_PER_TILE, (draw_tile + 1) * DRAWS_PER_TILE)
        first = level_tile * LEVELS_PER_TILE
        levels = slice(first, min(first + LEVELS_PER_TILE, self.sums.n_levels))
        known = _known(self.layout, self.population, stored, draws)
        rng = stream(self.seed, Purpose.LATE_EFFECTS, chain, draw_tile, level_tile)
        return _conditional_draw(
            self.layout, self.sums, stored.covariances.take(draws), known, levels, rng
        )


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
    K = symmetric(np.tensordot(sums.K[:, :, levels], at.precision, axes=(0, 0)), q)
    C = cholesky(identity_plus(product(transpose(L), product(K, L))))
    Lt_f = np.stack([sum(L[a, i] * f[a] for a in range(i, q)) for i in range(q)])
    noise = rng.standard_normal(Lt_f.shape)
    v = solve_lower_transposed(C, solve_lower(C, Lt_f) + noise)
    u = np.stack([sum(L[i, a] * v[a] for a in range(i + 1)) for i in range(q)])
    return np.ascontiguousarray(u.transpose(2, 1, 0))


def _weighted_residual(
    sums: CrossProducts, at: Covariances, effect: int, levels: slice, known: np.ndarray
) -> np.ndarray:
    """Return sum_h tau_h Z_h' W_h (y - known), shape (level, draw)."""
    parts = (
        sums.rows(stratum, effect, levels) @ (tau * known)
        for stratum, tau in enumerate(at.precision)
    )
    return np.asarray(sum(parts))
