"""Shares of variance of any family, against simulation by NumPy alone and closed forms."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special
from tests.made_fits import REFERENCE, make_posterior

from poolish.spec.families import family as choose
from poolish.summaries import share_draws, summarise_variance
from poolish.summaries.places import list_places, place_draws
from poolish.summaries.shares import median_odds_ratio, response_shares

# An average row, and the sd between groups of the simulations.
ETA, TAU = -0.4, 0.9
N_PAIRS = 4_000_000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 60
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(12), 5),
            "h": np.tile(np.arange(5), 12),
            "x": np.linspace(-1.0, 2.0, n),
            "binary": np.tile([0, 1, 1], 20),
            "count": rng.integers(0, 7, n),
            "n": 12,
            "positive": rng.gamma(2.0, size=n),
            "share": rng.uniform(0.1, 0.9, n),
            "order": np.tile(["a", "b", "c"], 20),
        }
    )


def one_draw(formula: str, data: pd.DataFrame, family, **parameters: float | list[float]):
    """Return a fit with two equal draws of known parameters."""
    stated = {"b": [ETA], "sd_g": [TAU], **parameters}
    draws = {n: np.broadcast_to(v, (1, 2, *np.shape(v))).astype(float) for n, v in stated.items()}
    if family in ("cumulative", "sratio"):
        del draws["b"]
    return make_posterior(formula, data, draws, family=family)


def response_icc(posterior) -> float:
    (values,) = place_draws(posterior, list_places(posterior, {}, None))
    return float(response_shares(posterior.spec, values)["g"][0])


type Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def ordinal(rng: np.random.Generator, eta: np.ndarray) -> np.ndarray:
    latent = eta - ETA + rng.logistic(size=len(eta))
    return (latent > -0.5).astype(float) + (latent > 1.0)


SIMULATED: dict[str, tuple[str, str, dict[str, float | list[float]], Draw]] = {
    "bernoulli": (
        "bernoulli",
        "binary ~ 1 + (1 | g)",
        {},
        lambda rng, eta: (rng.random(len(eta)) < special.expit(eta)).astype(float),
    ),
    "poisson": (
        "poisson",
        "count ~ 1 + (1 | g)",
        {},
        lambda rng, eta: rng.poisson(np.exp(eta)),
    ),
    "negbinomial": (
        "negbinomial",
        "count ~ 1 + (1 | g)",
        {"shape": 2.5},
        lambda rng, eta: rng.poisson(np.exp(eta) * rng.gamma(2.5, 1 / 2.5, len(eta))),
    ),
    "gamma": (
        "gamma",
        "positive ~ 1 + (1 | g)",
        {"shape": 3.0},
        lambda rng, eta: rng.gamma(3.0, np.exp(eta) / 3.0),
    ),
    "beta": (
        "beta",
        "share ~ 1 + (1 | g)",
        {"phi": 4.0},
        lambda rng, eta: rng.beta(special.expit(eta) * 4.0, special.expit(-eta) * 4.0),
    ),
    "beta_binomial": (
        "beta_binomial",
        "count | trials(n) ~ 1 + (1 | g)",
        {"phi": 4.0},
        lambda rng, eta: (rng.random(len(eta)) < special.expit(eta)).astype(float),
    ),
    "cumulative": (
        "cumulative",
        "order ~ 1 + (1 | g)",
        {"threshold": [-0.5, 1.0]},
        ordinal,
    ),
    "student": (
        "student",
        "positive ~ 1 + (1 | g)",
        {"sigma": 1.2, "nu": 6.0},
        lambda rng, eta: eta + 1.2 * rng.standard_t(6.0, len(eta)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED)
def test_icc_of_the_response_is_the_correlation_of_two_of_a_group(table, name, rng):
    family, formula, parameters, draw = SIMULATED[name]
    posterior = one_draw(formula, table, family, **parameters)
    total, product, square, n = 0.0, 0.0, 0.0, 0
    blocks = []
    # Effects at the middles of strata of equal probability: no error of theirs is left.
    for part in np.array_split(np.arange(N_PAIRS), 16):
        eta = ETA + TAU * special.ndtri((part + 0.5) / N_PAIRS)
        blocks.append((draw(rng, eta), draw(rng, eta)))
    for first, second in blocks:
        total += first.sum() + second.sum()
        square += (np.square(first) + np.square(second)).sum()
        product += (first * second).sum()
        n += len(first)
    mean = total / (2 * n)
    icc = (product / n - mean**2) / (square / (2 * n) - mean**2)

    found = response_icc(posterior)

    assert found == pytest.approx(icc, abs=1e-3)
    assert 0.0 <= found <= 1.0


@pytest.mark.parametrize("name", SIMULATED)
def test_shares_lie_between_zero_and_one(table, name):
    family, formula, parameters, _ = SIMULATED[name]
    for sd in (1e-8, 0.3, 5.0):
        posterior = one_draw(formula, table, family, **(parameters | {"sd_g": [sd]}))

        frame = summarise_variance(posterior).frame.set_index("quantity")

        ratios = frame.loc[["share", "repeatability", "R2 marginal", "R2 conditional", "R2 Bayes"]]
        values = ratios["estimate"].to_numpy()
        assert ((values >= 0) & (values <= 1)).all(), ratios


OTHERS: dict[str, tuple[str, str, dict[str, float | list[float]], None]] = {
    "lognormal": ("lognormal", "positive ~ 1 + (1 | g)", {"sigma": 0.5}, None),
    "weibull": ("weibull", "positive ~ 1 + (1 | g)", {"shape": 1.5}, None),
    "exponential": ("exponential", "positive ~ 1 + (1 | g)", {}, None),
    "geometric": ("geometric", "count ~ 1 + (1 | g)", {}, None),
    "binomial": ("binomial", "count | trials(n) ~ 1 + (1 | g)", {}, None),
    "zero_inflated_poisson": ("zero_inflated_poisson", "count ~ 1 + (1 | g)", {"zi": 0.2}, None),
    "hurdle_poisson": ("hurdle_poisson", "count ~ 1 + (1 | g)", {"hu": 0.3}, None),
    "gaussian": ("gaussian", "positive ~ 1 + (1 | g)", {"sigma": 1.0}, None),
}
FAMILY_NAMES = sorted({**SIMULATED, **OTHERS})
SCALES = st.floats(-8.0, 0.5).map(lambda power: 10.0**power)
RATIOS = ("share", "repeatability", "R2 marginal", "R2 conditional", "R2 Bayes")


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(FAMILY_NAMES),
    b=st.lists(st.floats(-4.0, 4.0), min_size=2, max_size=2),
    sd=st.lists(SCALES, min_size=2, max_size=2),
    cor=st.floats(-1.0, 1.0),
    other=SCALES,
    size=st.floats(-2.0, 1.0).map(lambda power: 10.0**power),
    x=st.one_of(st.floats(-5.0, 5.0), st.just(1000.0)),
)
def test_shares_of_random_models_lie_between_zero_and_one(table, name, b, sd, cor, other, size, x):
    """Two groups, one with a correlated slope; sds from 1e-8 to 3."""
    assume(name != "lognormal" or abs(x) <= 5.0)  # whose mean at 1000 is no double
    family, formula, parameters, _ = {**SIMULATED, **OTHERS}[name]
    scaled = {k: v if k in ("threshold", "zi", "hu") else v * size for k, v in parameters.items()}
    if "nu" in scaled:
        scaled["nu"] = 1.0 + size
    draws = {**scaled, "b": b, "sd_g": sd, "cor_g": [[1.0, cor], [cor, 1.0]], "sd_h": [other]}
    if family == "cumulative":
        draws["b"] = b[:1]
    stated = {n: np.broadcast_to(v, (1, 2, *np.shape(v))).astype(float) for n, v in draws.items()}
    formula = formula.replace("~ 1 + (1 | g)", "~ x + (x | g) + (1 | h)")
    posterior = make_posterior(formula, table, stated, family=family)

    frame = summarise_variance(posterior, at={"x": x}).frame

    ratios = frame[frame["quantity"].isin(RATIOS)]
    values = ratios["estimate"].to_numpy()
    assert ((values >= 0) & (values <= 1)).all(), ratios
    shares = frame[(frame["quantity"] == "share") & (frame["scale"] == "link")]["estimate"]
    assert shares.sum() == pytest.approx(1.0)


def test_poisson_shares_have_their_closed_form(table):
    # Log link: E(mu) = exp(eta + v/2) and Var(mu) = (exp(v) - 1) E(mu)^2, residual E(mu).
    posterior = one_draw("count ~ 1 + (1 | g)", table, "poisson")
    mean = np.exp(ETA + TAU**2 / 2)
    between = np.expm1(TAU**2) * mean**2

    link = share_draws(posterior)["g"][0, 0]

    assert response_icc(posterior) == pytest.approx(between / (between + mean), rel=1e-9)
    # Nakagawa, Johnson & Schielzeth (2017), Table 1: trigamma(lambda).
    assert link == pytest.approx(TAU**2 / (TAU**2 + special.polygamma(1, mean)), rel=1e-9)


def test_lognormal_shares_have_their_closed_form(table):
    posterior = one_draw("positive ~ 1 + (1 | g)", table, "lognormal", sigma=0.5)

    # The log is linear: the correlation of two lognormals of one group.
    expected = np.expm1(TAU**2) / np.expm1(TAU**2 + 0.25)
    assert response_icc(posterior) == pytest.approx(expected, rel=1e-9)


def test_probit_shares_have_their_closed_form(table):
    # P(both are 1) is a bivariate normal probability; at eta = 0 it is 1/4 + arcsin(rho) / 2 pi.
    posterior = one_draw("binary ~ 1 + (1 | g)", table, choose("bernoulli", link="probit"), b=[0.0])
    rho = TAU**2 / (1 + TAU**2)

    assert response_icc(posterior) == pytest.approx(2 * np.arcsin(rho) / np.pi, rel=1e-9)
    assert share_draws(posterior)["g"][0, 0] == pytest.approx(rho, rel=1e-12)


def test_logistic_share_of_the_link_scale_uses_the_logistic_variance(table):
    posterior = one_draw("binary ~ 1 + (1 | g)", table, "bernoulli")

    assert share_draws(posterior)["g"][0, 0] == pytest.approx(TAU**2 / (TAU**2 + np.pi**2 / 3))


@pytest.mark.parametrize(
    ("path", "expected", "odds"),
    [
        ("glmm/cbpp__glmer_laplace", 0.11141512016367, 1.845),
        ("glmm/contraception_age10__glmer_laplace", 0.0642350632709282, 1.573),
        ("lme4/radon_intercept__lme4_REML", 0.0394696955742062, None),
    ],
)
def test_shares_of_lme4_estimates_are_its_intraclass_correlations(table, path, expected, odds):
    fit = json.loads((REFERENCE / f"{path}.json").read_text())
    (sd,) = fit["varcomp"][0]["sd"]
    parameters = {"sd_g": [sd]} | ({} if fit["sigma"] is None else {"sigma": fit["sigma"]})
    response, family = ("binary", "bernoulli") if odds else ("positive", "gaussian")
    posterior = one_draw(f"{response} ~ 1 + (1 | g)", table, family, **parameters)

    icc = share_draws(posterior)["g"][0, 0]

    assert icc == pytest.approx(expected, rel=1e-10)
    if odds:
        # exp(0.6745 sqrt(2) sd), by hand.
        assert float(median_odds_ratio(np.array(sd**2))) == pytest.approx(odds, abs=1e-3)


def test_beta_and_ordinal_shares_stay_in_range_where_other_tools_fail(table):
    # ICC above 1 for beta (latent variance by the delta method on the wrong scale), below 0 for
    # ordinal (R2 and ICC from a negative residual variance).
    for family, formula, parameters, _ in (SIMULATED["beta"], SIMULATED["cumulative"]):
        for scale in (0.05, 3.0):
            posterior = one_draw(formula, table, family, **(parameters | {"sd_g": [scale]}))
            shares = share_draws(posterior)
            assert 0.0 < shares["g"][0, 0] < 1.0
            assert shares["g"][0, 0] + shares["Residual"][0, 0] == pytest.approx(1.0)


def test_two_groups_of_a_linear_response_share_as_on_the_link_scale(table):
    draws = {"sd_h": [0.5], "sigma": 1.2, "nu": 6.0}
    posterior = one_draw("positive ~ 1 + (1 | g) + (1 | h)", table, "student", **draws)
    (values,) = place_draws(posterior, list_places(posterior, {}, None))

    shares = response_shares(posterior.spec, values)

    residual = 1.2**2 * 6.0 / 4.0
    total = TAU**2 + 0.25 + residual
    expected = {"g": TAU**2 / total, "h": 0.25 / total, "Residual": residual / total}
    for name, value in expected.items():
        assert shares[name][0] == pytest.approx(value, rel=1e-9)


def test_two_groups_of_counts_have_their_closed_form(table):
    posterior = one_draw("count ~ 1 + (1 | g) + (1 | h)", table, "poisson", sd_h=[0.5])
    (values,) = place_draws(posterior, list_places(posterior, {}, None))

    shares = response_shares(posterior.spec, values)

    mean = np.exp(ETA + (TAU**2 + 0.25) / 2)
    total = np.expm1(TAU**2 + 0.25) * mean**2 + mean
    assert shares["g"][0] == pytest.approx(np.expm1(TAU**2) * mean**2 / total, rel=1e-8)
    assert shares["h"][0] == pytest.approx(np.expm1(0.25) * mean**2 / total, rel=1e-8)
    assert shares["Residual"][0] == pytest.approx(mean / total, rel=1e-8)


def test_slopes_move_the_typical_row_and_its_interactions(table):
    # eta at x = 2 holds the coefficient of I(x^2) too: -0.4 + 0.3 * 2 + 0.1 * 4.
    posterior = one_draw(
        "count ~ x + I(x^2) + (x | g)",
        table,
        "poisson",
        b=[ETA, 0.3, 0.1],
        sd_g=[0.5, 0.2],
        cor_g=[[1.0, 0.5], [0.5, 1.0]],
    )
    (values,) = place_draws(posterior, list_places(posterior, {"x": 2.0}, None))

    np.testing.assert_allclose(values.eta, ETA + 0.6 + 0.4)
    np.testing.assert_allclose(values.between["g"], 0.25 + 2 * 2 * 0.5 * 0.1 + 4 * 0.04)


def test_median_odds_ratio_of_the_literature():
    # Merlo et al. (2006), J Epidemiol Community Health 60:290-297: variance 0.2 between areas
    # gives exp(0.95 sqrt(variance)) = 1.53.
    assert float(median_odds_ratio(np.array(0.2))) == pytest.approx(1.53, abs=0.005)


def test_logistic_models_have_a_median_odds_ratio(table):
    posterior = one_draw("binary ~ 1 + (1 | g)", table, "bernoulli")

    frame = summarise_variance(posterior).frame.set_index("quantity")

    expected = np.exp(np.sqrt(2) * TAU * special.ndtri(0.75))
    assert frame.loc["median odds ratio", "estimate"] == pytest.approx(expected)


def test_sequential_ratios_have_no_latent_variable_but_shares_of_the_response(table):
    posterior = one_draw("order ~ 1 + (1 | g)", table, "sratio", threshold=[-0.5, 1.0])

    frame = summarise_variance(posterior).frame

    assert set(frame.query("quantity == 'share'")["scale"]) == {"response"}
