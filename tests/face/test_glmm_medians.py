"""Posterior medians of generalized models under default priors against maximum likelihood.

References: tests/reference/lme4 (lme4 1.1-31 by adaptive quadrature with 25 nodes, glmmTMB 1.1.5,
ordinal 2022.11-16, survival 3.5-3) and tests/reference/glmm (glmmTMB 1.1.5 and base R 4.2.2).
Tolerance: 0.35 posterior sd, as for the Gaussian models of `test_lme4_medians.py`; standard
deviations between groups on the log scale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import expit

import poolish as po
from poolish.cli.source import read_source
from poolish.studies.gallery import EXPECTED_FILE
from poolish.studies.verify import Estimate, read_expected

ROOT = Path(__file__).parents[2]
LIMIT = 0.35

BY_LME4 = {
    "cbpp": "cbpp__glmer_agq25",
    "epil": "epil_poisson__glmer_agq25",
    "epil_negbinomial": "epil_nbinom2__glmmTMB",
    "contraception": "contraception_intercept__glmer_agq25",
}


def read_reference(name: str, folder: str = "lme4") -> dict[str, Any]:
    """Return the estimates of another program."""
    return json.loads((ROOT / "tests" / "reference" / folder / f"{name}.json").read_text())


def fit_gallery(name: str) -> po.Fit:
    """Return the fit of a model of the gallery, by the engine it takes."""
    source = read_source(str(ROOT / "models" / name), None)
    return source.build().fit(**source.sample, progress=False)


def read_answers(name: str) -> dict[str, Estimate]:
    """Return the long run of a model of the gallery."""
    return read_expected(ROOT / "models" / name / EXPECTED_FILE)


def distance(draws: np.ndarray, estimate: float) -> float:
    """Return how far the median is from an estimate, in posterior standard deviations."""
    return float(abs(np.median(draws) - estimate) / draws.std())


@pytest.mark.parametrize("name", BY_LME4)
def test_medians_are_near_the_maximum_likelihood_estimates(name: str) -> None:
    reference = read_reference(BY_LME4[name])

    posterior = fit_gallery(name).posterior

    b = posterior["b"].values.reshape(-1, posterior.sizes["coef"])
    distances = [distance(b[:, k], value) for k, value in enumerate(reference["fixed"]["estimate"])]
    (part,) = reference["varcomp"]
    sd = np.log(posterior[f"sd_{part['group']}"].values)
    assert max(distances) <= LIMIT
    # The maximum of a likelihood over a variance lies below the centre of its mass, the more so
    # the fewer groups there are: 15 herds; hence twice the tolerance.
    assert distance(sd, np.log(part["sd"][0])) <= 2 * LIMIT
    assert np.median(sd) > np.log(part["sd"][0])
    if name == "epil_negbinomial":
        shape = np.log(posterior["shape"].values)
        assert distance(shape, np.log(reference["sigma"])) <= LIMIT


def compare_medians(posterior: xr.Dataset, reference: dict[str, Any]) -> None:
    """Hold coefficients and standard deviations between groups to another program's estimates."""
    b = posterior["b"].values.reshape(-1, posterior.sizes["coef"])
    for k, value in enumerate(reference["fixed"]["estimate"]):
        assert distance(b[:, k], value) <= LIMIT, reference["fixed"]["names"][k]
    for part in reference["varcomp"]:
        sd = np.log(posterior[f"sd_{part['group']}"].values)
        for k, value in enumerate(part["sd"]):
            assert distance(sd[..., k], np.log(value)) <= 2 * LIMIT, part["group"]


def test_an_effect_for_every_row_is_near_glmmtmb() -> None:
    data = pd.read_csv(ROOT / "models" / "cbpp" / "data.csv").astype({"period": str, "herd": str})

    fit = po.fit(
        "incidence | trials(size) ~ period + (1 | herd) + (1 | obs)",
        data.assign(obs=[f"o{i:02d}" for i in range(len(data))]),
        family="binomial",
        seed=1,
        progress=False,
    )

    assert fit.result.record.engine == "quadrature"
    reference = read_reference("cbpp_olre__glmmTMB")
    # 15 herds leave open whether they differ once rows do: the estimate, 0.18, says little.
    compare_medians(
        fit.posterior,
        reference | {"varcomp": [v for v in reference["varcomp"] if v["group"] == "obs"]},
    )


def test_ohio_by_its_default_priors_is_near_the_many_node_estimate() -> None:
    # Laplace gives 2.346 for the sd, 25 nodes 2.167.
    path = ROOT.parent / "shared" / "data" / "ohio.csv"
    if not path.exists():
        pytest.skip("the shared data are not here")

    fit = po.fit(
        "resp ~ age * smoke + (1 | id)",
        pd.read_csv(path),
        family="bernoulli",
        seed=1,
        progress=False,
    )

    assert fit.result.record.engine == "quadrature"
    compare_medians(fit.posterior, read_reference("ohio__glmer_agq25"))


@pytest.mark.slow
def test_a_correlated_slope_by_nuts_is_near_glmmtmb() -> None:
    data = pd.read_csv(ROOT / "models" / "contraception" / "data.csv").astype({"district": str})

    fit = po.fit(
        "use ~ age10 + I(age10^2) + urban + livch + (urban | district)",
        data.assign(age10=data["age"] / 10),
        family="bernoulli",
        seed=1,
        progress=False,
    )

    reference = read_reference("contraception_age10_urban_slope__glmmTMB")
    assert fit.diagnosis.verdict == "sound"
    compare_medians(fit.posterior, reference)
    # The estimate of the correlation, -0.79, is the mode of a skewed likelihood. Its posterior is
    # what glmmTMB's restricted likelihood gives with the same priors. By Laplace's approximation
    # that has standard deviations some 2 % small: a tenth to a sixth of their own sd.
    grid = read_reference("contraception_slope__glmmTMB_grid", "glmm")["lkj_2"]
    sd, cor = fit.posterior["sd_district"].values, fit.posterior["cor_district"].values
    draws = {"sd_intercept": sd[..., 0], "sd_urban": sd[..., 1], "cor": cor[..., 0, 1]}
    for name, laplace in (("cor", 0.0), ("sd_intercept", 0.15), ("sd_urban", 0.15)):
        error = 4 * float(array_stats.mcse(draws[name], method="mean"))
        error += laplace * grid["sd"][name]
        assert draws[name].mean() == pytest.approx(grid["mean"][name], abs=error)
        assert draws[name].std() == pytest.approx(grid["sd"][name], rel=0.15)


@pytest.mark.slow
def test_roaches_with_more_zeros_are_near_glmmtmb() -> None:
    reference = read_reference("roaches__glmmTMB", "glmm")

    posterior = fit_gallery("roaches").posterior

    b = posterior["b"].values.reshape(-1, posterior.sizes["coef"])
    for k, value in enumerate(reference["b"].values()):
        assert distance(b[:, k], value) <= LIMIT
    assert distance(np.log(posterior["shape"].values), np.log(reference["shape"])) <= LIMIT
    # Elsewhere glmmTMB finds no more zeros at all, logit -18: only the chance is finite.
    logits = np.cumsum(posterior["b_zi"].values.reshape(-1, 2), axis=1)
    elsewhere, elderly = np.cumsum(list(reference["b_zi"].values()))
    assert distance(logits[:, 1], elderly) <= LIMIT
    assert expit(elsewhere) < 1e-6
    assert np.median(expit(logits[:, 0])) < 0.05


@pytest.mark.slow
def test_rats_in_litters_are_near_coxs_model() -> None:
    # Cox's model leaves the baseline free: agreement is only to about half a standard error.
    path = ROOT.parent / "shared" / "data" / "rats_survival.csv"
    if not path.exists():
        pytest.skip("the shared data are not here")
    data = pd.read_csv(path).query("sex == 'f'").astype({"litter": str})

    fit = po.fit(
        "time | cens(censored) ~ rx + (1 | litter)",
        data.assign(censored=np.where(data["status"] == 1, "none", "right")),
        family="weibull",
        seed=1,
        progress=False,
    )

    reference = read_reference("frailty_coxph")["rats_female_gaussian"]
    hazard_ratio = -fit.posterior["shape"] * fit.posterior["b"].sel(coef="rx")
    assert abs(float(hazard_ratio.median()) - reference["coef"]["rx"]) <= 0.5 * reference["se"][0]


def test_the_long_run_of_inhaler_is_near_clmm() -> None:
    reference = read_reference("inhaler_clmm__agq10")["coef"]

    answers = read_answers("inhaler")

    thresholds = zip(("1|2", "2|3", "3|4"), ("1", "2", "3"), strict=True)
    pairs = {name: f"threshold[{k}]" for name, k in thresholds}
    pairs |= {name: f"b[{name}]" for name in ("treat", "period", "carry")}
    for name, ours in pairs.items():
        gap = abs(answers[ours].mean - reference[name]["estimate"]) / answers[ours].sd
        assert gap <= LIMIT, ours


def test_the_long_run_of_kidney_is_near_maximum_likelihood() -> None:
    reference = read_reference("kidney__integrate", "glmm")

    answers = read_answers("kidney")

    for name, value in reference["b"].items():
        assert abs(answers[f"b[{name}]"].mean - value) <= LIMIT * answers[f"b[{name}]"].sd
    for name, key in (("shape", "shape"), ("sd_patient[Intercept]", "sd_patient")):
        assert abs(answers[name].mean - reference[key]) <= LIMIT * answers[name].sd


def test_the_long_run_of_kidney_is_near_coxs_model() -> None:
    # A Weibull time with coefficients b on the log mean has the log hazard ratios -shape * b. Cox's
    # model leaves the baseline free, so agreement is only to about half a standard error.
    reference = read_reference("frailty_coxph")["kidney_gaussian_reml"]

    answers = read_answers("kidney")

    shape = answers["shape"].mean
    ours = {"age": "b[age]", "sex": "b[sex[female]]"}
    for (name, value), se in zip(reference["coef"].items(), reference["se"], strict=True):
        assert abs(-shape * answers[ours[name]].mean - value) <= 0.5 * se
    frailty = np.sqrt(reference["theta"])
    assert abs(shape * answers["sd_patient[Intercept]"].mean - frailty) <= 0.5 * shape * (
        answers["sd_patient[Intercept]"].sd
    )
