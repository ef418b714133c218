"""Independence Metropolis-Hastings on weights that are known."""

import numpy as np
import pytest

from poolish.engines.exact.metropolis import CARRIED, accept


def test_higher_weights_are_always_accepted():
    index = accept(np.array([0.0, 1.0, 2.0]), np.log(np.full(3, 0.999)), -np.inf)

    assert index.tolist() == [0, 1, 2]


def test_the_state_is_carried_until_something_is_accepted():
    index = accept(np.array([-np.inf, -50.0, 3.0]), np.log(np.full(3, 0.5)), 0.0)

    assert index.tolist() == [CARRIED, CARRIED, 2]


def test_nothing_impossible_is_ever_accepted():
    index = accept(np.array([-np.inf]), np.log(np.array([1e-9])), 0.0)

    assert index.tolist() == [CARRIED]


def test_chains_have_the_target_distribution(rng):
    # Target 2:1 on two points, proposed evenly.
    points = rng.integers(0, 2, 50_000)

    index = accept(np.log(np.where(points == 1, 2.0, 1.0)), np.log(rng.random(50_000)), -np.inf)

    # Acceptance 3/4 doubles the variance at most.
    share = points[index].mean()
    assert share == pytest.approx(2 / 3, abs=4 * np.sqrt(2 * (2 / 9) / 50_000))
