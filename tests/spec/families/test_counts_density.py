"""The negative binomial density where differences of log gamma functions lose their digits."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from poolish.design.arrays import ResponseDesign
from poolish.spec.families import FAMILIES


def exact_log_density(y: int, mean: float, shape: float) -> float:
    """Return log of the product of (shape + k) / (k + 1) times powers, with sixty digits."""
    with localcontext(prec=60):
        m, s = Decimal(mean), Decimal(shape)
        found = s * (s / (s + m)).ln()
        for k in range(y):
            found += ((s + k) / (k + 1) * m / (s + m)).ln()
        return float(found)


@pytest.mark.parametrize("shape", [1e-8, 0.1, 2.0, 14.0, 16.0, 1e4, 1e8, 1e12, 1e15, 1e30])
@pytest.mark.parametrize("mean", [1e-6, 0.3, 3.0, 500.0, 1e7])
def test_the_density_of_counts_keeps_its_digits_at_any_shape(mean: float, shape: float) -> None:
    y = np.array([0, 1, 5, 300])

    found = FAMILIES["negbinomial"].log_density(
        y, {"mu": np.array(mean), "shape": np.array(shape)}, ResponseDesign("y", y)
    )

    expected = [exact_log_density(k, mean, shape) for k in y]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
