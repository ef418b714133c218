"""The tree's costly groups: named at once, computed when read, equal to what was asked for."""

from __future__ import annotations

import numpy as np
from scipy import stats

from poolish.posterior import Posterior
from poolish.predict import predict
from poolish.predict.lazy import with_lazy_groups


def test_lazy_log_likelihood_is_the_normal_density(slopes: Posterior) -> None:
    tree = with_lazy_groups(slopes)

    mean = predict(slopes, kind="mean")
    sigma = slopes.draws["sigma"]
    expected = stats.norm.logpdf(slopes.design.response.y, mean, sigma.values[..., None])
    np.testing.assert_allclose(tree["log_likelihood"]["y"].values, expected, rtol=1e-10)


def test_part_of_a_lazy_group_is_the_part_of_the_whole(slopes: Posterior) -> None:
    tree = with_lazy_groups(slopes)
    rows = slopes.tree["observed_data"]["obs"].values[[0, 5]]

    part = tree["posterior_predictive"]["y"].sel(obs=rows).isel(chain=1)

    whole = predict(slopes, kind="response", seed=slopes.record.seed)
    np.testing.assert_array_equal(part.values, whole.values[1][:, [0, 5]])


def test_group_that_is_already_there_is_kept(slopes: Posterior) -> None:
    tree = with_lazy_groups(slopes)

    assert set(slopes.tree.children) < set(tree.children)
