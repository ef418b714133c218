"""A million rows, a hundred thousand groups: the posterior without storing their effects."""

import time

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.design import build_design
from poolish.engines.exact import fit, redraw_groups
from poolish.engines.exact.trust import scalar_draws
from poolish.engines.protocol import Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

N_ROWS, N_GROUPS = 1_000_000, 100_000
SDS, COR, SIGMA = np.array([1.0, 0.6]), 0.5, 1.0


@pytest.mark.slow
def test_a_hundred_thousand_correlated_slopes():
    rng = np.random.default_rng(0)
    g, x = rng.integers(0, N_GROUPS, N_ROWS), rng.normal(size=N_ROWS)
    root = np.array([[1, 0], [COR, np.sqrt(1 - COR**2)]])
    u = rng.normal(size=(N_GROUPS, 2)) @ root.T * SDS
    y = 1 + 0.5 * x + u[g, 0] + u[g, 1] * x + SIGMA * rng.normal(size=N_ROWS)
    parsed = parse("y ~ x + (x | g)")
    design, _ = build_design(parsed, read_table(pd.DataFrame({"y": y, "x": x, "g": g})), {})
    spec = build_spec(parsed, design)

    started = time.process_time()
    draws = fit(spec, design, Plan(seed=1))
    seconds = time.process_time() - started

    assert seconds < 60
    assert "r_g" not in draws.posterior
    for name, values in scalar_draws(draws.posterior):
        assert float(array_stats.ess(values)) >= 200, name
    truth = {"sd_g": SDS, "sigma": SIGMA, "b": np.array([1.0, 0.5])}
    for name, value in truth.items():
        values = draws.posterior[name]
        z = (values.mean(axis=(0, 1)) - value) / values.std(axis=(0, 1))
        assert np.abs(z).max() < 4, name
    part = redraw_groups(spec, design, draws.posterior, 1, "g", levels=np.arange(50))
    levels = np.array([int(level) for level in spec.main.groups[0].levels[:50]])
    z = (part.mean(axis=(0, 1)) - u[levels]) / part.std(axis=(0, 1))
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=0.4)  # 4 / sqrt(2 * 50)
