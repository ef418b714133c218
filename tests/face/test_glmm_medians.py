"""Posterior medians of generalized models under default priors against maximum likelihood.

Reference: tests/reference/lme4 (lme4 1.1-31 by adaptive quadrature with 25 nodes, glmmTMB 1.1.5,
ordinal 2022.11-16, survival 3.5-3). Tolerance: 0.35 posterior sd, as for the Gaussian models of
`test_lme4_medians.py`; standard deviations between groups on the log scale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def read_reference(name: str) -> dict[str, Any]:
    """Return the estimates of another program."""
    return json.loads((ROOT / "tests" / "reference" / "lme4" / f"{name}.json").read_text())


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


def test_the_long_run_of_inhaler_is_near_clmm() -> None:
    reference = read_reference("inhaler_clmm__agq10")["coef"]

    answers = read_answers("inhaler")

    thresholds = zip(("1|2", "2|3", "3|4"), ("1", "2", "3"), strict=True)
    pairs = {name: f"threshold[{k}]" for name, k in thresholds}
    pairs |= {name: f"b[{name}]" for name in ("treat", "period", "carry")}
    for name, ours in pairs.items():
        gap = abs(answers[ours].mean - reference[name]["estimate"]) / answers[ours].sd
        assert gap <= LIMIT, ours


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
