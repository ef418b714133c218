from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import UnknownNameError, UnsupportedError

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


def test_without_statsmodels_the_extra_is_named(sleepstudy, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)

    with pytest.raises(UnsupportedError, match=r"need the package `statsmodels`") as raised:
        po.gee("Reaction ~ Days + (1 | Subject)", sleepstudy)
    assert "install the extra `poolish[gee]`" in raised.value.fix


def test_marginal_coefs_without_statsmodels_say_why_there_is_no_gee(sleep_fit, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)

    table = sleep_fit.marginal_coefs()

    assert "no GEE: estimating equations need the package `statsmodels`" in table.caption
    assert set(table.to_df()["meaning"]) == {"conditional", "marginal"}


def test_an_unknown_correlation_is_named(sleepstudy):
    with pytest.raises(UnknownNameError, match="no correlation `ar1`"):
        po.gee("Reaction ~ Days + (1 | Subject)", sleepstudy, correlation="ar1")


def test_two_groups_are_refused(sleepstudy):
    data = sleepstudy.assign(h=sleepstudy["Subject"] % 5)

    with pytest.raises(UnsupportedError, match="need one family of statsmodels and one group"):
        po.gee("Reaction ~ Days + (1 | Subject) + (1 | h)", data)


def test_a_model_without_coefficients_is_refused(sleepstudy):
    with pytest.raises(UnsupportedError, match="one group, and coefficients"):
        po.gee("Reaction ~ 0 + (1 | Subject)", sleepstudy)
