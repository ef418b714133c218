"""Variance components and shares, against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
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


def test_table_has_sds_variances_correlations_shares_and_r2(brms_sleep):
    frame = summarise_variance(brms_sleep, at={"Days": 2}).frame

    places = [tuple(row) for row in frame[["group", "quantity", "scale", "effect"]].to_numpy()]
    assert places == [
        ("Subject", "sd", "link", "Intercept"),
        ("Subject", "variance", "link", "Intercept"),
        ("Subject", "sd", "link", "Days"),
        ("Subject", "variance", "link", "Days"),
        ("Subject", "cor", "link", "Intercept, Days"),
        ("Residual", "sd", "link", ""),
        ("Residual", "variance", "link", ""),
        ("Subject", "share", "link", "at Days = 2"),
        ("Residual", "share", "link", "at Days = 2"),
        ("Subject", "repeatability", "link", ""),
        ("Model", "R2 marginal", "link", ""),
        ("Model", "R2 conditional", "link", ""),
        ("Model", "R2 Bayes", "response", ""),
    ]
    icc = frame.iloc[7]
    expected = hand_icc(brms_sleep.draws, 2.0)
    assert icc["estimate"] == pytest.approx(expected.mean())
    assert icc["lower"] == pytest.approx(np.quantile(expected, 0.025))
    variance = brms_sleep.draws["sd_Subject"].values[..., 0] ** 2
    assert frame["estimate"][1] == pytest.approx(variance.mean())


def test_shares_are_stated_at_every_value_asked_for(brms_sleep):
    frame = summarise_variance(brms_sleep, at={"Days": [0, 5, 9]}).frame

    shares = frame.query("quantity == 'share' and group == 'Subject'")
    assert list(shares["effect"]) == ["at Days = 0", "at Days = 5", "at Days = 9"]
    expected = [hand_icc(brms_sleep.draws, days).mean() for days in (0, 5, 9)]
    np.testing.assert_allclose(shares["estimate"], expected, rtol=1e-12)


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


def test_categories_without_order_have_components_but_no_shares(sleepstudy):
    data = sleepstudy.assign(third=pd.cut(sleepstudy["Reaction"], 3, labels=["a", "b", "c"]))
    data["third"] = data["third"].astype(str)
    posterior = make_posterior("third ~ 1 + (1 | Subject)", data, family="categorical")

    assert set(summarise_variance(posterior).frame["quantity"]) == {"sd", "variance"}
    with pytest.raises(UnsupportedError, match="need a group and a variance on the scale"):
        share_draws(posterior)


def test_nothing_to_part_is_said(sleepstudy):
    data = sleepstudy.assign(third=pd.cut(sleepstudy["Reaction"], 3, labels=["a", "b", "c"]))
    posterior = make_posterior("third ~ Days", data.astype({"third": str}), family="categorical")

    with pytest.raises(UnsupportedError, match="this model has no variance to part"):
        summarise_variance(posterior)


def test_each_part_of_the_data_has_its_own_residual_variance(sleepstudy):
    data = sleepstudy.assign(late=np.where(sleepstudy["Days"] > 4, "yes", "no"))
    posterior = make_posterior(["Reaction ~ 1 + (1 | Subject)", "sigma ~ late"], data)
    b = posterior.draws["b_sigma"].values
    between = posterior.draws["sd_Subject"].values[..., 0] ** 2

    frame = summarise_variance(posterior, by="late").frame

    for label, log_sigma in [("no", b[..., 0]), ("yes", b[..., 0] + b[..., 1])]:
        residual = np.exp(log_sigma) ** 2
        rows = frame.query(f"effect == 'late = {label}'").set_index(["group", "quantity"])
        found = rows["estimate"]
        assert found["Residual", "variance"] == pytest.approx(residual.mean())
        assert found["Subject", "share"] == pytest.approx((between / (between + residual)).mean())


def test_by_names_a_column_with_few_values(brms_sleep, sleepstudy):
    with pytest.raises(UnknownNameError, match=r"(?s)`Arm` is not a column.*Reaction, Days"):
        summarise_variance(brms_sleep, by="Arm")
    with pytest.raises(UnknownNameError, match=r"`Reaction` is not a column .* at most 50"):
        summarise_variance(brms_sleep, by="Reaction")


def test_at_names_effects_of_groups_only(brms_sleep):
    with pytest.raises(UnknownNameError, match=r"(?s)`Nights` is not an effect.*values of Days"):
        summarise_variance(brms_sleep, at={"Nights": 1})
