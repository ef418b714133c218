"""Importance weights with a Pareto-smoothed tail."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp


def smooth(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Return normalised Pareto-smoothed log weights, and Pareto k.

    Parameters
    ----------
    log_ratios : ndarray, shape (sample,)

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).
    """
    from arviz_stats.base import array_stats

    # Draws that are all the same weigh the same, and no tail is bounded more surely.
    if np.ptp(log_ratios) == 0:
        return np.full(len(log_ratios), -np.log(len(log_ratios))), -np.inf
    is_endless = np.isposinf(log_ratios)
    if is_endless.any():  # a unit that some draws hold to be impossible
        return np.where(is_endless, -np.log(is_endless.sum()), -np.inf), np.inf
    # The function takes logarithms of 1 / ratio, as of likelihoods.
    # A tail of a few draws has no fit: k is then infinite or no number, which is never good.
    with np.errstate(all="ignore"):
        log_weights, khat = array_stats.psislw(-log_ratios)
    if np.isnan(log_weights).any():  # ratios so far apart that the smoother has no scale
        return log_ratios - logsumexp(log_ratios), np.inf
    return np.asarray(log_weights), float(np.nan_to_num(khat, nan=np.inf))
