"""Uncorrelated models have the posterior that bambi samples under identical priors."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats

from poolish.bambi import build_bambi
from poolish.design import build_design
from poolish.engines.nuts import ENGINE
from poolish.engines.protocol import Plan
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_uncorrelated_slopes_have_bambis_posterior() -> None:
    table = read_table(pd.read_csv(ROOT / "models" / "sleepstudy" / "data.csv"))
    formula = parse("Reaction ~ Days + (Days || Subject)")
    design, _ = build_design(formula, table, {})
    spec = build_spec(formula, design)
    theirs = build_bambi(spec, table)

    ours = ENGINE.fit(spec, design, Plan(draws=2000, seed=5, progress=False)).posterior
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posterior = theirs.fit(
            draws=2000,
            chains=4,
            random_seed=6,
            target_accept=0.9,
            inference_method="nutpie",
            progressbar=False,
        )["posterior"]

    levels = [str(level) for level in posterior["Subject__factor_dim"].to_numpy()]
    order = [levels.index(level) for level in spec.main.groups[0].levels]
    pairs = [
        (ours["b"][..., 0], posterior["Intercept"].to_numpy()),
        (ours["b"][..., 1], posterior["Days"].to_numpy()),
        (ours["sd_Subject"][..., 0], posterior["1|Subject_sigma"].to_numpy()),
        (ours["sd_Subject"][..., 1], posterior["Days|Subject_sigma"].to_numpy()),
        (ours["sigma"], posterior["sigma"].to_numpy()),
        *(
            (ours["r_Subject"][:, :, j, e], posterior[name].to_numpy()[:, :, order[j]])
            for e, name in enumerate(("1|Subject", "Days|Subject"))
            for j in range(18)
        ),
    ]
    for a, b in pairs:
        error = np.hypot(*(float(array_stats.mcse(x, method="mean")) for x in (a, b)))
        assert abs(a.mean() - b.mean()) <= 4 * error
        assert 0.9 < a.std() / b.std() < 1.1
