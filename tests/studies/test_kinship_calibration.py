"""Simulation-based calibration of a heritability, from near 0 to near 1."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.engines.exact import ENGINE
from poolish.engines.protocol import Plan
from poolish.studies.calibration import calibrate

# With sigma fixed at 1 the rank of sd is that of h2 = sd^2 / (1 + sd^2), and under a half-Cauchy
# sd it has the arcsine distribution: 13 % of it below 0.04, 13 % above 0.96.
PRIORS = {"Intercept": "normal(0, 2)", "sd": "half_cauchy(1)", "sigma": "constant(1)"}


def model(form: str) -> po.Model:
    rng = np.random.default_rng(6)
    n, n_founders = 60, 20
    parents = [(None, None)] * n_founders
    for i in range(n_founders, n):
        first = max(0, i - 25)
        sire, dam = rng.integers(first, i, 2) // 2 * 2 + np.array([0, 1])
        parents.append((f"a{min(sire, i - 2 + i % 2)}", f"a{min(dam, i - 1 - i % 2)}"))
    ids = [f"a{i}" for i in range(n)]
    rows = pd.DataFrame(parents, columns=["sire", "dam"]).assign(id=ids)
    pedigree = po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")
    records = ids[10:] * 2 if form == "repeated" else ids
    data = pd.DataFrame({"id": records, "y": rng.normal(size=len(records))})
    return po.model("y ~ 1 + (1 | kin(id, K))", data, relations={"K": pedigree}, priors=PRIORS)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["single", "repeated"])
def test_heritability_is_calibrated_from_near_0_to_near_1(form: str) -> None:
    declared = model(form)

    found = calibrate(
        declared.spec,
        declared.design,
        ENGINE.fit,
        simulations=300,
        seed=4,
        plan=Plan(draws=250, chains=4, progress=False),
    )

    table = found.to_df().set_index("parameter").drop(index="sigma")
    assert {"b[0]", "sd_id[0]", "r_id[0]"} <= set(table.index)
    assert table["is_uniform"].all(), table.to_string()
