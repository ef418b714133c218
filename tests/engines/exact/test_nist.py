"""NIST StRD one-way ANOVA: certified REML estimates of balanced designs.

The certified values are exact for the numbers as printed; the digits that can be reached are
those of the numbers as stored in double precision (SmLs07 to SmLs09 have 13 leading digits in
common, of 16).
"""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.engines.exact.conditional_known import condition
from poolish.engines.exact.maximise import maximise
from poolish.engines.exact.mle import build_criterion

REFERENCE = Path(__file__).parents[2] / "reference" / "nist"
# Relative error of the standard deviations: rounding of the data, relative to their spread.
DIGITS = {
    "SmLs04": 1e-7,
    "SmLs05": 1e-7,
    "SmLs06": 1e-7,
    "SmLs07": 2e-3,
    "SmLs08": 2e-3,
    "SmLs09": 2e-3,
}


def read_values(name):
    reference = json.loads((REFERENCE / f"{name}.json").read_text())
    if reference["y"] is not None:
        return reference, np.array(reference["g"]), np.array(reference["y"], dtype=float)
    folder = resources.files("scipy.stats.tests") / "data" / "nist_anova"
    lines = (folder / f"{name}.dat").read_text().splitlines()[60:]
    table = np.array([line.split() for line in lines if line.strip()], dtype=float)
    return reference, table[:, 0].astype(int), table[:, 1]


def oneway(g, y):
    levels, codes = np.unique(g, return_inverse=True)
    ones = np.ones((len(y), 1))
    group = GroupDesign("g", ("Intercept",), tuple(map(str, levels)), codes, ones, ((0,),))
    predictor = PredictorDesign(ones, ("Intercept",), True, np.zeros(len(y)), (group,))
    return Design(ResponseDesign("y", y), {"mu": predictor})


@pytest.mark.parametrize("name", sorted(path.stem for path in REFERENCE.glob("*.json")))
def test_reml_is_certified(name):
    reference, g, y = read_values(name)
    criterion = build_criterion(oneway(g, y), reml=True, has_sigma=True)

    at = criterion.covariances(maximise(criterion))

    implied = reference["implied_reml"]
    tolerance = DIGITS.get(name, 1e-6)
    sigma, sd = at.precision[0, 0] ** -0.5, at.roots[0][0, 0, 0]
    assert sigma == pytest.approx(np.sqrt(implied["sigma2_within"]), rel=tolerance)
    assert sd == pytest.approx(np.sqrt(implied["sigma2_between"]), rel=max(tolerance, 1e-5))
    assert condition(criterion.likelihood, at).b[0] == pytest.approx(y.mean(), rel=1e-14)
