"""Likelihood-ratio tests against lme4's `anova` and mixtures of chi-squares."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from poolish.design import build_design
from poolish.engines.exact import lrt, mle
from poolish.engines.exact.lrt import _Cone, _half_and_half, _tail
from poolish.errors import EngineError
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec


@pytest.fixture(scope="module")
def data(request):
    return pd.read_csv(request.config.rootpath / "tests/reference/lme4/data/sleepstudy.csv")


@pytest.fixture(scope="module")
def estimate(data):
    def run(formula, *, reml=False, rows=slice(None)):
        parsed = parse(formula)
        design, _ = build_design(parsed, read_table(data.iloc[rows]), {})
        return mle(build_spec(parsed, design), design, reml=reml)

    return run


INTERCEPT = "Reaction ~ Days + (1 | Subject)"
SLOPE = "Reaction ~ Days + (Days | Subject)"
UNCORRELATED = "Reaction ~ Days + (Days || Subject)"


def test_one_more_population_effect_has_a_plain_chi_square(estimate):
    small, large = estimate("Reaction ~ 1 + (Days | Subject)"), estimate(SLOPE)

    test = lrt(large, small)

    # lme4 1.1-31 anova(): Chisq 23.537, Df 1, p 1.226e-06
    assert test.statistic == pytest.approx(23.5365, abs=1e-3)
    assert test.df == 1
    assert test.p_value == pytest.approx(1.226e-6, rel=1e-3)
    assert "mixture" not in test.reference
    assert test.p_bounds == (test.p_value, test.p_value)


def test_an_added_slope_and_its_correlation_have_a_half_and_half_mixture(estimate):
    test = lrt(estimate(INTERCEPT), estimate(SLOPE))

    # logLik -897.0393 and -875.9697 (tests/reference/lme4)
    x = 2 * (897.039321502613 - 875.969672231599)
    expected = 0.5 * stats.chi2.sf(x, 1) + 0.5 * stats.chi2.sf(x, 2)
    assert test.statistic == pytest.approx(x, abs=1e-4)
    assert test.p_value == pytest.approx(expected, rel=1e-3)
    assert "50:50 mixture of chi-squares with 1 and 2 degrees of freedom" in test.reference
    assert test.p_bounds == (test.p_value, test.p_value)


def test_a_correlation_alone_is_not_at_a_boundary(estimate):
    test = lrt(estimate(UNCORRELATED), estimate(SLOPE))

    assert test.df == 1
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1))


def test_the_only_variance_has_half_the_p_value(estimate):
    test = lrt(estimate("Reaction ~ Days"), estimate(INTERCEPT))

    assert test.p_value == pytest.approx(0.5 * stats.chi2.sf(test.statistic, 1))


def test_two_uncorrelated_variances_have_binomial_weights(estimate):
    test = lrt(estimate("Reaction ~ Days"), estimate(UNCORRELATED))

    tails = [0.0, *(stats.chi2.sf(test.statistic, df) for df in (1, 2))]
    assert test.p_value == pytest.approx(0.5 * tails[1] + 0.25 * tails[2])
    assert test.p_bounds == pytest.approx((0.5 * tails[1], 0.5 * tails[1] + 0.5 * tails[2]))
    assert "weights binomial(2, 1/2)" in test.reference
    assert f"from {test.p_bounds[0]:.4g} to {test.p_bounds[1]:.4g}" in repr(test)


def test_correlated_variances_are_tested_conservatively(estimate):
    test = lrt(estimate("Reaction ~ 1"), estimate(SLOPE))

    # b[Days] is off the boundary; two variances and their covariance are a 2 x 2 matrix.
    low, high = (
        0.5 * sum(stats.chi2.sf(test.statistic, df) for df in pair) for pair in ((1, 2), (3, 4))
    )
    assert test.p_bounds == pytest.approx((low, high))
    assert test.p_value == pytest.approx(high)
    assert "conservative: several correlated variances" in test.reference


# Critical values at 0.05 and 0.01 of 50:50 mixtures of chi-squares with q and q + 1 degrees of
# freedom: Snijders & Bosker (2012), Multilevel Analysis, table 6.2.
@pytest.mark.parametrize(
    ("q", "critical"), [(1, (5.14, 8.27)), (2, (7.05, 10.50)), (3, (8.76, 12.48))]
)
def test_mixtures_have_the_published_critical_values(q, critical):
    p_values = [_tail(c, _Cone(q + 1, 1, 0), _half_and_half(c, q))[0] for c in critical]

    assert p_values == pytest.approx([0.05, 0.01], rel=0.005)


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.7])
def test_p_values_are_those_of_simulated_cones(correlation):
    # The statistic is |z|^2 less its distance to the cone: two half-lines and one free direction.
    rng = np.random.default_rng(4)
    root = np.linalg.cholesky([[1, correlation, 0.3], [correlation, 1, 0.2], [0.3, 0.2, 1]])
    root = np.eye(3) if correlation == 0 else root
    z, A = rng.normal(size=(4000, 3)), np.column_stack([root.T, -root.T[:, 2]])
    distances = np.array([optimize.nnls(A, row)[1] for row in z])
    statistics = (z**2).sum(axis=1) - distances**2
    for critical in (2.0, 5.0):
        simulated = np.mean(statistics >= critical)
        p_value, _ = _tail(critical, _Cone(3, 2, 0), np.nan)
        low, high = (_half_and_half(critical, df) for df in (1, 2))

        error = 4 * np.sqrt(simulated * (1 - simulated) / len(z))
        assert low - error < simulated < high + error
        assert correlation != 0 or simulated == pytest.approx(p_value, abs=error)


def test_a_singular_smaller_model_is_doubted(estimate):
    small = replace(estimate(INTERCEPT), is_singular=True)

    assert "doubtful, as the smaller model is singular" in lrt(small, estimate(SLOPE)).reference


def test_a_test_is_printed_with_its_reference(estimate):
    text = repr(lrt(estimate(INTERCEPT), estimate(SLOPE)))

    assert "Reaction ~ 1 + Days + (1 | Subject)" in text
    assert "2 more parameters" in text


def test_reml_fits_with_different_population_effects_are_refused(estimate):
    small, large = (
        estimate("Reaction ~ 1 + (1 | Subject)", reml=True),
        estimate(INTERCEPT, reml=True),
    )

    with pytest.raises(EngineError, match="REML fits with different population effects"):
        lrt(small, large)


def test_reml_fits_with_the_same_population_effects_are_compared(estimate):
    test = lrt(estimate(INTERCEPT, reml=True), estimate(SLOPE, reml=True))

    # REML criteria 1786.465 and 1743.628 (tests/reference/lme4)
    assert test.statistic == pytest.approx(42.837, abs=1e-3)


def test_methods_are_not_mixed(estimate):
    with pytest.raises(EngineError, match="one fit is by REML, the other by maximum likelihood"):
        lrt(estimate(INTERCEPT), estimate(SLOPE, reml=True))


def test_different_rows_are_refused(estimate):
    with pytest.raises(EngineError, match="not of the same response"):
        lrt(estimate(INTERCEPT), estimate(SLOPE, rows=slice(0, 100)))


def test_models_that_are_not_nested_are_refused(estimate):
    with pytest.raises(EngineError, match="neither model contains the other"):
        lrt(estimate("Reaction ~ 1 + (Days | Subject)"), estimate(INTERCEPT))
    with pytest.raises(EngineError, match="neither model contains the other"):
        lrt(estimate(SLOPE), estimate(SLOPE))


@pytest.mark.slow
def test_p_values_at_the_boundary_are_uniform_in_their_upper_half():
    # Under a zero variance the statistic is 0 half of the time (asymptotically); p <= 0.05 then
    # happens in 5 % of the samples: 400 simulations have a standard error of 1.1 %.
    rng = np.random.default_rng(12)
    frame = pd.DataFrame({"g": np.repeat(np.arange(60), 4)})
    p_values = []
    for _ in range(400):
        table = read_table(frame.assign(y=rng.normal(size=240)))
        fits = []
        for formula in ("y ~ 1", "y ~ 1 + (1 | g)"):
            parsed = parse(formula)
            design, _ = build_design(parsed, table, {})
            fits.append(mle(build_spec(parsed, design), design, reml=False))
        p_values.append(lrt(*fits).p_value)

    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=4 * 0.011)
