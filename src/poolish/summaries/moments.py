"""Mean, spread, interval and sampling quality of draws."""

from __future__ import annotations

import numpy as np

from poolish import convergence

CI_PROB = 0.95


def summarise_draws(values: np.ndarray, *, ci_prob: float = CI_PROB) -> dict[str, np.ndarray]:
    """Return mean, sd, equal-tailed interval and sampling quality of each quantity.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, quantity)
    ci_prob : float
        Probability of the interval.

    Returns
    -------
    dict of str to ndarray, shape (quantity,)
        `mean`, `sd`, `lower`, `upper`, `rhat`, `ess_bulk`, `ess_tail`, `mcse`; the last four are
        NaN where every draw is equal.
    """
    return describe_draws(values, ci_prob=ci_prob) | measure_sampling(values)


def describe_draws(values: np.ndarray, *, ci_prob: float = CI_PROB) -> dict[str, np.ndarray]:
    """Return mean, sd and equal-tailed interval of each quantity.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, ...)
    ci_prob : float

    Returns
    -------
    dict of str to ndarray, shape (...)
        `mean`, `sd`, `lower`, `upper`; the sd is NaN where a draw is infinite.
    """
    tails = (0.5 - ci_prob / 2, 0.5 + ci_prob / 2)
    # Some draws of a variance may be infinite (Student's, below two degrees of freedom).
    with np.errstate(over="ignore", invalid="ignore"):
        lower, upper = np.quantile(values, tails, axis=(0, 1))
        mean, sd = values.mean(axis=(0, 1)), values.std(axis=(0, 1), ddof=1)
    return {"mean": mean, "sd": sd, "lower": lower, "upper": upper}


def measure_sampling(values: np.ndarray) -> dict[str, np.ndarray]:
    """Return R-hat, bulk and tail effective sample sizes and the MCSE of the mean.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, quantity)

    Returns
    -------
    dict of str to ndarray, shape (quantity,)
        NaN where every draw is equal, or there are fewer than four draws a chain.

    References
    ----------
    Vehtari et al. (2021), Bayesian Analysis 16(2), 667-718. doi:10.1214/20-BA1221
    """
    names = ("rhat", "ess_bulk", "ess_tail", "mcse")
    result = {name: np.full(values.shape[2], np.nan) for name in names}
    varies = np.ptp(values, axis=(0, 1)) > 0
    if values.shape[1] < 4 or not varies.any():
        return result
    moving = values[:, :, varies]
    rhat, ess_bulk = convergence.rhat_and_ess_bulk(moving)
    result["rhat"][varies] = rhat if len(moving) > 1 else np.nan
    result["ess_bulk"][varies] = ess_bulk
    result["ess_tail"][varies] = convergence.ess_tail(moving)
    result["mcse"][varies] = convergence.mcse_mean(moving)
    return result
