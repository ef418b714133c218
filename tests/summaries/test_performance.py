"""R2, ICC and conditional means at lme4's estimates, against performance and emmeans."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special
from tests.made_fits import REFERENCE, make_posterior

import poolish as po
from poolish.posterior import Posterior
from poolish.summaries.explained import link_variances, nakagawa_r2
from poolish.summaries.marginal_effects import tabulate_predictions
from poolish.summaries.shares import share_draws


def at_estimates(formula: str, data: pd.DataFrame, expected: dict, **options) -> Posterior:
    """Return a fit whose every draw is lme4's estimate."""
    sds = pd.DataFrame(expected["sds"])
    is_group = sds["grp"] != "Residual"
    group = sds["grp"][0]
    values = {
        "b": np.array(list(expected["b"].values())),
        f"sd_{group}": sds["sdcor"][is_group & sds["var2"].isna()].to_numpy(),
    }
    if not is_group.all():
        values["sigma"] = sds["sdcor"][~is_group].to_numpy()[0]
        cor = sds["sdcor"][sds["var2"].notna()].to_numpy()[0]
        values[f"cor_{group}"] = np.array([[1.0, cor], [cor, 1.0]])
    draws = {n: np.broadcast_to(v, (2, 4, *np.shape(v))) for n, v in values.items()}
    return make_posterior(formula, data, draws, **options)


@pytest.fixture(scope="module")
def references() -> dict:
    return json.loads((REFERENCE / "performance" / "shares.json").read_text())


@pytest.fixture(scope="module")
def posteriors(references, sleepstudy) -> dict[str, Posterior]:
    cbpp = pd.read_csv(REFERENCE / "glmm" / "cbpp.csv")
    cbpp["period"] = cbpp["period"].astype(str)
    women = pd.read_csv(REFERENCE / "glmm" / "Contraception.csv")
    women["use"] = (women["use"] == "Y").astype(int)
    formula = "use ~ age + urban + (1 | district)"
    probit = po.family("bernoulli", link="probit")
    return {
        "sleepstudy": at_estimates(
            "Reaction ~ Days + (Days | Subject)", sleepstudy, references["sleepstudy"]
        ),
        "cbpp": at_estimates(
            "incidence | trials(size) ~ period + (1 | herd)",
            cbpp,
            references["cbpp"],
            family="binomial",
        ),
        "contraception": at_estimates(
            formula, women, references["contraception"], family="bernoulli"
        ),
        "contraception_probit": at_estimates(
            formula, women, references["contraception_probit"], family=probit
        ),
    }


NAMES = ["sleepstudy", "cbpp", "contraception", "contraception_probit"]


@pytest.mark.parametrize("name", NAMES)
def test_r2_is_that_of_performance(name, references, posteriors):
    found = nakagawa_r2(link_variances(posteriors[name]))

    expected = references[name]
    assert found["R2 marginal"][0] == pytest.approx(expected["r2_marginal"], rel=1e-5)
    assert found["R2 conditional"][0] == pytest.approx(expected["r2_conditional"], rel=1e-5)


@pytest.mark.parametrize("name", NAMES[1:])
def test_icc_of_the_link_scale_is_that_of_performance(name, references, posteriors):
    (group, *_) = share_draws(posteriors[name])

    found = share_draws(posteriors[name])[group]

    np.testing.assert_allclose(found, references[name]["icc"], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("cbpp", {"period": ["1", "2", "3", "4"]}),
        ("contraception", {"urban": ["N", "Y"], "age": 1.5}),
        ("contraception_probit", {"urban": ["N", "Y"], "age": 1.5}),
    ],
)
def test_conditional_means_are_those_of_emmeans(name, condition, references, posteriors):
    table = tabulate_predictions(posteriors[name], condition=condition, meaning="conditional")

    np.testing.assert_allclose(table.to_df()["estimate"], references[name]["means"], rtol=1e-6)


@pytest.fixture(scope="module")
def glmm_references() -> dict:
    return json.loads((REFERENCE / "performance" / "glmm_shares.json").read_text())


def glmm(name: str, expected: dict, root) -> Posterior:
    """Return a fit whose every draw is the estimate of lme4."""
    formula, family = {
        "poisson": ("y ~ trt + lbase + (1 | subject)", "poisson"),
        "poisson_slopes": ("y ~ trt + lbase + V4 + (V4 | subject)", "poisson"),
        "negbinomial": ("y ~ trt + lbase + (1 | subject)", "negbinomial"),
        "gamma_slopes": ("Reaction ~ Days + (Days | Subject)", "gamma"),
        "logistic_slopes": ("use ~ age + urban + (urban | district)", "bernoulli"),
    }[name]
    data = {
        "gamma_slopes": lambda: pd.read_csv(root / "models" / "sleepstudy" / "data.csv"),
        "logistic_slopes": lambda: pd.read_csv(REFERENCE / "glmm" / "Contraception.csv").assign(
            use=lambda frame: (frame["use"] == "Y").astype(int)
        ),
    }.get(name, lambda: pd.read_csv(root / "models" / "epil" / "data.csv"))()
    sds = pd.DataFrame(expected["sds"])
    sds = sds[sds["grp"] != "Residual"]
    group = sds["grp"].iloc[0]
    values = {
        "b": np.array(list(expected["b"].values())),
        f"sd_{group}": sds["sdcor"][sds["var2"].isna()].to_numpy(),
    }
    cor = sds["sdcor"][sds["var2"].notna()].to_numpy()
    if len(cor):
        values[f"cor_{group}"] = np.array([[1.0, cor[0]], [cor[0], 1.0]])
    if family == "negbinomial":
        values["shape"] = expected["shape"]
    if family == "gamma":
        values["shape"] = expected["sigma"] ** -2
    draws = {n: np.broadcast_to(v, (2, 4, *np.shape(v))) for n, v in values.items()}
    return make_posterior(formula, data, draws, family=family)


GLMMS = ["poisson", "poisson_slopes", "negbinomial", "gamma_slopes", "logistic_slopes"]


@pytest.mark.parametrize("name", GLMMS)
def test_variances_of_predictors_and_groups_are_those_of_insight(name, glmm_references, root):
    """With random slopes too: z' S z averaged over rows (Johnson 2014)."""
    expected = glmm_references[name]

    parts = link_variances(glmm(name, expected, root))

    assert parts.population[0] == pytest.approx(expected["var_fixed"], rel=1e-5)
    assert parts.all_groups[0] == pytest.approx(expected["var_random"], rel=1e-5)


@pytest.mark.parametrize("name", ["gamma_slopes", "logistic_slopes"])
def test_r2_without_a_null_model_is_that_of_nakagawa(name, glmm_references, root):
    expected = glmm_references[name]["trigamma"]

    parts = link_variances(glmm(name, glmm_references[name], root))

    r2 = nakagawa_r2(parts)
    assert parts.distribution[0] == pytest.approx(expected["distribution"], rel=1e-5)
    assert r2["R2 marginal"][0] == pytest.approx(expected["r2_marginal"], rel=1e-5)
    assert r2["R2 conditional"][0] == pytest.approx(expected["r2_conditional"], rel=1e-5)


@pytest.mark.parametrize("name", ["poisson", "poisson_slopes", "negbinomial"])
def test_r2_of_counts_is_that_of_nakagawa_at_the_mean_of_the_model(name, glmm_references, root):
    """Trigamma at the mean count: theirs of a null model, ours of the fitted one.

    performance 0.10 takes log(1 + V / mu^2) at the exponential of a null model's intercept, a
    typical subject's mean and not the average: its R2 is lower, by what is asserted here.
    """
    expected = glmm_references[name]

    parts = link_variances(glmm(name, expected, root))

    r2, theirs = nakagawa_r2(parts), expected["trigamma"]
    assert r2["R2 marginal"][0] == pytest.approx(theirs["r2_marginal"], abs=0.01)
    assert r2["R2 conditional"][0] == pytest.approx(theirs["r2_conditional"], abs=0.01)
    shape = expected["shape"] if name == "negbinomial" else np.inf
    mu = np.exp(expected["null_intercept"])
    lognormal = np.log1p(1 / mu + 1 / shape)
    total = parts.population[0] + parts.all_groups[0] + lognormal
    if name != "poisson_slopes":  # whose null model in performance has the slopes
        assert parts.population[0] / total == pytest.approx(expected["r2_marginal"], rel=1e-4)


def test_averages_are_probabilities_whatever_the_trials(posteriors):
    """Rows of 2 to 34 animals: each counts once, with its probability."""
    posterior = posteriors["cbpp"]

    table = tabulate_predictions(posterior, average=True, meaning="conditional").to_df()

    eta = posterior.design.main.X @ posterior.draws["b"].values[0, 0]
    assert table["estimate"][0] == pytest.approx(special.expit(eta).mean(), rel=1e-9)
