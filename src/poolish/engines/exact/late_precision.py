"""Effects with sparse precisions between levels, drawn again from what is stored, bit for bit.

Given b and the covariances all levels of all factors are drawn together, each draw with a random
stream of its own, so any draws can be made again without the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.streams import Purpose, stream
from poolish.engines.exact.variables import Stored

# Draws at a time: those of one theta share one sparse factor.
DRAWS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class LatePrecision:
    """The draws of one factor's effects, made when asked for.

    Parameters
    ----------
    likelihood : Precision
    factor : int
        Position of the factor wanted.
    stored : Stored
        Of all chains, one after the other.
    n_chains, seed : int
    """

    likelihood: Precision
    factor: int
    stored: Stored
    n_chains: int
    seed: int

    def draw(self, draws: slice, levels: np.ndarray) -> np.ndarray:
        """Return effects of some draws and levels, shape (chain, draw, level, effect)."""
        wanted = self.stored.places(self.n_chains, draws)
        parts = [
            self._effects(wanted[start : start + DRAWS_AT_ONCE])[:, levels]
            for start in range(0, len(wanted), DRAWS_AT_ONCE)
        ]
        found = np.concatenate(parts)
        return found.reshape(self.n_chains, -1, *found.shape[1:])

    def _effects(self, wanted: np.ndarray) -> np.ndarray:
        stored, likelihood = self.stored, self.likelihood
        size = likelihood.n_obs + likelihood.equations.n_unknowns
        noise = np.stack(
            [
                stream(self.seed, Purpose.LATE_EFFECTS, int(draw)).standard_normal(size)
                for draw in wanted
            ]
        )
        at = stored.covariances.take(wanted)
        effects = likelihood.draw_effects(at, _first_alike(at), stored.b[wanted], noise)
        return effects[self.factor]


def _first_alike(at: Covariances) -> np.ndarray:
    """Return for each value the position of the first one equal to it."""
    flat = [*(root.reshape(-1, at.n_values) for root in at.roots), at.precision]
    _, first, index = np.unique(
        np.concatenate(flat), axis=1, return_index=True, return_inverse=True
    )
    return np.asarray(first[index.reshape(-1)])
