"""The explorer's mathematics by dense linear algebra, written another way than the page's."""

from __future__ import annotations

import numpy as np
from scipy import stats


def pool(y: np.ndarray, v: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Return posterior mean and covariance of (mu, theta), from their joint precision matrix."""
    n = len(y)
    precision = np.zeros((n + 1, n + 1))
    precision[0, 0] = n / tau**2
    precision[0, 1:] = precision[1:, 0] = -1 / tau**2
    precision[1:, 1:] = np.diag(1 / tau**2 + 1 / v)
    covariance = np.linalg.inv(precision)
    information = np.where(np.isfinite(v), y / v, 0.0)
    return covariance @ np.concatenate([[0.0], information]), covariance


def tau_density(y: np.ndarray, v: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return p(tau | y) on a grid: the density of contrasts of y, which do not depend on mu."""
    n = len(y)
    contrasts = np.eye(n)[1:] - np.eye(n)[:1]
    log = [
        stats.multivariate_normal(
            np.zeros(n - 1), contrasts @ np.diag(v + t**2) @ contrasts.T
        ).logpdf(contrasts @ y)
        for t in grid
    ]
    density = np.exp(np.array(log) - max(log))
    return density / density.sum()


def mixed_model(
    y: np.ndarray, Z: np.ndarray, codes: np.ndarray, T: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mu and the deviations of a mixed model by generalised least squares on all rows."""
    n_groups, q = codes.max() + 1, Z.shape[1]
    wide = np.zeros((len(y), n_groups * q))
    for row, code in enumerate(codes):
        wide[row, code * q : (code + 1) * q] = Z[row]
    between = np.kron(np.eye(n_groups), T)
    marginal = np.linalg.inv(wide @ between @ wide.T + sigma**2 * np.eye(len(y)))
    mu = np.linalg.solve(Z.T @ marginal @ Z, Z.T @ marginal @ y)
    return mu, (between @ wide.T @ marginal @ (y - Z @ mu)).reshape(n_groups, q)
