from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import UnsupportedError

pytest.importorskip("statsmodels")


def test_ohio_agrees_with_geepack(root):
    """geepack 1.3.9, tests/reference/lme4/gee_geepack.json; both iterate to about 1e-4."""
    path = root.parent / "shared" / "data" / "ohio.csv"
    if not path.exists():
        pytest.skip("the shared data are absent")
    expected = json.loads((root / "tests/reference/lme4/gee_geepack.json").read_text())["ohio"]

    table = po.gee("resp ~ age * smoke + (1 | id)", pd.read_csv(path), family="bernoulli").to_df()

    np.testing.assert_allclose(table["estimate"], list(expected["coef"].values()), atol=1e-3)
    np.testing.assert_allclose(table["se"], expected["robust_se"], rtol=5e-3)


def test_two_groups_are_refused(sleepstudy):
    data = sleepstudy.assign(h=sleepstudy["Subject"] % 5)

    with pytest.raises(UnsupportedError, match="need one family of statsmodels and one group"):
        po.gee("Reaction ~ Days + (1 | Subject) + (1 | h)", data)
