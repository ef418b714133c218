from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln, logsumexp
from tests.made_fits import make_posterior, without_rows

import poolish as po
from poolish.engines.choose import run_engine
from poolish.engines.protocol import Plan
from poolish.errors import DataError
from poolish.predict.lazy import with_lazy_groups
from poolish.predict.smooth import smooth
from poolish.summaries.compare import compare_loo, stacking_weights
from poolish.summaries.loo import leave_group_out, leave_one_out
from poolish.summaries.sensitivity import tabulate_sensitivity


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_leave_one_out_is_that_of_arviz(brms_sleep):
    from arviz_stats import loo

    ours = leave_one_out(brms_sleep, moment_match=False)

    theirs = loo(with_lazy_groups(brms_sleep), reff=1.0, pointwise=True)
    assert ours.elpd == pytest.approx(theirs.elpd, abs=1e-6)
    assert ours.se == pytest.approx(theirs.se, abs=1e-6)
    assert ours.p == pytest.approx(theirs.p, abs=1e-6)
    np.testing.assert_allclose(ours.pointwise["khat"], theirs.pareto_k.values, atol=1e-8)


def test_rows_with_a_high_k_are_named(brms_sleep):
    result = leave_one_out(brms_sleep, moment_match=False)

    assert result.doubtful
    assert set(result.doubtful) <= {"7", "56", "59"}
    assert all(row in repr(result) for row in result.doubtful)


def test_too_many_rows_to_look_at_again_are_said_to_be(brms_sleep, monkeypatch):
    monkeypatch.setattr("poolish.summaries.loo._MOST_MATCHED", 0)

    result = leave_one_out(brms_sleep)

    assert set(result.pointwise["how"]) == {"importance sampling"}
    assert f"above 0.7 for {len(result.doubtful)} of them, too many to be looked at" in repr(result)


def refitted_elpd(fit: po.Fit, row: int) -> tuple[float, float]:
    """Return log of the mean density of a row when it was not fitted, and its Monte Carlo error."""
    design, spec = fit.result.design, fit.result.spec
    plan = Plan(draws=20_000, chains=4, seed=row, progress=False)
    draws = run_engine(
        spec, without_rows(design, np.arange(design.n_obs) == row), plan
    ).draws.posterior
    group = design.main.groups[0]
    own = draws["r_Subject"][:, :, group.codes[row]] @ group.Z[row]
    mean = draws["b"] @ design.main.X[row] + own
    density = stats.norm(mean, draws["sigma"]).pdf(design.response.y[row]).reshape(-1)
    error = density.std() / density.mean() / np.sqrt(len(density))
    return float(np.log(density.mean())), float(error)


@pytest.mark.slow
def test_rows_with_a_high_k_are_matched_to_exact_refits(sleep_fit):
    plain, result = sleep_fit.loo(moment_match=False), sleep_fit.loo()

    assert plain.doubtful
    assert result.doubtful == ()
    assert f"for the influential {', '.join(plain.doubtful)}: the" in repr(result)
    for row in map(int, plain.doubtful):
        exact, error = refitted_elpd(sleep_fit, row)
        # Of 4,000 draws, moved: seeds differ by 0.03 (measured).
        assert result.pointwise["elpd"][row] == pytest.approx(exact, abs=4 * np.hypot(error, 0.03))
    good = plain.pointwise["khat"] <= 0.7
    pd.testing.assert_frame_equal(result.pointwise[good], plain.pointwise[good])


@pytest.mark.filterwarnings("ignore")
def test_stacking_weights_are_those_of_arviz(sleep_fit, sleepstudy):
    from arviz_stats import compare, loo

    smaller = po.fit("Reaction ~ Days", sleepstudy, seed=1, progress=False)
    fits = {"larger": sleep_fit, "smaller": smaller}

    theirs = compare(
        {name: loo(fit.tree, reff=1.0, pointwise=True) for name, fit in fits.items()},
        method="stacking",
    )
    ours = compare_loo({name: fit.loo(moment_match=False) for name, fit in fits.items()}).to_df()

    found = ours.set_index("model")["weight"]
    for name in fits:
        # ArviZ rounds to two digits.
        assert found[name] == pytest.approx(theirs.loc[name, "weight"], abs=6e-3)


@pytest.fixture(scope="module")
def outlying_counts() -> pd.DataFrame:
    """Return counts far more dispersed than a Poisson: like Gelman & Hill's roaches."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    return pd.DataFrame({"y": rng.poisson(np.exp(1 + 0.4 * x + rng.normal(size=60))), "x": x})


def test_outlying_counts_are_matched_to_the_integral(outlying_counts):
    """p(y_i | the others) is a ratio of two integrals, here on a fine grid of both coefficients."""
    X = np.column_stack([np.ones(60), outlying_counts["x"]])
    y = outlying_counts["y"].to_numpy()
    model = po.model("y ~ x", outlying_counts, family="poisson")
    intercept, slope = model.spec.main.priors
    mode, covariance = _poisson_mode(X, y)
    sd = np.sqrt(np.diagonal(covariance))
    axes = [np.linspace(m - 12 * s, m + 12 * s, 401) for m, s in zip(mode, sd, strict=True)]
    b = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = stats.norm(*intercept.arguments).logpdf(b[:, 0] + b[:, 1] * outlying_counts.x.mean())
    prior += stats.norm(*slope.arguments).logpdf(b[:, 1])
    whole = prior + (b @ X.T @ y) - np.exp(b @ X.T).sum(axis=1)
    rng = np.random.default_rng(4)
    probability = np.exp(whole - logsumexp(whole))
    cells = rng.choice(len(b), p=probability / probability.sum(), size=4000)
    width = np.array([axis[1] - axis[0] for axis in axes])
    draws = b[cells] + rng.uniform(-0.5, 0.5, (4000, 2)) * width
    posterior = make_posterior(
        "y ~ x", outlying_counts, {"b": draws.reshape(4, 1000, 2)}, family="poisson"
    )

    plain, result = (leave_one_out(posterior, moment_match=m) for m in (False, True))

    high = np.flatnonzero(plain.pointwise["khat"] > 0.7)
    assert len(high)
    assert result.doubtful == ()
    gaps = []
    for row in high:
        own = y[row] * (b @ X[row]) - np.exp(b @ X[row])
        constant = -float(gammaln(y[row] + 1))
        exact = logsumexp(whole) - logsumexp(whole - own) + constant
        assert result.pointwise["elpd"][row] == pytest.approx(exact, abs=0.1)
        gaps.append(abs(plain.pointwise["elpd"][row] - exact))
    assert max(gaps) > 0.2


def _poisson_mode(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    b = np.zeros(2)
    for _ in range(50):
        mean = np.exp(X @ b)
        covariance = np.linalg.inv(X.T @ (mean[:, None] * X))
        b = b + covariance @ (X.T @ (y - mean))
    return b, covariance


def test_a_new_subject_is_predicted_worse_than_a_new_row(brms_sleep):
    assert leave_group_out(brms_sleep, "Subject").elpd < leave_one_out(brms_sleep).elpd


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_the_better_model_is_named(sleep_fit, sleepstudy):
    smaller = po.fit("Reaction ~ Days", sleepstudy, seed=1, progress=False)

    result = po.compare({"smaller": smaller, "larger": sleep_fit})

    from arviz_stats import loo

    table = result.to_df()
    assert list(table["model"]) == ["larger", "smaller"]
    theirs, ours = loo(sleep_fit.tree, reff=1.0, pointwise=True), sleep_fit.loo()
    is_good = theirs.pareto_k.values <= 0.7
    difference = (ours.pointwise["elpd"] - theirs.elpd_i.values)[~is_good].sum()
    assert table["elpd"][0] == pytest.approx(theirs.elpd + difference, abs=1e-6)
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


def test_ratios_far_apart_have_weights_and_are_doubted():
    """The second are such that the smoother of ArviZ gives no numbers, and a k of 0.07."""
    rng = np.random.default_rng(2)

    for log_ratios in [scale * rng.gamma(0.5, size=400) ** 1.5 for scale in (50.0, 100.0)]:
        log_weights, khat = smooth(log_ratios)

        assert np.isfinite(log_weights).all()
        assert logsumexp(log_weights) == pytest.approx(0.0, abs=1e-9)
        assert khat == np.inf
    assert smooth(rng.normal(size=400))[1] < 0.7


def test_a_row_that_some_draws_hold_to_be_impossible_has_no_density(rng):
    log_ratios = rng.normal(size=400)
    log_ratios[[3, 70]] = np.inf

    log_weights, khat = smooth(log_ratios)

    assert khat == np.inf
    assert logsumexp(log_weights - log_ratios) == -np.inf


def test_sensitivity_of_few_draws_is_told_without_a_warning(sleepstudy):
    posterior = make_posterior("Reaction ~ Days", sleepstudy, size=(2, 20))

    assert len(tabulate_sensitivity(posterior).to_df()) == 3
