from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from poolish.design.arrays import ResponseDesign
from poolish.spec.families import FAMILIES
from poolish.spec.families.categorical import level_parameters

REFERENCE = Path(__file__).parents[2] / "reference" / "families"
# ordinal::clmm 2022.11.16, logit, 10-node adaptive quadrature:
# r ~ treat + period + carry + (1 | subject), shared reference `inhaler_clmm__agq10`.
THRESHOLDS = np.array([0.696726741421975, 3.8560029817309, 5.11349624809136])
EFFECTS = np.array([-1.04420429157018, 0.230468519737462, -0.241636886870719])
SUBJECT_SD = 1.19035983943666
LOG_LIKELIHOOD = -446.391174338947


def test_likelihood_at_the_estimate_of_clmm_is_that_of_clmm() -> None:
    data = pd.read_csv(REFERENCE / "inhaler.csv")
    response = ResponseDesign(
        "rating", data["rating"].to_numpy() - 1.0, levels=("1", "2", "3", "4")
    )
    eta = data[["treat", "period", "carry"]].to_numpy() @ EFFECTS
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    mu = eta + SUBJECT_SD * nodes[:, None]
    log_density = FAMILIES["cumulative"].log_density(
        response.y, {"mu": mu, "threshold": THRESHOLDS}, response
    )

    subjects = pd.DataFrame(log_density.T).groupby(data["subject"].to_numpy()).sum().to_numpy()
    total = np.log(np.exp(subjects) @ weights / np.sqrt(2 * np.pi)).sum()
    assert total == pytest.approx(LOG_LIKELIHOOD, abs=1e-3)  # its 10 nodes


@pytest.mark.parametrize("name", ["cumulative", "cumulative_probit", "cumulative_cloglog"])
def test_category_between_thresholds_keeps_its_digits_in_the_tails(name: str) -> None:
    response = ResponseDesign("y", np.ones(2), levels=("a", "b", "c"))
    parameters = {"mu": np.array([-12.0, 12.0]), "threshold": np.array([0.0, 1.0])}
    if name == "cumulative_cloglog":
        parameters["mu"] = np.array([-4.0, 30.0])

    values = FAMILIES[name].log_density(response.y, parameters, response)

    cdf, sf = {
        "cumulative": (stats.logistic.logcdf, stats.logistic.logsf),
        "cumulative_probit": (stats.norm.logcdf, stats.norm.logsf),
        "cumulative_cloglog": (stats.gumbel_l.logcdf, stats.gumbel_l.logsf),
    }[name]
    low, high = -parameters["mu"], 1.0 - parameters["mu"]
    upper = sf(low[0]) + np.log1p(-np.exp(sf(high[0]) - sf(low[0])))
    lower = cdf(high[1]) + np.log1p(-np.exp(cdf(low[1]) - cdf(high[1])))
    np.testing.assert_allclose(values, [upper, lower], rtol=1e-9)


@pytest.mark.parametrize("name", ["cumulative", "sratio", "sratio_probit"])
def test_probabilities_are_one_per_level_and_sum_to_one(name: str) -> None:
    response = ResponseDesign("y", np.zeros(2), levels=("a", "b", "c"))
    parameters = {"mu": np.zeros((5, 2)), "threshold": np.array([-0.3, 0.8])}

    assert FAMILIES[name].probabilities is not None
    chances = FAMILIES[name].probabilities(parameters, response)

    assert chances.shape == (5, 2, 3)
    np.testing.assert_allclose(chances.sum(-1), 1.0, rtol=1e-12)


@pytest.mark.parametrize(("name", "is_ordered"), [("cumulative", True), ("sratio", False)])
def test_model_has_one_threshold_less_than_levels(name: str, is_ordered: bool) -> None:
    response = ResponseDesign("y", np.zeros(2), levels=("a", "b", "c", "d"))

    mu, threshold = FAMILIES[name].active(response)

    assert (mu.name, threshold.name) == ("mu", "threshold")
    assert (threshold.size, threshold.dim, threshold.is_ordered) == (3, "threshold", is_ordered)
    assert FAMILIES[name].replaces_intercept


def test_categorical_has_one_predictor_per_level_but_the_reference() -> None:
    response = ResponseDesign("y", np.zeros(2), levels=("car", "bus", "on foot"))

    names = [parameter.name for parameter in FAMILIES["categorical"].active(response)]

    assert names == ["mubus", "muonfoot"]
    assert level_parameters(response.levels) == tuple(names)
