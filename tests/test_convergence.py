"""Convergence measures against ArviZ, over chains that mix well, badly and not at all."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats
from hypothesis import given, settings
from hypothesis import strategies as st

from poolish import convergence

AXES = {"chain_axis": 0, "draw_axis": 1}


def chains(seed: int, *, n_chains: int = 4, n_draws: int = 250, phi: float = 0.5) -> np.ndarray:
    """Return three quantities of autoregressive chains: plain, apart by chain, and with ties."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_chains, n_draws, 3))
    for t in range(1, n_draws):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * x[:, t]
    x[:, :, 1] += np.arange(n_chains)[:, None] / 2
    x[:, :, 2] = np.round(2 * x[:, :, 2])
    return x


CHAINS = st.builds(
    chains,
    st.integers(0, 10_000),
    n_chains=st.integers(1, 5),
    n_draws=st.integers(8, 301),
    phi=st.floats(-0.9, 0.98),
)


@settings(max_examples=60, deadline=None)
@given(CHAINS)
def test_effective_sample_sizes_equal_arviz(draws: np.ndarray) -> None:
    bulk = array_stats.ess(draws, method="bulk", **AXES)
    tail = array_stats.ess(draws, method="tail", prob=(0.05, 0.95), **AXES)
    mcse = array_stats.mcse(draws, method="mean", **AXES)

    np.testing.assert_allclose(convergence.ess_bulk(draws), bulk, rtol=1e-8)
    np.testing.assert_allclose(convergence.ess_tail(draws), tail, rtol=1e-8)
    np.testing.assert_allclose(convergence.mcse_mean(draws), mcse, rtol=1e-8)


@settings(max_examples=40, deadline=None)
@given(CHAINS.filter(lambda draws: len(draws) > 1))
def test_rhat_equals_arviz(draws: np.ndarray) -> None:
    np.testing.assert_allclose(convergence.rhat(draws), array_stats.rhat(draws, **AXES), rtol=1e-10)


def test_bfmi_equals_arviz() -> None:
    energy = chains(1)[:, :, 0]

    np.testing.assert_allclose(
        convergence.bfmi(energy), array_stats.bfmi(energy, **AXES), rtol=1e-12
    )


@pytest.mark.parametrize("nu", [2.0, 5.0, 50.0])
@pytest.mark.parametrize("n_weights", [100, 400, 5000])
def test_pareto_shape_equals_arviz(nu: float, n_weights: int) -> None:
    log_weights = np.log(np.abs(np.random.default_rng(3).standard_t(nu, n_weights)))

    _, expected = array_stats.psislw(-log_weights, r_eff=1.0)

    assert convergence.pareto_khat(log_weights) == pytest.approx(float(expected), rel=1e-8)


def test_pareto_shape_leaves_out_what_is_not_finite_and_is_minus_infinity_for_equal_weights() -> (
    None
):
    log_weights = np.random.default_rng(3).standard_normal(500)

    with_gap = np.append(log_weights, -np.inf)

    assert convergence.pareto_khat(with_gap) == convergence.pareto_khat(log_weights)
    assert convergence.pareto_khat(np.zeros(500)) == -np.inf
    assert convergence.pareto_khat(log_weights[:24]) == np.inf


def test_constant_draws_have_no_rhat() -> None:
    assert np.isnan(convergence.rhat(np.ones((4, 100, 1)))).all()
