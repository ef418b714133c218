"""Very many rows and groups: the posterior without storing their effects."""

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


@pytest.mark.slow
def test_a_hundred_thousand_pupils_in_ten_thousand_classes_in_a_thousand_schools():
    rng = np.random.default_rng(0)
    pupil = rng.integers(0, N_GROUPS, 300_000)
    codes = {"school": pupil // 100, "class": pupil // 10, "pupil": pupil}
    sds = {"school": 0.3, "class": 0.4, "pupil": 0.6}
    effects = {name: sds[name] * rng.normal(size=c.max() + 1) for name, c in codes.items()}
    x = rng.normal(size=len(pupil))
    y = 1 + 0.5 * x + sum(effects[n][c] for n, c in codes.items()) + rng.normal(size=len(pupil))
    parsed = parse("y ~ x + (1 | school / class / pupil)")
    design, _ = build_design(parsed, read_table(pd.DataFrame({"y": y, "x": x, **codes})), {})
    spec = build_spec(parsed, design)

    started = time.process_time()
    draws = fit(spec, design, Plan(seed=1))
    seconds = time.process_time() - started

    assert seconds < 90
    for name, values in scalar_draws(draws.posterior):
        assert float(array_stats.ess(values)) >= 400, name
    truth = dict(
        zip(("sd_school", "sd_school:class", "sd_school:class:pupil"), sds.values(), strict=True)
    )
    for name, value in {**truth, "sigma": 1.0}.items():
        values = draws.posterior[name]
        assert abs(values.mean() - value) < 4 * values.std(), name
