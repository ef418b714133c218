"""Independence Metropolis-Hastings on weights that are known."""

import numpy as np
import pytest

from poolish.engines.exact.metropolis import CARRIED, MIN_KEPT, accept, kept_share, log_ceiling


def test_higher_weights_are_always_accepted():
    index = accept(np.array([0.0, 1.0, 2.0]), np.log(np.full(3, 0.999)), -np.inf)

    assert index.tolist() == [0, 1, 2]


def test_equal_weights_are_always_accepted():
    log_uniform = np.log(np.full(3, 0.999))

    assert accept(np.full(3, 2.0), log_uniform, 2.0).tolist() == [0, 1, 2]
    assert accept(np.full(3, 2.0), log_uniform, 9.0).tolist() == [CARRIED] * 3
    assert accept(np.full(3, -np.inf), log_uniform, -np.inf).tolist() == [CARRIED] * 3


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


def test_the_filter_keeps_all_below_the_largest_weight_when_that_is_enough():
    log_weights = np.log([0.5, 1.0, 0.8, 1.0])

    assert log_ceiling(log_weights) == pytest.approx(0.0)
    assert kept_share(log_weights, 0.0) == pytest.approx([0.5, 1.0, 0.8, 1.0])


def test_the_filter_lowers_its_ceiling_to_keep_enough(rng):
    log_weights = 2 * rng.standard_normal(400)

    ceiling = log_ceiling(log_weights)

    assert kept_share(log_weights, ceiling).mean() == pytest.approx(MIN_KEPT, abs=0.01)


def test_nothing_impossible_passes_the_filter():
    log_weights = np.array([-np.inf, 0.0])

    assert kept_share(log_weights, -np.inf).tolist() == [0.0, 1.0]
    assert log_ceiling(np.full(3, -np.inf)) == -np.inf


def test_chains_after_the_filter_have_the_target_distribution(rng):
    # Three points, proposed evenly, of weights 1, 2 and 6, with the ceiling at 2.
    log_weight = np.log([1.0, 2.0, 6.0])
    points = rng.integers(0, 3, 60_000)
    kept = points[rng.random(len(points)) < kept_share(log_weight[points], np.log(2.0))]

    above = np.maximum(log_weight[kept], np.log(2.0))
    chain = kept[accept(above, np.log(rng.random(len(kept))), -np.inf)]

    # Acceptance above 0.6 multiplies the variance by 3 at most.
    share = np.bincount(chain) / len(chain)
    error = np.sqrt(3 * share * (1 - share) / len(chain))
    assert (np.abs(share - np.array([1, 2, 6]) / 9) < 4 * error).all()
