from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.posterior import Posterior
from poolish.report import build_report, render_html
from poolish.report.blocks import Report

HOSTILE = "</script><script>alert('x')</script>"


@pytest.fixture(scope="session", autouse=True)
def no_windows():
    matplotlib.use("Agg")


@pytest.fixture(scope="session")
def sleep_report(brms_sleep) -> Report:
    return build_report(brms_sleep)


@pytest.fixture(scope="session")
def sleep_page(sleep_report) -> str:
    return render_html(sleep_report)


@pytest.fixture(scope="session")
def hostile() -> Posterior:
    """Return a fit whose columns and levels try to leave their places."""
    rng = np.random.default_rng(3)
    levels = [HOSTILE, '"><img src=x onerror=alert(1)>', "$\\frac{1}{0}$ | `a`", "&lt;b&gt;"]
    data = pd.DataFrame(
        {"y<b>": rng.normal(size=24), "x|*_": rng.normal(size=24), "g'\"<i>": levels * 6}
    )
    formula = "`y<b>` ~ `x|*_` + (1 | `g'\"<i>`)"
    return make_posterior(formula, data, size=(4, 60))
