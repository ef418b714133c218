from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.made_fits import make_posterior

import poolish as po
from poolish.errors import DataError, UnsupportedError
from poolish.predict.lazy import with_lazy_groups
from poolish.summaries.compare import compare_loo, stacking_weights
from poolish.summaries.effects import select_group
from poolish.summaries.group_likelihood import _by_points, marginal_log_likelihood
from poolish.summaries.loo import leave_group_out, leave_one_out
from poolish.summaries.sensitivity import tabulate_sensitivity


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_leave_one_out_is_that_of_arviz(brms_sleep):
    from arviz_stats import loo

    ours = leave_one_out(brms_sleep)

    theirs = loo(with_lazy_groups(brms_sleep), reff=1.0, pointwise=True)
    assert ours.elpd == pytest.approx(theirs.elpd, abs=1e-6)
    assert ours.se == pytest.approx(theirs.se, abs=1e-6)
    assert ours.p == pytest.approx(theirs.p, abs=1e-6)
    np.testing.assert_allclose(ours.pointwise["khat"], theirs.pareto_k.values, atol=1e-8)


def test_rows_with_a_high_k_are_named(brms_sleep):
    result = leave_one_out(brms_sleep)

    assert set(result.doubtful) <= {"7", "56", "59"}
    assert all(row in repr(result) for row in result.doubtful)


def test_the_likelihood_of_a_level_is_a_multivariate_normal(brms_sleep):
    found = select_group(brms_sleep, "Subject")

    values = marginal_log_likelihood(brms_sleep, found, n_nodes=2, seed=0)

    draws, y = brms_sleep.draws.isel(chain=1, draw=3), brms_sleep.design.response.y
    X = brms_sleep.design.main.X[20:30]
    sd = draws["sd_Subject"].values
    S = draws["cor_Subject"].values * np.outer(sd, sd)
    covariance = X @ S @ X.T + float(draws["sigma"]) ** 2 * np.eye(10)
    expected = stats.multivariate_normal(X @ draws["b"].values, covariance).logpdf(y[20:30])
    place = 1 * brms_sleep.draws.sizes["draw"] + 3
    assert values[place, 2] == pytest.approx(expected, abs=1e-8)


def test_points_agree_with_the_exact_integral(brms_sleep):
    found = select_group(brms_sleep, "Subject")
    exact = marginal_log_likelihood(brms_sleep, found, n_nodes=2, seed=0)

    points = marginal_log_likelihood(brms_sleep, found, n_nodes=128, seed=0, integrate=_by_points)

    assert np.abs(points - exact).mean() < 0.03


def test_a_new_subject_is_predicted_worse_than_a_new_row(brms_sleep):
    assert leave_group_out(brms_sleep, "Subject").elpd < leave_one_out(brms_sleep).elpd


def test_levels_with_a_known_covariance_are_not_left_out():
    K = pd.DataFrame(np.eye(3) + 0.1, index=list("abc"), columns=list("abc"))
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.0, 7.0], "g": list("aabbcc")})
    posterior = po.fit(
        "y ~ 1 + (1 | gr(g, cov=K))", data, relations={"K": K}, seed=1, progress=False
    ).result

    with pytest.raises(UnsupportedError, match="cannot be left out one at a time"):
        leave_group_out(posterior, posterior.spec.main.groups[0].name)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_the_better_model_is_named(sleep_fit, sleepstudy):
    smaller = po.fit("Reaction ~ Days + (1 | Subject)", sleepstudy, seed=1, progress=False)

    result = po.compare({"smaller": smaller, "larger": sleep_fit})

    from arviz_stats import loo

    table = result.to_df()
    assert list(table["model"]) == ["larger", "smaller"]
    assert table["elpd"][0] == pytest.approx(loo(sleep_fit.tree, reff=1.0).elpd, abs=1e-6)
    assert "`larger` predicts better than `smaller`" in result.sentence
    assert table["weight"].sum() == pytest.approx(1.0)


def test_equal_models_do_not_clearly_differ(brms_sleep):
    result = compare_loo({"a": leave_one_out(brms_sleep), "b": leave_one_out(brms_sleep)})

    assert result.sentence.startswith("No clear difference between `a` and `b`")


def test_stacking_weights_are_those_of_a_grid(rng):
    elpd = np.log(rng.uniform(0.1, 1.0, size=(50, 2)))

    grid = np.linspace(0, 1, 20001)
    score = np.log(np.exp(elpd) @ np.stack([grid, 1 - grid])).sum(axis=0)
    assert stacking_weights(elpd)[0] == pytest.approx(grid[score.argmax()], abs=1e-3)


def test_fits_of_other_data_are_not_compared(brms_sleep, sleepstudy):
    other = make_posterior(
        "Reaction ~ Days + (Days | Subject)", sleepstudy.assign(Reaction=sleepstudy.Reaction + 1)
    )

    with pytest.raises(DataError, match="`a` and `b` are fits to different data"):
        compare_loo({"a": leave_one_out(brms_sleep), "b": leave_one_out(other)})


def test_other_units_are_not_compared(brms_sleep):
    results = {"a": leave_one_out(brms_sleep), "b": leave_group_out(brms_sleep, "Subject")}

    with pytest.raises(DataError, match="leave out different units"):
        compare_loo(results)


def test_one_fit_is_no_comparison(brms_sleep):
    with pytest.raises(DataError, match="needs two models or more"):
        compare_loo({"a": leave_one_out(brms_sleep)})


def test_a_prior_against_the_data_is_named(rng):
    data = pd.DataFrame({"y": 5 + rng.normal(size=30), "x": rng.normal(size=30)})
    fit = po.fit("y ~ x", data, priors={"b[Intercept]": "normal(0, 0.5)"}, seed=1, progress=False)

    table = tabulate_sensitivity(fit.result).to_df().set_index("parameter")

    assert table.loc["b[Intercept]", "reading"] == "prior and data disagree"
    assert table.loc["b[Intercept]", "most_by"] == "b[Intercept]"


def test_weak_priors_leave_the_slope_to_the_data(sleep_fit):
    table = tabulate_sensitivity(sleep_fit.result).to_df().set_index("parameter")

    assert table.loc["b[Days]", "reading"] == "the data decide"
