from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.made_fits import make_posterior

from poolish.design.arrays import ResponseDesign
from poolish.errors import UnknownColumnError, UnknownNameError
from poolish.summaries.predictive import KINDS, STATISTICS, check_predictive, predictive_p
from poolish.summaries.quantile_residuals import censor_replicates, rank_among, tabulate_residuals

N_ROWS = 400


@pytest.fixture(scope="module")
def counts():
    """Poisson counts with zeros added, and a Poisson fit with the true mean."""
    rng = np.random.default_rng(1)
    y = rng.poisson(3.0, N_ROWS) * (rng.uniform(size=N_ROWS) > 0.3)
    data = pd.DataFrame({"y": y, "part": np.repeat(["a", "b"], N_ROWS // 2)})
    b = np.log(3.0) + np.zeros((4, 50, 2)) * [1.0, 0.0]
    b[..., 1] = 0.0
    return make_posterior("y ~ part", data, {"b": b}, family="poisson")


def test_statistics_of_the_data_are_those_of_numpy(brms_sleep, sleepstudy):
    table = check_predictive(brms_sleep, "statistics").to_df().set_index("statistic")

    y = sleepstudy["Reaction"]
    assert table.loc["mean", "observed"] == pytest.approx(y.mean(), rel=1e-12)
    assert table.loc["sd", "observed"] == pytest.approx(y.std(ddof=0), rel=1e-12)
    assert table.loc["skewness", "observed"] == pytest.approx(stats.skew(y), rel=1e-10)
    assert table.loc["largest", "observed"] == y.max()


def test_a_model_that_fits_reproduces_mean_and_spread(brms_sleep):
    table = check_predictive(brms_sleep, "statistics").to_df().set_index("statistic")

    assert table.loc[["mean", "sd"], "p"].between(0.05, 0.95).all()


@pytest.mark.parametrize("scale", [1.0, 1e-150])
def test_skewness_of_equal_and_of_tiny_outcomes_is_a_number(scale):
    rng = np.random.default_rng(2)
    y = scale * np.stack([np.ones(30), rng.gamma(2.0, size=30)])

    found = STATISTICS["skewness"](y)

    np.testing.assert_allclose(found, [0.0, stats.skew(y[1] / scale)], rtol=1e-10)


def test_excess_zeros_have_a_p_of_nought(counts):
    table = check_predictive(counts, "statistics").to_df().set_index("statistic")

    assert table.loc["share of zeros", "p"] == 0.0
    assert table.loc["share of zeros", "predicted"] == pytest.approx(np.exp(-3.0), abs=0.01)


def test_a_rootogram_expects_the_poisson_frequencies(counts):
    table = check_predictive(counts, "rootogram").to_df().set_index("value")

    expected = np.sqrt(N_ROWS * stats.poisson(3.0).pmf([2, 3, 4]))
    np.testing.assert_allclose(table.loc[[2, 3, 4], "predicted"], expected, rtol=0.02)


def test_a_density_of_counts_sums_to_one(counts):
    table = check_predictive(counts, "density").to_df()

    assert table["observed"].sum() == pytest.approx(1.0)


def test_a_density_integrates_to_one(brms_sleep):
    table = check_predictive(brms_sleep, "density").to_df()

    assert np.trapezoid(table["observed"], table["value"]) == pytest.approx(1.0, abs=0.02)
    assert np.trapezoid(table["predicted"], table["value"]) == pytest.approx(1.0, abs=0.02)


def test_predictive_intervals_cover_the_fitted_rows(brms_sleep):
    table = check_predictive(brms_sleep, "intervals", ci_prob=0.9).to_df()

    assert 0.85 < table["is_inside"].mean() < 0.99


def test_each_group_has_a_table_of_its_own(brms_sleep, sleepstudy):
    table = check_predictive(brms_sleep, "statistics", by="Subject").to_df()

    means = table[table["statistic"] == "mean"].set_index("Subject")["observed"]
    expected = sleepstudy.groupby("Subject")["Reaction"].mean()
    np.testing.assert_allclose(means, expected)


def test_an_unknown_kind_is_answered_with_the_kinds(brms_sleep):
    with pytest.raises(UnknownNameError, match=r"no kind of predictive check `dens`") as error:
        check_predictive(brms_sleep, "dens")

    assert all(kind in str(error.value) for kind in KINDS)


def test_a_rootogram_of_continuous_outcomes_is_refused(brms_sleep):
    with pytest.raises(UnknownNameError, match="a rootogram counts outcomes"):
        check_predictive(brms_sleep, "rootogram")


def test_parts_by_a_column_the_model_lacks_are_refused(brms_sleep):
    with pytest.raises(UnknownColumnError, match="the model does not use column `site`"):
        check_predictive(brms_sleep, "statistics", by="site")


def test_ties_count_half_in_a_predictive_p():
    replicated = np.array([[0.0], [1.0], [1.0], [2.0]])

    assert predictive_p(np.array([1.0]), replicated)[0] == pytest.approx(0.5)


def test_ranks_among_replicates_are_uniform_for_counts(rng):
    y, replicates = rng.poisson(2.0, 5000), rng.poisson(2.0, (99, 5000))

    places = rank_among(y, replicates, rng)

    assert stats.kstest(places, "uniform").pvalue > 0.001


@pytest.mark.parametrize("status", ["right", "left", "interval"])
def test_residuals_of_censored_times_are_uniform(rng, status):
    times, replicates = rng.exponential(1.0, 3000), rng.exponential(1.0, (400, 3000))
    limit = rng.exponential(1.0, 3000)
    is_hidden = {"right": times > limit, "left": times < limit,
                 "interval": (times > limit) & (times <= limit + 1)}[status]  # fmt: skip
    y = np.where(is_hidden, limit, times)
    code = np.where(is_hidden, {"right": 1, "left": -1, "interval": 2}[status], 0)
    upper = limit + 1 if status == "interval" else None
    response = ResponseDesign("y", y, censoring=code, upper=upper)

    residuals = rank_among(y, censor_replicates(response, replicates), rng)

    # 401 places of 3,000 rows; taken as exact, the censored times would all be far from uniform.
    assert stats.kstest(residuals, "uniform").pvalue > 0.001
    assert stats.kstest(rank_among(y, replicates, rng), "uniform").pvalue < 1e-6


def test_residual_scores_are_near_normal_when_the_model_fits(brms_sleep):
    table = tabulate_residuals(brms_sleep).to_df()

    assert len(table) == 180
    assert abs(table["score"].mean()) < 0.1
    # Below one: the rows were fitted (some 30 effective parameters for 180 rows).
    assert 0.7 < table["score"].std() < 1.0


def test_a_group_far_from_the_rest_shows_among_new_groups(brms_sleep):
    own = tabulate_residuals(brms_sleep, groups="observed").to_df()["score"]
    new = tabulate_residuals(brms_sleep, groups="new").to_df()["score"]

    # Rows 10 to 19 are those of subject 309, the slowest to change.
    assert new[10:20].mean() < own[10:20].mean() - 0.5


def test_a_density_of_outcomes_in_the_billions_takes_no_bins_of_one(rng):
    data = pd.DataFrame({"y": 3e12 + 1e11 * rng.normal(size=30)})
    posterior = make_posterior("y ~ 1", data, size=(1, 20))

    assert len(check_predictive(posterior, "density").to_df()) < 200


def test_a_rootogram_of_counts_beyond_counting_is_refused(rng):
    data = pd.DataFrame({"y": rng.poisson(1e6, 30)})
    b = np.full((1, 20, 1), np.log(1e6))
    posterior = make_posterior("y ~ 1", data, {"b": b}, family="poisson")

    with pytest.raises(UnknownNameError, match="these reach far"):
        check_predictive(posterior, "rootogram")
