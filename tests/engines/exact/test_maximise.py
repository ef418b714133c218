"""Maxima on and off the bounds of variances."""

from dataclasses import dataclass

import numpy as np
import pytest

from poolish.engines.exact.maximise import maximise


@dataclass(frozen=True)
class Quartic:
    """-(x^2 - best)^2: flat at 0, its maximum at sqrt(best), or at the bound 0 for best < 0."""

    best: float
    first: float

    @property
    def is_diagonal(self):
        return np.array([True])

    @property
    def blocks(self):
        return (np.arange(1),)

    def start(self):
        return np.array([self.first])

    def value(self, x):
        return -1e4 * float((x[0] ** 2 - self.best) ** 2)

    def gradient(self, x):
        return self.value(x), np.array([-4e4 * x[0] * (x[0] ** 2 - self.best)])


@pytest.mark.parametrize("sd", [3.0, 0.3, 0.04, 0.004])
@pytest.mark.parametrize("first", [1.0, 0.0])
def test_a_small_maximum_beside_the_bound_is_found(sd, first):
    assert maximise(Quartic(sd**2, first)) == pytest.approx([sd], rel=1e-4)


def test_a_maximum_at_the_bound_is_exactly_zero():
    assert maximise(Quartic(-0.01, 1.0)) == [0.0]
