"""Posteriors made by hand, for the tests of what reads them: no engine runs here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poolish.design import build_design
from poolish.design.arrays import Design
from poolish.engines.prior import draw_prior
from poolish.engines.protocol import Draws, Plan
from poolish.formula import columns, parse
from poolish.frame import drop_missing, read_table
from poolish.posterior import Posterior, build_posterior, make_record
from poolish.spec.adapt import adapt_design
from poolish.spec.build import build_spec
from poolish.spec.families import parse_family

REFERENCE = Path(__file__).parent / "reference"


def make_posterior(
    formula: str | list[str],
    data: Any,
    posterior: Mapping[str, np.ndarray] | None = None,
    *,
    stats: Mapping[str, np.ndarray] | None = None,
    relations: Mapping[str, Any] | None = None,
    size: tuple[int, int] = (4, 25),
    seed: int = 3,
    engine: str = "nuts",
    **spec_options: Any,
) -> Posterior:
    """Return a fit with the draws given, those not given drawn from the prior."""
    parsed = parse(formula)
    table, dropped = drop_missing(read_table(data), columns(parsed), missing="error")
    bare, recipe = build_design(parsed, table, relations or {})
    family = parse_family(spec_options.get("family", "gaussian")).family
    design = adapt_design(family, bare)
    spec = build_spec(parsed, design, **spec_options)
    given = {} if posterior is None else dict(posterior)
    size = next(iter(given.values())).shape[:2] if given else size
    plan = Plan(draws=size[1], chains=size[0], seed=seed, progress=False)
    prior = draw_prior(spec, design, plan)
    draws = Draws({**prior.posterior, **given}, stats or {}, engine, 0.1)
    record = make_record(spec, draws, plan=plan, reason="made by hand", table=table)
    return build_posterior(
        spec, design, recipe, table, draws, replace(record, dropped_rows=tuple(map(str, dropped)))
    )


def read_brms_sleepstudy() -> dict[str, np.ndarray]:
    """Return brms's draws of sleepstudy with correlated slopes, under our names."""
    frame = pd.read_csv(REFERENCE / "brms" / "sleepstudy_slope_draws1000.csv.gz")
    by_chain = {
        name: frame[name].to_numpy().reshape(frame["chain"].nunique(), -1) for name in frame
    }
    effects = ("Intercept", "Days")
    levels = [n[len("r_Subject[") : -len(",Days]")] for n in frame if n.endswith(",Days]")]
    cor = np.ones((*by_chain["sigma"].shape, 2, 2))
    cor[..., 0, 1] = cor[..., 1, 0] = by_chain["cor_Subject__Intercept__Days"]
    r = [[by_chain[f"r_Subject[{level},{e}]"] for e in effects] for level in levels]
    return {
        "b": np.stack([by_chain[f"b_{e}"] for e in effects], axis=-1),
        "sd_Subject": np.stack([by_chain[f"sd_Subject__{e}"] for e in effects], axis=-1),
        "cor_Subject": cor,
        "r_Subject": np.moveaxis(np.array(r), (0, 1), (2, 3)),
        "sigma": by_chain["sigma"],
    }


def read_brms_summary() -> dict[str, dict[str, float]]:
    """Return brms's mean, sd and mcse of every parameter of the same fit, under its names."""
    text = (REFERENCE / "brms" / "sleepstudy_slope.json").read_text()
    return json.loads(text)["summary"]


def without_rows(design: Design, left_out: np.ndarray) -> Design:
    """Return a design without the rows of a mask, its levels and columns the same."""
    kept = ~left_out

    def cut(part):
        arrays = {f.name: getattr(part, f.name) for f in fields(part)}
        return {n: v[kept] for n, v in arrays.items() if isinstance(v, np.ndarray)}

    predictors = {
        name: replace(p, **cut(p), groups=tuple(replace(g, **cut(g)) for g in p.groups))
        for name, p in design.predictors.items()
    }
    return Design(replace(design.response, **cut(design.response)), predictors)
