"""The explorer that needs no data: reaction times under sleep restriction."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib import resources

from poolish.design import build_design, prepare_table
from poolish.engines.choose import run_engine
from poolish.engines.protocol import Plan
from poolish.explore.from_fit import explore_fit
from poolish.explore.page import Explorer
from poolish.formula import parse
from poolish.frame import read_table
from poolish.posterior import build_posterior, make_record
from poolish.spec.build import build_spec

# Belenky et al. (2003), J. Sleep Res. 12, 1-12, doi:10.1046/j.1365-2869.2003.00337.x, as in
# models/sleepstudy; subjects of one to five days show what little data does.
_FORMULA = "Reaction ~ Days + (Days | Subject)"
_KEPT_DAYS = {"308": 3, "335": 2, "337": 1, "350": 5, "372": 4}
_LABELS = {
    "Reaction": {"label": "Reaction time", "unit": "ms"},
    "Days": {"label": "Sleep restriction", "unit": "days"},
    "Subject": {"label": "subject"},
}
_SOURCE = (
    "Reaction times under sleep restriction, Belenky et al. (2003); for show, only the first days "
    "are kept of five of the 18 subjects."
)
_SEED = 1


def demo() -> Explorer:
    """Return an explorer of reaction times under sleep restriction, fitted by the exact engine.

    Notes
    -----
    For show, only the first days are kept of five of the 18 subjects.
    """
    formula = parse(_FORMULA)
    table, _ = prepare_table(formula, read_table(read_demo()), "error")
    design, recipe = build_design(formula, table, {})
    spec = build_spec(formula, design)
    plan = Plan(draws=1000, chains=4, tune=0, seed=_SEED, progress=False)
    outcome = run_engine(spec, design, plan, engine="exact")
    record = make_record(spec, outcome.draws, plan=plan, reason=outcome.reason, table=table)
    posterior = build_posterior(spec, design, recipe, table, outcome.draws, record)
    exploration = explore_fit(posterior, "Subject", labels=_LABELS).exploration
    return Explorer(replace(exploration, note=f"{exploration.note}. {_SOURCE}"))


def read_demo() -> dict[str, list[float] | list[str]]:
    """Return the columns of the demonstration's data."""
    text = resources.files("poolish.explore").joinpath("demo.csv").read_text(encoding="utf-8")
    rows = [
        row
        for row in csv.DictReader(text.splitlines())
        if float(row["Days"]) < _KEPT_DAYS.get(row["Subject"], 10)
    ]
    return {
        "Reaction": [float(row["Reaction"]) for row in rows],
        "Days": [float(row["Days"]) for row in rows],
        "Subject": [row["Subject"] for row in rows],
    }
