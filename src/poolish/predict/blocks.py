"""Draws in blocks, so that memory stays bounded whatever the number of draws and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from poolish.predict.effects import add_effects
from poolish.predict.rows import PredictionRows, PredictorRows
from poolish.spec.model import ModelSpec

# Bytes of one (draw, obs) array of doubles; a few of this size are alive at once.
BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Block:
    """A block of draws on its way to a prediction.

    Parameters
    ----------
    spec : ModelSpec
    rows : PredictionRows
    draws : slice
    linear : Mapping of str to ndarray, shape (sample, obs)
        Linear predictors by parameter.
    """

    spec: ModelSpec
    rows: PredictionRows
    draws: slice
    linear: Mapping[str, np.ndarray]

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Return every family parameter on its own scale."""
        predictors = self.spec.predictors
        modelled = {name: predictors[name].link.inverse(eta) for name, eta in self.linear.items()}
        auxiliary = {name: values[self.draws] for name, values in self.rows.auxiliary.items()}
        return modelled | auxiliary

    def at(self, rows: np.ndarray) -> Block:
        """Return the same draws for some of the rows, given by their positions."""
        linear = {name: eta[:, rows] for name, eta in self.linear.items()}
        return replace(self, linear=linear)


def iterate_blocks(
    spec: ModelSpec, rows: PredictionRows, rng: np.random.Generator
) -> Iterator[Block]:
    """Yield blocks of draws with their linear predictors.

    Parameters
    ----------
    spec : ModelSpec
    rows : PredictionRows
    rng : numpy.random.Generator
        New groups come from it, each group of each parameter from a stream of its own.
    """
    generators = {name: rng.spawn(len(p.groups)) for name, p in rows.predictors.items()}
    for draws in _draw_blocks(rows.n_samples, rows.shape[2]):
        linear = {
            name: _linear(predictor, draws, generators[name])
            for name, predictor in rows.predictors.items()
        }
        yield Block(spec, rows, draws, linear)


def _draw_blocks(n_samples: int, n_obs: int) -> Iterator[slice]:
    size = max(1, BLOCK_BYTES // (8 * max(1, n_obs)))
    for start in range(0, n_samples, size):
        yield slice(start, min(start + size, n_samples))


def _linear(
    predictor: PredictorRows, draws: slice, generators: list[np.random.Generator]
) -> np.ndarray:
    eta = predictor.offset + predictor.b[draws] @ predictor.X.T
    for group, rng in zip(predictor.groups, generators, strict=True):
        add_effects(eta, group, draws, rng)
    return eta
