"""R-hat, effective sample size, Monte Carlo error and Pareto k, for many quantities at once.

ArviZ computes the same numbers one quantity at a time, behind an import of a second and more; here
the work is vectorised over quantities, so that a fit can be judged, whole, in milliseconds. The
tests hold every function to ArviZ.

References
----------
Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), Rank-normalization, folding, and localization:
an improved R-hat, Bayesian Analysis 16(2), 667-718. doi:10.1214/20-BA1221
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, ndtri

# Blom's offset for normal scores of ranks.
_BLOM = 3.0 / 8.0


def rhat(draws: np.ndarray) -> np.ndarray:
    """Return the rank-normalised split R-hat of each quantity, bulk or tail, whichever is larger.

    Parameters
    ----------
    draws : ndarray, shape (chain, draw, quantity)
        At least four draws a chain.

    Returns
    -------
    ndarray, shape (quantity,)
        Near 1 when chains agree; NaN when every draw is equal.

    References
    ----------
    Vehtari et al. (2021), equations 4 and 14.
    """
    return rhat_and_ess_bulk(draws)[0]


def rhat_and_ess_bulk(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `rhat` and `ess_bulk` of each quantity, for little more than the cost of one."""
    split = _split_chains(draws)
    folded = np.abs(split - np.median(split, axis=(0, 1)))
    scores = _normal_scores(np.concatenate([split, folded], axis=2))
    found = np.maximum(*np.split(_basic_rhat(scores), 2))
    return found, _ess(scores[:, :, : draws.shape[2]])


def ess_bulk(draws: np.ndarray) -> np.ndarray:
    """Return the bulk effective sample size of each quantity, shape (quantity,).

    References
    ----------
    Vehtari et al. (2021), equation 11 on normal scores of ranks.
    """
    return _ess(_normal_scores(_split_chains(draws)))


def ess_tail(draws: np.ndarray, *, probs: tuple[float, float] = (0.05, 0.95)) -> np.ndarray:
    """Return the smaller effective sample size of two quantiles, shape (quantity,).

    References
    ----------
    Vehtari et al. (2021), section 4.3.
    """
    cuts = np.quantile(draws, probs, axis=(0, 1))
    sizes = [_ess(_split_chains((draws <= cut).astype(float))) for cut in cuts]
    return np.minimum(*sizes)


def mcse_mean(draws: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo standard error of each mean, shape (quantity,)."""
    return np.asarray(draws.std(axis=(0, 1), ddof=1) / np.sqrt(_ess(_split_chains(draws))))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Return the estimated Bayesian fraction of missing information of each chain.

    Parameters
    ----------
    energy : ndarray, shape (chain, draw)

    References
    ----------
    Betancourt (2016), Diagnosing suboptimal cotangent disintegrations, equation 6.
    doi:10.48550/arXiv.1604.00695
    """
    return np.asarray(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, 1, ddof=1))


def pareto_khat(log_weights: np.ndarray) -> float:
    """Return the Pareto shape of the largest importance weights.

    Parameters
    ----------
    log_weights : ndarray, shape (proposal,)
        Not finite ones are left out.

    Returns
    -------
    float
        Below 0.7 the weights can be relied on; -inf when all are equal, inf when there are fewer
        than 25, too few to tell.

    References
    ----------
    Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72), 1-58, section 2;
    Zhang & Stephens (2009), Technometrics 51(3), 316-325. doi:10.1198/tech.2009.08017
    """
    finite = np.sort(log_weights[np.isfinite(log_weights)])
    if len(finite) < 25:
        return np.inf
    if np.ptp(finite) < 1e-12:
        return -np.inf
    n_tail = int(3 * np.sqrt(len(finite)) if len(finite) > 225 else len(finite) / 5)
    weights = np.exp(finite[-n_tail - 1 :] - finite[-1])
    return _pareto_shape(weights[1:] - weights[0])


def _pareto_shape(excess: np.ndarray) -> float:
    """Return the shape of a generalised Pareto distribution, from sorted excesses."""
    n = len(excess)
    quartile = excess[int(n / 4 + 0.5) - 1]
    if quartile <= excess[0]:
        return np.inf
    grid = np.arange(1, 31 + int(np.sqrt(n))) - 0.5
    scale = (1 - np.sqrt(len(grid) / grid)) / (3 * quartile) + 1 / excess[-1]
    shape = np.log1p(-scale[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-scale / shape) - shape - 1)
    posterior = np.exp(profile - logsumexp(profile))
    fitted = np.log1p(-(scale @ posterior) * excess).mean()
    # The weak prior of section 2.4: ten observations with shape 0.5.
    return float((n * fitted + 10 * 0.5) / (n + 10))


def _split_chains(draws: np.ndarray) -> np.ndarray:
    half = draws.shape[1] // 2
    return np.concatenate((draws[:, :half], draws[:, -half:]))


def _normal_scores(draws: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of the average ranks over all chains."""
    flat = np.ascontiguousarray(draws.reshape(-1, draws.shape[2]).T)
    n = flat.shape[1]
    # The scores of the ranks 1, 3/2, 2, ..., n: averages of ties are whole or half.
    of_rank = ndtri((np.arange(2, 2 * n + 1) / 2 - _BLOM) / (n - 2 * _BLOM + 1))
    scores = np.empty_like(flat)
    for values, found in zip(flat, scores, strict=True):
        order = np.argsort(values)
        ordered = values[order]
        is_new = ordered[1:] != ordered[:-1]
        if is_new.all():
            found[order] = of_rank[::2]
            continue
        starts = np.flatnonzero(np.concatenate([[True], is_new]))
        ends = np.append(starts[1:], n)
        found[order] = np.repeat(of_rank[starts + ends - 1], ends - starts)
    return scores.T.reshape(draws.shape)


def _basic_rhat(draws: np.ndarray) -> np.ndarray:
    n_draws = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean(axis=0)
    between = n_draws * draws.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt((between / within + n_draws - 1) / n_draws))


def _ess(draws: np.ndarray) -> np.ndarray:
    """Return the effective sample size by Geyer's initial monotone sequence, shape (quantity,)."""
    n_chains, n_draws, n_quantities = draws.shape
    autocovariance = _mean_autocovariance(draws)
    mean_variance = autocovariance[0] * n_draws / (n_draws - 1)
    total = autocovariance[0] + (draws.mean(axis=1).var(axis=0, ddof=1) if n_chains > 1 else 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1 - (mean_variance - autocovariance) / total
    rho[0] = 1.0
    n_pairs = max((n_draws - 1) // 2, 1)
    pairs = rho[: 2 * n_pairs].reshape(n_pairs, 2, n_quantities).sum(axis=1)
    ends = pairs <= 0
    last = np.where(ends.any(axis=0), ends.argmax(axis=0), n_pairs - 1)
    monotone = np.minimum.accumulate(pairs, axis=0)
    kept = np.arange(n_pairs)[:, None] < last
    # Of the first pair that is not positive, its even member still counts when it is; of the
    # last pair of all it always does.
    even = rho[2 * last, np.arange(n_quantities)]
    even = np.where(ends.any(axis=0), np.maximum(even, 0.0), even)
    tau = -1 + 2 * np.where(kept, monotone, 0.0).sum(axis=0) + even
    size = n_chains * n_draws
    result = size / np.maximum(tau, 1 / np.log10(size))
    return np.where(np.ptp(draws, axis=(0, 1)) < 1e-15, float(size), result)


def _mean_autocovariance(draws: np.ndarray) -> np.ndarray:
    """Return the autocovariances, averaged over chains, shape (lag, quantity)."""
    n_draws = draws.shape[1]
    padded = 1 << (2 * n_draws - 1).bit_length()
    spectrum = np.fft.rfft(draws - draws.mean(axis=1, keepdims=True), n=padded, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    return np.asarray(np.fft.irfft(power, n=padded, axis=0)[:n_draws] / n_draws)
