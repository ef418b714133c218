"""Whether draws of the exact engine can be trusted: k-hat, R-hat and effective sample size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from poolish.engines.protocol import Draws

# Vehtari et al. (2024), JMLR 25(72), 1-58: importance weights above 0.7 are not reliable.
MAX_KHAT = 0.7
# Vehtari et al. (2021), Bayesian Analysis 16(2), 667-718: R-hat below 1.01, and 100 effective
# draws a chain, a tenth of the default 1,000. doi:10.1214/20-BA1221
MAX_RHAT = 1.01
MIN_ESS_SHARE = 0.1
# R-hat of independent draws exceeds 1 by a few times 1 / draws: short chains are not blamed.
RHAT_NOISE = 10.0


def gate(draws: Draws) -> str | None:
    """Return None when the draws can be trusted, else what is wrong in one clause."""
    khat = float(draws.sample_stats["khat"])
    if not khat <= MAX_KHAT:
        return f"k-hat of its proposal is {khat:.2f}, above {MAX_KHAT}"
    for name, values in scalar_draws(draws.posterior):
        problem = _chain_problem(name, values)
        if problem is not None:
            return problem
    return None


def scalar_draws(posterior: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and draws, shape (chain, draw), of all that varies except group effects."""
    for name, values in posterior.items():
        if name.startswith("r_"):
            continue
        for place in np.ndindex(values.shape[2:]):
            one = values[(slice(None), slice(None), *place)]
            if np.ptp(one) > 0:
                yield name, one


def _chain_problem(name: str, values: np.ndarray) -> str | None:
    from arviz_stats.base import array_stats

    n_chains, n_draws = values.shape
    if n_chains > 1:
        rhat = float(array_stats.rhat(values))
        limit = max(MAX_RHAT, 1.0 + RHAT_NOISE / n_draws)
        if not rhat <= limit:
            return f"R-hat of `{name}` is {rhat:.3f}, above {limit:.2f}"
    ess = float(array_stats.ess(values))
    least = MIN_ESS_SHARE * values.size
    if not ess >= least:
        return f"the effective sample size of `{name}` is {ess:.0f}, below {least:.0f}"
    return None
