from __future__ import annotations

import numpy as np
import pytest

from poolish.engines.exact.ratio_table import N_NODES, RatioTable

D = np.exp(np.random.default_rng(1).normal(0, 3, 5000))


def exact(t: float) -> tuple[float, np.ndarray]:
    """What log|C| and R are made of: sums over the eigenvalues of the relation and the data."""
    share = 1.0 / (1.0 + np.exp(t) * D)
    return np.log1p(np.exp(t) * D).sum(), np.array([[share.sum(), 0.5], [0.5, (share * D).sum()]])


@pytest.mark.parametrize("t", [-29.0, -7.3, -4.0, 0.0, 0.1, 3.999, 12.5, 29.0])
def test_values_are_exact_to_rounding(t: float) -> None:
    log_det, R = RatioTable(exact, 2).at(np.array([t]))

    expected_log_det, expected_R = exact(t)
    assert log_det[0] == pytest.approx(expected_log_det, rel=1e-12, abs=1e-10)
    np.testing.assert_allclose(R[0], expected_R, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("t", [-7.3, 0.1, 12.5])
def test_slopes_are_the_derivatives(t: float) -> None:
    log_det, R = RatioTable(exact, 2).slope(np.array([t]))

    share = np.exp(t) * D / (1.0 + np.exp(t) * D)
    assert log_det[0] == pytest.approx(share.sum(), rel=1e-9)
    assert R[0, 0, 0] == pytest.approx(-(share * (1 - share)).sum(), rel=1e-8)


def test_no_variance_is_the_limit() -> None:
    log_det, R = RatioTable(exact, 2).at(np.array([-np.inf]))

    assert log_det[0] == pytest.approx(0.0, abs=1e-7)
    assert R[0, 0, 0] == pytest.approx(5000.0)


@pytest.mark.parametrize("t", [np.nan, np.inf, 31.0])
def test_what_cannot_be_computed_is_nan(t: float) -> None:
    log_det, R = RatioTable(exact, 2).at(np.array([t]))

    assert np.isnan(log_det[0])
    assert np.isnan(R).all()


def test_a_panel_is_filled_once() -> None:
    asked: list[float] = []

    def counted(t: float) -> tuple[float, np.ndarray]:
        asked.append(t)
        return exact(t)

    table = RatioTable(counted, 2)
    for t in (0.1, 0.2, 1.9):
        table.at(np.array([t]))

    assert len(asked) == N_NODES
