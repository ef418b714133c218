"""Whether draws of the exact engine can be trusted: k-hat, R-hat and effective sample size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from poolish import convergence
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
    named = list(scalar_draws(draws.posterior))
    if not named:
        return None
    names = [name for name, _ in named]
    return _chain_problem(names, np.stack([values for _, values in named], axis=2))


def scalar_draws(posterior: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and draws, shape (chain, draw), of all that varies except group effects.

    Of a correlation matrix its lower triangle.
    """
    for name, values in posterior.items():
        if name.startswith("r_"):
            continue
        for place in np.ndindex(values.shape[2:]):
            if name.startswith("cor_") and place[0] <= place[1]:
                continue
            one = values[(slice(None), slice(None), *place)]
            if np.ptp(one) > 0:
                yield name, one


def _chain_problem(names: list[str], values: np.ndarray) -> str | None:
    """Return what is wrong with the worst of the quantities, shape (chain, draw, quantity)."""
    n_chains, n_draws, _ = values.shape
    rhat, ess = convergence.rhat_and_ess_bulk(values)
    if n_chains > 1:
        worst = int(np.argmax(rhat))
        limit = max(MAX_RHAT, 1.0 + RHAT_NOISE / n_draws)
        if not rhat[worst] <= limit:
            return f"R-hat of `{names[worst]}` is {rhat[worst]:.3f}, above {limit:.2f}"
    worst = int(np.argmin(ess))
    least = MIN_ESS_SHARE * n_chains * n_draws
    if not ess[worst] >= least:
        size = f"{ess[worst]:.0f}, below {least:.0f}"
        return f"the effective sample size of `{names[worst]}` is {size}"
    return None
