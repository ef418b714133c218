"""New groups: drawn from the population distribution, correlated, seeded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.made_fits import make_posterior

from poolish.predict import predict
from poolish.relations.relation import Relation

N = 20_000
SD = np.array([2.0, 0.7])
RHO = -0.6


@pytest.fixture(scope="module")
def known(rows):
    """Return a fit whose population distribution is the same in every draw."""
    draws = {
        "b": np.zeros((1, N, 2)),
        "sd_g": np.broadcast_to(SD, (1, N, 2)),
        "cor_g": np.broadcast_to([[1.0, RHO], [RHO, 1.0]], (1, N, 2, 2)),
        "r_g": np.zeros((1, N, 6, 2)),
        "sigma": np.ones((1, N)),
    }
    return make_posterior("y ~ x + (x | g)", rows, draws)


def test_effects_have_the_population_covariance(known):
    new = pd.DataFrame({"x": [0.0, 1.0], "g": ["a", "a"]})

    drawn = predict(known, new, kind="linear", groups="new").values[0]

    effects = np.column_stack([drawn[:, 0], drawn[:, 1] - drawn[:, 0]])
    expected = np.outer(SD, SD) * [[1.0, RHO], [RHO, 1.0]]
    # Standard error of a sample covariance: sqrt((s_ij^2 + s_ii s_jj) / n).
    se = np.sqrt((expected**2 + np.outer(SD**2, SD**2)) / N)
    assert (np.abs(np.cov(effects.T) - expected) < 4 * se).all()
    assert stats.kstest(effects[:, 0] / SD[0], "norm").pvalue > 1e-4


def test_rows_of_the_same_new_group_share_its_effects(known):
    new = pd.DataFrame({"x": 0.0, "g": ["a", "b", "a"]})

    drawn = predict(known, new, kind="linear", groups="new").values[0]

    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 4 / np.sqrt(N)


def test_fitted_labels_are_new_groups_too(known):
    new = pd.DataFrame({"x": 0.0, "g": [308]})

    drawn = predict(known, new, kind="linear", groups="new").values

    assert drawn.std() == pytest.approx(SD[0], rel=0.05)


def test_the_same_seed_gives_the_same_groups(known):
    new = pd.DataFrame({"x": 0.0, "g": ["a"]})

    first, again, other = (predict(known, new, groups="new", seed=s) for s in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_perfect_correlation_is_no_obstacle(rows):
    draws = {
        "sd_g": np.broadcast_to(SD, (1, 50, 2)),
        "cor_g": np.ones((1, 50, 2, 2)),
        "b": np.zeros((1, 50, 2)),
    }
    posterior = make_posterior("y ~ x + (x | g)", rows, draws)
    new = pd.DataFrame({"x": [0.0, 1.0], "g": "a"})

    drawn = predict(posterior, new, kind="linear", groups="new").values

    np.testing.assert_allclose(drawn[..., 1] / drawn[..., 0], 1 + SD[1] / SD[0])


def test_units_of_a_known_covariance_have_its_mean_variance(rows):
    labels = tuple(str(g) for g in sorted(set(rows["g"])))
    K = np.diag([2.0, 4.0, 2.0, 4.0, 3.0, 3.0])
    relation = Relation(labels, K, variances=np.diagonal(K))
    draws = {"sd_g": np.ones((1, N, 1)), "b": np.zeros((1, N, 1))}
    posterior = make_posterior("y ~ 1 + (1 | gr(g, cov=K))", rows, draws, relations={"K": relation})

    drawn = predict(posterior, pd.DataFrame({"g": ["a"]}), kind="linear", groups="new").values

    # Standard error of a sample variance of 3: 3 sqrt(2 / n).
    assert drawn.var() == pytest.approx(3.0, abs=4 * 3.0 * np.sqrt(2 / N))
