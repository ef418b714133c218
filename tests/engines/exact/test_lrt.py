"""Likelihood-ratio tests against lme4's `anova` and mixtures of chi-squares."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from poolish.design import build_design
from poolish.engines.exact import lrt, mle
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


def test_an_added_slope_and_its_correlation_have_a_half_and_half_mixture(estimate):
    test = lrt(estimate(INTERCEPT), estimate(SLOPE))

    # logLik -897.0393 and -875.9697 (tests/reference/lme4)
    x = 2 * (897.039321502613 - 875.969672231599)
    expected = 0.5 * stats.chi2.sf(x, 1) + 0.5 * stats.chi2.sf(x, 2)
    assert test.statistic == pytest.approx(x, abs=1e-4)
    assert test.p_value == pytest.approx(expected, rel=1e-3)
    assert "50:50 mixture of chi-squares with 1 and 2 degrees of freedom" in test.reference


def test_a_correlation_alone_is_not_at_a_boundary(estimate):
    test = lrt(estimate(UNCORRELATED), estimate(SLOPE))

    assert test.df == 1
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1))


def test_the_only_variance_has_half_the_p_value(estimate):
    test = lrt(estimate("Reaction ~ Days"), estimate(INTERCEPT))

    assert test.p_value == pytest.approx(0.5 * stats.chi2.sf(test.statistic, 1))


def test_several_variances_are_tested_conservatively(estimate):
    test = lrt(estimate("Reaction ~ Days"), estimate(UNCORRELATED))

    assert "conservative because the 2 variances" in test.reference
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 2))


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
