"""The simulated models of the gallery: their scripts make their data, and the truth is found."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.studies.gallery import EXPECTED_FILE
from poolish.studies.verify import read_expected

ROOT = Path(__file__).parents[1] / "models"
SCRIPTS = sorted(ROOT.glob("*/simulate.py"))
# A true value further out than this in one of some fifty quantities would be surprising.
MAX_POSTERIOR_SDS = 3.3

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)


@each_script
def test_a_script_makes_the_data_of_its_model(script):
    data = pd.read_csv(script.with_name("data.csv"))

    made = runpy.run_path(str(script))["simulate"]()

    pd.testing.assert_frame_equal(made, data, check_dtype=False)


@each_script
def test_the_truth_lies_within_the_expected_posterior(script):
    truth = runpy.run_path(str(script))["TRUTH"]
    expected = read_expected(script.with_name(EXPECTED_FILE))

    distances = {
        name: (expected[name].mean - value) / expected[name].sd for name, value in truth.items()
    }

    assert all(abs(distance) < MAX_POSTERIOR_SDS for distance in distances.values()), distances


def test_the_crossover_passes_the_rule_of_bioequivalence():
    data = pd.read_csv(ROOT / "crossover" / "data.csv")
    data["product"] = pd.Categorical(data["product"], ["R", "T"])

    fit = po.fit("log(auc) ~ sequence + period + product + (1 | subject)", data, seed=1)

    ratio = np.exp(fit.posterior["b"].sel(coef="product[T]"))
    lower, upper = ratio.quantile([0.05, 0.95]).to_numpy()
    # The textbook interval: the difference within subjects, t with 22 degrees of freedom.
    log_auc = data.assign(log_auc=np.log(data["auc"])).pivot(
        index=["subject", "sequence"], columns="product", values="log_auc"
    )
    halves = (log_auc["T"] - log_auc["R"]).groupby("sequence")
    centre = halves.mean().mean()
    pooled = np.sqrt((halves.var() * 11).sum() / 22)
    width = 1.717144 * pooled * np.sqrt(1 / 24)
    assert lower == pytest.approx(np.exp(centre - width), abs=0.01)
    assert upper == pytest.approx(np.exp(centre + width), abs=0.01)
    assert lower > 0.80
    assert upper < 1.25
