"""The residual variances: known weights, known standard errors, one sigma or one per stratum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import Design, PredictorDesign, ResponseDesign

MAX_STRATA = 64


@dataclass(frozen=True, slots=True)
class Residual:
    """Var(e_i) = 1 / (precision[strata[i]] weights[i]).

    Parameters
    ----------
    strata : ndarray of int, shape (obs,)
    weights : ndarray, shape (obs,), > 0
    X : ndarray, shape (stratum, coef)
        The rows of the predictor of log sigma; no columns when it has no formula.
    offset : ndarray, shape (stratum,)
        Its offset.
    average : ndarray, shape (coef,)
        Means of its columns over all rows, where its intercept's prior may apply.
    """

    strata: np.ndarray
    weights: np.ndarray
    X: np.ndarray
    offset: np.ndarray
    average: np.ndarray

    @property
    def n_strata(self) -> int:
        """Return the number of different residual variances (before weights)."""
        return len(self.offset)

    @property
    def counts(self) -> np.ndarray:
        """Return the rows of each stratum."""
        return np.bincount(self.strata, minlength=self.n_strata)

    def where(self, stratum: int) -> np.ndarray:
        """Return the weights within one stratum, 0 outside, shape (obs,)."""
        return np.where(self.strata == stratum, self.weights, 0.0)


def build_residual(design: Design) -> Residual:
    """Return the residual strata of a Gaussian design: distinct rows of the predictor of sigma."""
    weights = known_precision(design.response)
    predictor = design.predictors.get("sigma")
    if predictor is None:
        n_obs = design.n_obs
        empty = np.zeros((1, 0))
        return Residual(np.zeros(n_obs, dtype=int), weights, empty, np.zeros(1), np.zeros(0))
    rows, strata = distinct_rows(predictor)
    return Residual(strata, weights, rows[:, :-1], rows[:, -1], predictor.X.mean(axis=0))


def known_precision(response: ResponseDesign) -> np.ndarray:
    """Return the known part of the residual precision: `weights(w)` over `se(s)` squared."""
    weights = np.ones(len(response.y)) if response.weights is None else response.weights
    return weights if response.se is None else weights / response.se**2


def distinct_rows(predictor: PredictorDesign) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows of [X offset], and each observation's row."""
    rows = np.column_stack([predictor.X, predictor.offset])
    distinct, index = np.unique(rows, axis=0, return_inverse=True)
    return distinct, index.reshape(-1)
