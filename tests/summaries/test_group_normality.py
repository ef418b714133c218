"""Group effects against the normal: truths that are not are found, those that are, are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import poolish as po
from poolish.posterior import Posterior
from poolish.summaries.doctor import check_fit
from poolish.summaries.group_normality import (
    _envelope,
    measure_normality,
    tabulate_group_normality,
)

N_GROUPS = 40


def fitted(u: np.ndarray, seed: int = 1) -> Posterior:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(len(u)), 10)
    data = pd.DataFrame({"y": 2 * u[g] + rng.normal(size=len(g)), "g": [f"g{k:02d}" for k in g]})
    options = {"engine": "exact", "draws": 250, "seed": seed, "progress": False}
    return po.fit("y ~ 1 + (1 | g)", data, **options).result


def normal(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=N_GROUPS)


def skewed() -> np.ndarray:
    return np.random.default_rng(2).exponential(size=N_GROUPS)


def clustered() -> np.ndarray:
    return np.repeat([-1.0, 1.0], N_GROUPS // 2) + 0.1 * normal(3)


def outlying() -> np.ndarray:
    u = normal(4)
    u[7] = 8.0
    return u


@pytest.mark.parametrize("make", [skewed, clustered, outlying])
def test_effects_that_are_not_normal_are_found(make):
    posterior = fitted(make())

    (found,) = measure_normality(posterior)

    assert found.p < 0.01
    assert "group effects not normal" in [step.cause for step in check_fit(posterior).steps]


def test_an_outlying_level_is_named():
    (found,) = measure_normality(fitted(outlying()))

    assert found.levels[-1] == "g07"
    assert "g07" in found.outside


def test_normal_effects_are_seldom_found():
    """20 data sets: with p < 0.01 once in a hundred at most, one finding is already rare."""
    p = [next(measure_normality(fitted(normal(seed), seed))).p for seed in range(10, 30)]

    assert (np.array(p) < 0.01).sum() <= 1
    assert np.mean(p) > 0.3


def test_two_rows_of_each_level_raise_no_false_alarm():
    """Counts of few rows: posterior means would be far from normal, draws are not."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(N_GROUPS), 2)
    data = pd.DataFrame({"y": rng.poisson(np.exp(0.3 * rng.normal(size=N_GROUPS)[g])), "g": g})
    fit = po.fit("y ~ 1 + (1 | g)", data, family="poisson", draws=250, seed=1, progress=False)

    (found,) = measure_normality(fit.result)

    assert found.p > 0.05


def test_the_envelope_is_that_of_simulated_order_statistics(rng):
    lower, upper = _envelope(15)

    ordered = np.sort(rng.standard_normal((40_000, 15)), axis=1)
    np.testing.assert_allclose(stats.norm.cdf(lower), _cdf_quantile(ordered, 0.005), atol=0.01)
    np.testing.assert_allclose(stats.norm.cdf(upper), _cdf_quantile(ordered, 0.995), atol=0.01)


def _cdf_quantile(ordered: np.ndarray, prob: float) -> np.ndarray:
    return stats.norm.cdf(np.quantile(ordered, prob, axis=0))


def test_sleepstudy_has_a_row_for_every_effect_and_subject(brms_sleep):
    table = tabulate_group_normality(brms_sleep)

    frame = table.to_df()
    assert len(frame) == 36
    assert (frame["p"] > 0.05).all()
    assert "envelope" in table.caption
