"""ArviZ reads the tree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from poolish.predict import with_log_likelihood, with_posterior_predictive


@pytest.fixture(scope="module")
def tree(brms_sleep):
    return with_posterior_predictive(with_log_likelihood(brms_sleep), seed=1).tree


def test_summary_names_the_variables_as_we_do(tree):
    import arviz as az

    table = az.summary(tree, var_names=["b", "sd_Subject", "sigma"], round_to="none")

    assert list(table.index) == [
        "b[Intercept]",
        "b[Days]",
        "sd_Subject[Intercept]",
        "sd_Subject[Days]",
        "sigma",
    ]


def test_loo_is_that_of_log_likelihoods_from_scipy(tree, brms_sleep, sleepstudy):
    import arviz as az

    draws = brms_sleep.draws
    own = draws["r_Subject"].sel(Subject=[str(s) for s in sleepstudy["Subject"]]).values
    b, days = draws["b"].values, sleepstudy["Days"].to_numpy()
    eta = b[..., :1] + own[..., 0] + (b[..., 1:] + own[..., 1]) * days
    density = stats.norm.logpdf(sleepstudy["Reaction"], eta, draws["sigma"].values[..., None])
    by_hand = az.from_dict({"posterior": {"b": b}, "log_likelihood": {"Reaction": density}})

    with pytest.warns(UserWarning, match="Estimated shape parameter of Pareto"):
        found, expected = az.loo(tree, reff=1.0), az.loo(by_hand, reff=1.0)

    assert found.elpd == pytest.approx(expected.elpd, rel=1e-10)
    assert found.n_data_points == 180


def test_forest_and_predictive_plots_are_drawn(tree):
    import matplotlib

    matplotlib.use("agg")
    import arviz as az

    forest = az.plot_forest(tree, var_names=["b"], ci_probs=(0.66, 0.95), backend="matplotlib")
    ppc = az.plot_ppc_dist(tree, num_samples=10, backend="matplotlib")

    assert forest is not None
    assert ppc is not None


def test_predictive_draws_cover_the_data(tree):
    observed = tree["observed_data"]["Reaction"].values

    drawn = tree["posterior_predictive"]["Reaction"].values

    inside = (observed > np.quantile(drawn, 0.025, (0, 1))) & (
        observed < np.quantile(drawn, 0.975, (0, 1))
    )
    assert inside.mean() > 0.9
