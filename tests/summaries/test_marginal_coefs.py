from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm
from tests.made_fits import make_posterior

import poolish as po
from poolish.errors import UnsupportedError
from poolish.summaries.marginal_coefs import tabulate_marginal_coefs

pytest.importorskip("statsmodels")

SD, B = 1.5, np.array([0.3, 0.8])


def binary(link: str, family: str = "bernoulli"):
    """Return a fit whose every draw has b = (0.3, 0.8) and sd = 1.5."""
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(list("abcdef"), 10)})
    data["y"] = rng.integers(0, 2, 60)
    draws = {"b": np.ones((4, 5, 1)) * B, "sd_g": np.full((4, 5, 1), SD)}
    return make_posterior("y ~ x + (1 | g)", data, draws, family=po.family(family, link=link))


def estimates(posterior, **options) -> pd.DataFrame:
    frame = tabulate_marginal_coefs(posterior, **options).to_df()
    return frame.pivot(index="coef", columns="meaning", values="estimate")


def test_probit_coefficients_are_attenuated_by_the_closed_form():
    """beta / sqrt(1 + sd^2): Zeger, Liang & Albert (1988), Biometrics 44, 1049-1060."""
    found = estimates(binary("probit"))

    np.testing.assert_allclose(found["conditional"], B)
    np.testing.assert_allclose(found["marginal"], B / np.sqrt(1 + SD**2), atol=1e-6)


def test_logit_coefficients_are_those_of_the_integrated_means():
    """The mean of each row by SciPy's adaptive quadrature, then least squares on the logits."""
    posterior = binary("logit")
    x = posterior.design.main.X[:, 1]

    def mean(value: float) -> float:
        eta = B[0] + B[1] * value
        return quad(lambda z: expit(eta + SD * z) * norm.pdf(z), -10, 10, epsabs=1e-12)[0]

    slope, intercept = np.polyfit(x, logit([mean(value) for value in x]), 1)

    found = estimates(posterior)["marginal"]

    np.testing.assert_allclose(found[["Intercept", "x"]], [intercept, slope], atol=1e-8)


def test_log_link_moves_the_intercept_only():
    found = estimates(binary("log", "poisson"))

    np.testing.assert_allclose(found["marginal"], [B[0] + SD**2 / 2, B[1]], atol=1e-8)


def test_identity_link_leaves_the_coefficients(brms_sleep):
    table = tabulate_marginal_coefs(brms_sleep)

    found = estimates(brms_sleep)
    np.testing.assert_allclose(found["marginal"], found["conditional"])
    assert "the same coefficients" in table.caption


def shared(root, name: str) -> pd.DataFrame:
    path = root.parent / "shared" / "data" / f"{name}.csv"
    if not path.exists():
        pytest.skip("the shared data are absent")
    return pd.read_csv(path)


@pytest.fixture(scope="module")
def references(root) -> dict:
    return json.loads((root / "tests/reference/lme4/gee_geepack.json").read_text())


@pytest.mark.slow
def test_ohio_marginal_is_near_gee_and_conditional_is_not(root, references):
    """geepack 1.3.9. The two marginal estimators differ by far less than their errors."""
    data = shared(root, "ohio")
    fit = po.fit("resp ~ age * smoke + (1 | id)", data, family="bernoulli", seed=1, progress=False)

    table = fit.marginal_coefs()

    frame = table.to_df()
    by = {meaning: part.set_index("coef") for meaning, part in frame.groupby("meaning")}
    expected = references["ohio"]
    coefs, errors = np.array(list(expected["coef"].values())), np.array(expected["robust_se"])
    np.testing.assert_allclose(by["GEE"]["estimate"], coefs, atol=1e-3)
    np.testing.assert_allclose(by["GEE"]["sd"], errors, rtol=5e-3)
    assert (np.abs(by["marginal"]["estimate"] - coefs) < 0.5 * errors).all()
    assert abs(by["conditional"]["estimate"].iloc[0] - coefs[0]) > 5 * errors[0]
    assert "neither is wrong" in table.caption


def test_dietox_gee_agrees_with_geepack_and_the_mixed_model(root, references):
    """On the identity link the mixed model estimates what GEE does."""
    data = shared(root, "dietox")
    fit = po.fit("Weight ~ Time + (1 | Pig)", data, seed=1, draws=250, progress=False)

    found = estimates(fit.result)

    expected = references["dietox"]
    np.testing.assert_allclose(found.loc[["Intercept", "Time"], "GEE"], expected["coef"], rtol=1e-4)
    np.testing.assert_allclose(found["marginal"], found["conditional"])
    gap = np.abs(found.loc[["Intercept", "Time"], "marginal"] - expected["coef"])
    assert (gap < 0.2 * np.array(expected["robust_se"])).all()


def test_coefficients_stand_under_each_other():
    table = tabulate_marginal_coefs(binary("logit"))

    assert list(table.to_df()["meaning"]) == ["conditional", "marginal", "GEE"] * 2
    assert "`x` is 0.7" in table.caption


def test_without_gee_the_reason_is_given(sleepstudy):
    data = sleepstudy.assign(h=sleepstudy["Subject"] % 5)
    posterior = make_posterior("Reaction ~ Days + (1 | Subject) + (1 | h)", data)

    table = tabulate_marginal_coefs(posterior)

    assert set(table.to_df()["meaning"]) == {"conditional", "marginal"}
    assert "no GEE: estimating equations need one family" in table.caption


def test_ordinal_models_are_refused():
    data = pd.DataFrame({"y": list("abcabc"), "x": range(6), "g": list("uuvvww")})
    posterior = make_posterior("y ~ x + (1 | g)", data, family="cumulative")

    with pytest.raises(UnsupportedError, match="no single set of population-averaged"):
        tabulate_marginal_coefs(posterior)
