"""No, partial and complete pooling, and the pooling factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.summaries import average_pooling, select_group, summarise_pooling

# Closed form of the normal-normal model with everything known but the effects.
TAU, SIGMA, MU = 2.0, 3.0, 10.0


@pytest.fixture(scope="module")
def balanced():
    """Return data of 40 groups with 6 rows each, and exact draws of the effects."""
    rng = np.random.default_rng(8)
    n_groups, n_each, n_draws = 40, 6, 20_000
    g = np.repeat(np.arange(n_groups), n_each)
    y = MU + (TAU * rng.normal(size=n_groups))[g] + SIGMA * rng.normal(size=len(g))
    data = pd.DataFrame({"y": y, "g": g})
    own = data.groupby("g")["y"].mean().to_numpy() - MU
    pooling = (SIGMA**2 / n_each) / (SIGMA**2 / n_each + TAU**2)
    mean, sd = (1 - pooling) * own, TAU * np.sqrt(pooling)
    draws = {
        "b": np.full((1, n_draws, 1), MU),
        "sd_g": np.full((1, n_draws, 1), TAU),
        "r_g": (mean + sd * rng.normal(size=(n_draws, n_groups)))[None, :, :, None],
        "sigma": np.full((1, n_draws), SIGMA),
    }
    return make_posterior("y ~ 1 + (1 | g)", data, draws), data, pooling


def test_pooling_of_each_level_has_its_closed_form(balanced):
    posterior, _, pooling = balanced

    frame = summarise_pooling(posterior, "g").frame

    # Relative standard error of a variance of 20,000 draws: sqrt(2 / n) = 1 %.
    np.testing.assert_allclose(frame["pooling"], pooling, rtol=0.04)


def test_partial_pooling_lies_between_own_and_complete(balanced):
    posterior, data, pooling = balanced

    frame = summarise_pooling(posterior, "g").frame

    own = data.groupby("g")["y"].mean().to_numpy()
    np.testing.assert_allclose(frame["own"], own, rtol=1e-10)
    np.testing.assert_allclose(frame["partial"], pooling * MU + (1 - pooling) * own, atol=0.05)
    np.testing.assert_allclose(frame["complete"], data["y"].mean(), rtol=1e-12)
    width = 1.959964 * SIGMA / np.sqrt(6)
    np.testing.assert_allclose(frame["own_upper"] - frame["own"], width, rtol=1e-6)


def test_factor_is_its_definition_on_the_draws(brms_sleep):
    r = brms_sleep.draws["r_Subject"]
    flat = r.stack(sample=("chain", "draw"))
    expected = 1 - flat.mean("sample").var("Subject") / flat.var("Subject").mean("sample")

    found = average_pooling(select_group(brms_sleep, "Subject"))

    assert list(found) == ["Intercept", "Days"]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-10)


def test_factor_is_one_when_estimates_have_shrunk_to_nothing(sleepstudy, rng):
    r = rng.normal(size=(1, 4000, 18, 1))
    posterior = make_posterior("Reaction ~ 1 + (1 | Subject)", sleepstudy, {"r_Subject": r})

    factor = average_pooling(select_group(posterior, "Subject"))["Intercept"]

    assert factor == pytest.approx(1.0, abs=0.01)


def test_factor_is_zero_when_effects_are_known(sleepstudy, rng):
    r = np.broadcast_to(rng.normal(size=(18, 1)), (1, 50, 18, 1))
    posterior = make_posterior("Reaction ~ 1 + (1 | Subject)", sleepstudy, {"r_Subject": r})

    factor = average_pooling(select_group(posterior, "Subject"))["Intercept"]

    assert factor == pytest.approx(0.0, abs=1e-9)


def test_own_estimates_are_a_regression_of_each_subject(brms_sleep, sleepstudy):
    # R: coef(lme4::lmList(Reaction ~ Days | Subject, sleepstudy)), lme4 1.1-31, 2026-11-20.
    expected = {"308": (244.1927, 21.76470), "372": (267.0448, 11.29807)}

    frame = summarise_pooling(brms_sleep, "Subject").frame.set_index(["level", "effect"])

    for subject, (intercept, slope) in expected.items():
        assert frame.loc[(subject, "Intercept"), "own"] == pytest.approx(intercept, abs=1e-4)
        assert frame.loc[(subject, "Days"), "own"] == pytest.approx(slope, abs=1e-4)
    slope, intercept = np.polyfit(sleepstudy["Days"], sleepstudy["Reaction"], 1)
    assert frame.loc[("308", "Days"), "complete"] == pytest.approx(slope)
    assert frame.loc[("308", "Intercept"), "complete"] == pytest.approx(intercept)


def test_undetermined_own_estimates_are_absent(sleepstudy):
    one_row = sleepstudy[(sleepstudy["Subject"] != 308) | (sleepstudy["Days"] == 3)]
    same_day = one_row[(one_row["Subject"] != 309) | (one_row["Days"] == 0)]
    doubled = pd.concat([same_day, same_day[same_day["Subject"] == 309]], ignore_index=True)
    posterior = make_posterior("Reaction ~ Days + (Days | Subject)", doubled)

    frame = summarise_pooling(posterior, "Subject").frame.set_index(["level", "effect"])

    assert frame.loc["308", "own"].isna().all()
    # Two rows at day 0 determine the intercept there, and no slope.
    observed = sleepstudy.query("Subject == 309 and Days == 0")["Reaction"].item()
    assert frame.loc[("309", "Intercept"), "own"] == pytest.approx(observed)
    assert np.isnan(frame.loc[("309", "Days"), "own"])
    assert frame["partial"].notna().all()
    assert frame.loc[("309", "Days"), "why"] == "its rows do not determine it"


def test_own_estimates_hold_the_rest_of_the_model_fixed(sleepstudy):
    posterior = make_posterior("Reaction ~ Days + (1 | Subject) + (1 | Days)", sleepstudy)
    draws = posterior.draws.mean(("chain", "draw"))
    slope, other = draws["b"].values[1], draws["r_Days"].values[:, 0]
    rest = slope * sleepstudy["Days"] + other[sleepstudy["Days"]]
    expected = (sleepstudy["Reaction"] - rest).groupby(sleepstudy["Subject"]).mean()

    frame = summarise_pooling(posterior, "Subject").frame

    np.testing.assert_allclose(frame["own"], expected, rtol=1e-9)


def test_weights_count_in_own_estimates(sleepstudy):
    data = sleepstudy.assign(w=np.tile([1.0, 3.0], 90))
    posterior = make_posterior("Reaction | weights(w) ~ 1 + (1 | Subject)", data)
    expected = [np.average(d["Reaction"], weights=d["w"]) for _, d in data.groupby("Subject")]

    frame = summarise_pooling(posterior, "Subject").frame

    np.testing.assert_allclose(frame["own"], expected, rtol=1e-10)


@pytest.fixture(scope="module")
def herds(root):
    data = pd.read_csv(root / "tests" / "reference" / "nuts" / "cbpp.csv")
    return data.assign(herd=data["herd"].astype(str), period=data["period"].astype(str))


PRIORS = {"Intercept": "normal(-1, 1)", "sd_herd": "normal(0, 1)"}


def test_own_estimates_of_proportions_are_their_log_odds(herds):
    formula = "incidence | trials(size) ~ 1 + (1 | herd)"
    posterior = make_posterior(formula, herds, family="binomial", priors=PRIORS)

    table = summarise_pooling(posterior, "herd").frame.set_index("level")

    sums = herds.groupby("herd")[["incidence", "size"]].sum()
    share = (sums["incidence"] / sums["size"])[table.index]
    np.testing.assert_allclose(table["own"], np.log(share / (1 - share)), rtol=1e-7)
    se = 1 / np.sqrt(sums["size"][table.index] * share * (1 - share))
    np.testing.assert_allclose(table["noise"], se, rtol=1e-6)
    total = herds["incidence"].sum() / herds["size"].sum()
    np.testing.assert_allclose(table["complete"], np.log(total / (1 - total)), rtol=1e-7)


def test_complete_pooling_of_a_logistic_model_is_its_glm(herds):
    formula = "incidence | trials(size) ~ period + (1 | herd)"
    posterior = make_posterior(formula, herds, family="binomial", priors=PRIORS)

    complete = summarise_pooling(posterior, "herd").frame["complete"]

    # One parameter for each period: the log odds of the first one.
    first = herds[herds["period"] == "1"]
    odds = first["incidence"].sum() / (first["size"] - first["incidence"]).sum()
    np.testing.assert_allclose(complete, np.log(odds), rtol=1e-9)


def test_own_means_of_the_response_are_the_observed_shares(herds):
    formula = "incidence | trials(size) ~ 1 + (1 | herd)"
    posterior = make_posterior(formula, herds, family="binomial", priors=PRIORS)
    draws = posterior.draws

    table = summarise_pooling(posterior, "herd", scale="response").frame.set_index("level")

    sums = herds.groupby("herd")[["incidence", "size"]].sum()
    share = (sums["incidence"] / sums["size"])[table.index[:-1]]
    np.testing.assert_allclose(table["own"].iloc[:-1], share, rtol=1e-7)
    eta = draws["b"].values[..., :1] + draws["r_herd"].values[..., 0]
    expected = (1 / (1 + np.exp(-eta))).mean(axis=(0, 1))
    np.testing.assert_allclose(table["partial"].iloc[:-1], expected, rtol=1e-9)
    assert table.index[-1] == "(new group)" and np.isnan(table["own"].iloc[-1])


def test_response_scale_needs_a_mean_outcome(sleepstudy):
    formula = ["Reaction ~ 1", "sigma ~ 1 + (1 | Subject)"]
    posterior = make_posterior(formula, sleepstudy)

    with pytest.raises(UnsupportedError, match=r"`Subject` has no mean outcome"):
        summarise_pooling(posterior, "Subject", scale="response")
    with pytest.raises(UnknownNameError, match="there is no scale `odds`"):
        summarise_pooling(posterior, "Subject", scale="odds")


def test_average_and_new_group_are_rows_of_their_own(balanced):
    posterior, data, _ = balanced

    frame = summarise_pooling(posterior, "g", with_population=True).frame.set_index("level")

    assert len(frame) == 42
    average, new = frame.loc["(average)"], frame.loc["(new group)"]
    assert average["own"] == pytest.approx(data.groupby("g")["y"].mean().mean())
    assert average["partial"] == pytest.approx(frame["partial"].iloc[:40].mean())
    assert new["n"] == 0 and np.isnan(new["own"]) and new["pooling"] == 1.0
    # 20,000 draws: relative standard error of an sd is 1 / sqrt(2 n) = 0.5 %.
    assert new["partial"] == pytest.approx(MU, abs=4 * TAU / np.sqrt(20_000))
    assert new["sd"] == pytest.approx(TAU, rel=0.02)


def test_every_move_has_its_reason(balanced):
    posterior, _, _ = balanced

    frame = summarise_pooling(posterior, "g").frame

    np.testing.assert_allclose(frame["noise"], SIGMA / np.sqrt(6), rtol=1e-9)
    assert (frame["why"] == "own noise 1.2 is below the spread 2").all()


def test_single_level_has_no_average(sleepstudy):
    data = sleepstudy.assign(site="one")
    posterior = make_posterior("Reaction ~ 1 + (1 | site)", data)

    assert np.isnan(average_pooling(select_group(posterior, "site"))["Intercept"])


def test_caption_has_the_average(brms_sleep):
    assert (
        "average pooling factor: Intercept 0." in summarise_pooling(brms_sleep, "Subject").caption
    )
