"""Variance components and shares, against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.made_fits import make_posterior

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.summaries import share_draws, summarise_variance


def hand_icc(draws, days: float) -> np.ndarray:
    """Return the ICC of sleepstudy at some day, from var(a + b day)."""
    a, b = draws["sd_Subject"].values[..., 0], draws["sd_Subject"].values[..., 1]
    rho = draws["cor_Subject"].values[..., 0, 1]
    between = a**2 + 2 * days * rho * a * b + days**2 * b**2
    return between / (between + draws["sigma"].values ** 2)


@pytest.mark.parametrize("days", [0.0, 2.0, 9.0])
def test_share_of_groups_is_the_icc_at_the_stated_predictor(brms_sleep, days):
    found = share_draws(brms_sleep, at={"Days": days})

    np.testing.assert_allclose(found["Subject"], hand_icc(brms_sleep.draws, days), rtol=1e-12)
    np.testing.assert_allclose(found["Subject"] + found["Residual"], 1.0)


def test_table_has_sds_variances_correlations_and_shares(brms_sleep):
    frame = summarise_variance(brms_sleep, at={"Days": 2}).frame

    places = [tuple(row) for row in frame[["group", "quantity", "effect"]].to_numpy()]
    assert places == [
        ("Subject", "sd", "Intercept"),
        ("Subject", "variance", "Intercept"),
        ("Subject", "sd", "Days"),
        ("Subject", "variance", "Days"),
        ("Subject", "cor", "Intercept, Days"),
        ("Residual", "sd", ""),
        ("Residual", "variance", ""),
        ("Subject", "share", "at Days = 2"),
        ("Residual", "share", "at Days = 2"),
    ]
    icc = frame.iloc[-2]
    expected = hand_icc(brms_sleep.draws, 2.0)
    assert icc["estimate"] == pytest.approx(expected.mean())
    assert icc["lower"] == pytest.approx(np.quantile(expected, 0.025))
    variance = brms_sleep.draws["sd_Subject"].values[..., 0] ** 2
    assert frame["estimate"][1] == pytest.approx(variance.mean())


def test_crossed_groups_share_with_the_residual(sleepstudy):
    posterior = make_posterior("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleepstudy)

    shares = share_draws(posterior)

    assert list(shares) == ["Subject", "Days", "Residual"]
    np.testing.assert_allclose(sum(shares.values()), 1.0)
    assert all((share >= 0).all() for share in shares.values())


def test_known_standard_errors_are_the_residual(sleepstudy):
    data = sleepstudy.assign(se=np.linspace(1.0, 5.0, 180))
    posterior = make_posterior("Reaction | se(se) ~ 1 + (1 | Subject)", data)

    frame = summarise_variance(posterior).frame.set_index(["group", "quantity"])

    assert frame.loc[("Residual", "variance"), "estimate"] == pytest.approx((data.se**2).mean())


def test_residual_variance_with_a_formula_is_its_mean_over_rows(sleepstudy):
    formula = ["Reaction ~ 1 + (1 | Subject)", "sigma ~ Days"]
    posterior = make_posterior(formula, sleepstudy)
    b = posterior.draws["b_sigma"].values
    sigma = np.exp(b[..., :1] + b[..., 1:] * sleepstudy["Days"].to_numpy())

    shares = share_draws(posterior)

    between = posterior.draws["sd_Subject"].values[..., 0] ** 2
    expected = between / (between + (sigma**2).mean(axis=2))
    np.testing.assert_allclose(shares["Subject"], expected, rtol=1e-10)


def test_other_families_have_components_but_no_shares(sleepstudy):
    data = sleepstudy.assign(slow=sleepstudy["Reaction"] > 300)
    posterior = make_posterior("slow ~ Days + (1 | Subject)", data, family="bernoulli")

    assert list(summarise_variance(posterior).frame["quantity"]) == ["sd", "variance"]
    with pytest.raises(UnsupportedError, match="shares of the variance need a Gaussian"):
        share_draws(posterior)


def test_at_names_effects_of_groups_only(brms_sleep):
    with pytest.raises(UnknownNameError, match=r"(?s)`Nights` is not an effect.*values of Days"):
        summarise_variance(brms_sleep, at={"Nights": 1})
