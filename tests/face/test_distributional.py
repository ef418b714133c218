"""Models with a formula for more than the mean, from the formula to the saved file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

import poolish as po
from poolish.errors import UnsupportedError
from poolish.predict.predict import linear_predictors

N_GROUPS, N_EACH = 12, 8
N_OBS = N_GROUPS * N_EACH
RNG = np.random.default_rng(20261120)
DATA = pd.DataFrame(
    {
        "x": RNG.normal(size=N_OBS),
        "z": RNG.normal(size=N_OBS),
        "g": np.repeat([f"g{i:02d}" for i in range(N_GROUPS)], N_EACH),
    }
)
EFFECTS = RNG.normal(size=(N_GROUPS, 2))
CODES = np.repeat(np.arange(N_GROUPS), N_EACH)
REAL = DATA.assign(
    y=1.0
    + DATA["x"]
    + EFFECTS[CODES, 0]
    + RNG.normal(size=N_OBS) * np.exp(0.3 * DATA["x"] + 0.4 * EFFECTS[CODES, 1])
)
COUNTS = DATA.assign(
    y=RNG.poisson(np.exp(1.0 + 0.3 * DATA["x"] + 0.4 * EFFECTS[CODES, 0]))
    * (RNG.uniform(size=N_OBS) > 0.2)
)
CASES = {
    "gaussian": (["y ~ x + (1 | g)", "sigma ~ x + (1 | g)"], REAL),
    "student": (["y ~ x + (1 | g)", "sigma ~ x", "nu ~ 1"], REAL),
    "zero_inflated_poisson": (["y ~ x + (1 | g)", "zi ~ z"], COUNTS),
    "zero_inflated_negbinomial": (["y ~ x + (1 | g)", "shape ~ (1 | g)", "zi ~ z"], COUNTS),
    "hurdle_poisson": (["y ~ x + (x | g)", "hu ~ z + (1 | g)"], COUNTS),
}
NEW = pd.DataFrame({"x": [0.1, -1.0], "z": [0.0, 1.0], "g": ["g03", "g07"]})

each_case = pytest.mark.parametrize("family", CASES)


@each_case
def test_names_carry_their_parameter_in_every_table(family: str) -> None:
    formula, data = CASES[family]

    fit = po.Fit(make_posterior(formula, data, family=family, size=(2, 8)))

    names = set(fit.summary().to_df()["parameter"])
    for predictor in fit.result.spec.predictors.values():
        for coef in predictor.coefs:
            assert f"{predictor.variable('b')}[{coef}]" in names
        for group in predictor.groups:
            assert f"{predictor.variable('sd', group)}[{group.effects[0]}]" in names
            assert predictor.variable("r", group) in fit.posterior
        assert predictor.parameter not in fit.result.spec.auxiliary
    for parameter in list(fit.result.spec.predictors)[1:]:
        assert parameter in repr(fit)


@each_case
@pytest.mark.parametrize("groups", ["observed", "new", "zero"])
def test_a_loaded_fit_predicts_as_the_saved_one_did(
    family: str, groups: str, tmp_path: Path
) -> None:
    formula, data = CASES[family]
    fit = po.Fit(make_posterior(formula, data, family=family, size=(2, 8)))
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    for kind in ("linear", "mean", "response"):
        before = fit.predict(NEW, kind=kind, groups=groups, seed=2)
        after = loaded.predict(NEW, kind=kind, groups=groups, seed=2)
        np.testing.assert_array_equal(after, before)
    assert repr(loaded) == repr(fit)


def test_the_spread_of_new_observations_follows_the_formula_of_sigma() -> None:
    formula, data = CASES["gaussian"]
    given = {
        "b": np.zeros((2, 4000, 2)),
        "b_sigma": np.tile([0.0, 1.0], (2, 4000, 1)),
        "r_g_sigma": np.zeros((2, 4000, N_GROUPS, 1)),
        "r_g": np.zeros((2, 4000, N_GROUPS, 1)),
    }
    fit = po.Fit(make_posterior(formula, data, given))

    drawn = fit.predict(NEW, kind="response", seed=1).values.reshape(-1, 2)

    # sd = exp(x); its Monte Carlo error is sd / sqrt(2 * 8000) = 0.8 %, four of them.
    np.testing.assert_allclose(drawn.std(axis=0), np.exp(NEW["x"]), rtol=0.032)


SHARED = ["y ~ x + (1 |p| g)", "sigma ~ x + (1 |p| g)"]


def make_shared(cor: float, size: tuple[int, int] = (2, 2000)) -> po.Fit:
    """Return a fit whose levels of `mu` (sd 2) and `sigma` (sd 0.5) are correlated."""
    matrix = np.tile([[1.0, cor], [cor, 1.0]], (*size, 1, 1))
    given = {
        "b": np.zeros((*size, 2)),
        "b_sigma": np.zeros((*size, 2)),
        "sd_g": np.full((*size, 1), 2.0),
        "sd_g_sigma": np.full((*size, 1), 0.5),
        "cor_g__p": matrix,
    }
    return po.Fit(make_posterior(SHARED, REAL, given))


def test_a_shared_correlation_is_named_once() -> None:
    fit = make_shared(0.5, size=(2, 8))

    names = [name for name in fit.summary().to_df()["parameter"] if name.startswith("cor")]

    assert names == ["cor_g__p[Intercept, sigma_Intercept]"]
    assert "cor(Intercept, sigma_Intercept)" in repr(fit)


def test_new_groups_have_the_shared_correlation() -> None:
    fit = make_shared(-0.8)

    drawn = linear_predictors(fit.result, NEW, groups="new", seed=4)

    mu, sigma = (drawn[name].reshape(-1, 2).T for name in ("mu", "sigma"))
    # 4000 draws: sd / sqrt(8000) and (1 - cor^2) / sqrt(4000), four of each.
    np.testing.assert_allclose(mu.std(axis=1), 2.0, rtol=0.045)
    np.testing.assert_allclose(sigma.std(axis=1), 0.5, rtol=0.045)
    assert np.corrcoef(mu[0], sigma[0])[0, 1] == pytest.approx(-0.8, abs=0.023)
    # Two labels are two groups.
    assert abs(np.corrcoef(mu)[0, 1]) < 4 / np.sqrt(4000)


def test_a_saved_shared_fit_predicts_the_same_new_groups(tmp_path: Path) -> None:
    fit = make_shared(0.5, size=(2, 8))
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    before = fit.predict(NEW, kind="response", groups="new", seed=2)
    after = loaded.predict(NEW, kind="response", groups="new", seed=2)
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(
        fit.predict(NEW, kind="linear", groups="new", seed=2),
        linear_predictors(fit.result, NEW, groups="new", seed=2)["mu"],
    )


def test_the_mean_over_groups_that_share_effects_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="shares its effects with another formula"):
        make_shared(0.5, size=(2, 8)).predict(NEW, groups="integrate")


@pytest.mark.slow
def test_nuts_fits_a_shared_correlation_and_names_it(tmp_path: Path) -> None:
    fit = po.fit(SHARED, REAL, seed=1, draws=300, tune=500, chains=2, progress=False)
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    cor = loaded.posterior["cor_g__p"]
    assert list(cor.coords["g__p_effect"].values) == ["Intercept", "sigma_Intercept"]
    drawn = loaded.predict(NEW, kind="response", groups="new", seed=2)
    assert np.isfinite(drawn.values).all()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gaussian", "zero_inflated_poisson"])
def test_nuts_fits_a_formula_of_another_parameter(family: str, tmp_path: Path) -> None:
    formula, data = CASES[family]

    fit = po.fit(
        formula, data, family=family, seed=1, draws=300, tune=500, chains=2, progress=False
    )
    fit.save(tmp_path / "fit.nc")

    again = po.load(tmp_path / "fit.nc").predict(NEW, kind="mean")
    np.testing.assert_array_equal(again, fit.predict(NEW, kind="mean"))
    assert fit.posterior["b"].mean(("chain", "draw"))[1] == pytest.approx(
        {"gaussian": 1.0, "zero_inflated_poisson": 0.3}[family], abs=0.4
    )
