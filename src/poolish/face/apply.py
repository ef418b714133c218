"""A step of the doctor applied: the model fitted again, and whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from poolish.engines.choose import ASKED_FOR, ENGINES
from poolish.errors import UnsupportedError
from poolish.face.fit import Fit
from poolish.face.model import Model, build_model
from poolish.formula import parse, relation_names
from poolish.frame import Column, FactorColumn, Table
from poolish.posterior import Posterior
from poolish.spec.build import prior_slots, spec_priors
from poolish.spec.families import chosen_family
from poolish.spec.model import ModelSpec
from poolish.spec.prior import Prior
from poolish.summaries.diagnosis import VERDICTS
from poolish.summaries.doctor import CheckResult, Step, check_fit

_SAMPLING = ("engine", "draws", "chains", "tune", "seed")
# Of `po.fit`: fewer draws, enough for one engine, may be too few for the next to be judged by.
_FEWEST = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Applied:
    """What became of a step.

    Parameters
    ----------
    step : Step
    fit : Fit
        The new fit.
    before, after : CheckResult
    """

    step: Step
    fit: Fit
    before: CheckResult
    after: CheckResult

    @property
    def has_helped(self) -> bool:
        """Return whether the cause is gone and sampling is no worse."""
        is_gone = self.step.cause not in {step.cause for step in self.after.steps}
        ranks = [VERDICTS.index(check.verdict) for check in (self.after, self.before)]
        return is_gone and ranks[0] <= ranks[1]

    def __repr__(self) -> str:
        outcome = "It helped" if self.has_helped else "It did not help"
        left = "; ".join(step.cause for step in self.after.steps) or "nothing"
        return (
            f"{outcome}: {self.step.cause}. Sampling was {self.before.verdict}, is now "
            f"{self.after.verdict}. Still to look at: {left}."
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def apply_step(fit: Fit, step: Step) -> Applied:
    """Return the fit with a step's change, and whether it helped.

    Parameters
    ----------
    fit : Fit
    step : Step
        One of `fit.check().steps`.

    Raises
    ------
    UnsupportedError
        If the step is about the data, so that there is no other fit of them.
    """
    change = {name: value for name, value in step.change.items() if value is not None}
    if not change:
        raise UnsupportedError(
            f"step `{step.cause}` proposes no other model",
            given="a step whose change is empty",
            expected="a step with a change",
            fix=step.advice or "change the data, then fit again",
        )
    model = _declare(fit.result, change)
    sampling = _sampling(fit.result, model) | {k: v for k, v in change.items() if k in _SAMPLING}
    new = Fit(model.fit(**sampling, progress=False).result)
    return Applied(step, new, check_fit(fit.result), check_fit(new.result))


def _declare(posterior: Posterior, change: Mapping[str, Any]) -> Model:
    formula = parse(change.get("formula", str(posterior.spec.formula)).split("\n"))
    used = relation_names(formula)
    options: dict[str, Any] = {
        "family": change.get("family", chosen_family(posterior.spec)),
        "relations": {k: v for k, v in _relations(posterior).items() if k in used},
        "centered": change.get("centered"),
    }
    data = _frame(posterior.table)
    bare = build_model(formula, data, **options)
    changed = change.get("priors", {})
    stated = _still_stated(posterior.spec, bare.spec, changed)
    return build_model(formula, data, priors={**stated, **changed}, **options)


def _still_stated(old: ModelSpec, new: ModelSpec, changed: Mapping[str, Any]) -> dict[str, Prior]:
    """Return the priors that were stated and still mean what they said, by their keys.

    Those of a parameter that has another prior now are left out, and with another link those of
    everything on its scale.
    """
    is_same_scale = old.main.link == new.main.link
    slots = {slot.names[0]: slot for slot in prior_slots(new)}
    stated = {}
    for resolved in spec_priors(old):
        slot = slots.get(resolved.slot.names[0])
        if slot is None or resolved.stated_as is None or set(slot.names) & set(changed):
            continue
        if is_same_scale or slot.n_effects:
            stated[resolved.stated_as] = resolved.prior
    return stated


def _sampling(posterior: Posterior, model: Model) -> dict[str, Any]:
    """Return how the fit was sampled, with the engine that was asked for where it still can."""
    record = posterior.record
    was_asked_for = record.reason == ASKED_FOR and record.engine in ENGINES
    can_fit = was_asked_for and ENGINES[record.engine].can_fit(model.spec, model.design) is None
    return {
        "engine": record.engine if can_fit else "auto",
        "draws": max(record.draws, _FEWEST),
        "tune": max(record.tune, _FEWEST),
        "chains": record.chains,
        "seed": record.seed,
    }


def _relations(posterior: Posterior) -> dict[str, object]:
    groups = (g for p in posterior.design.predictors.values() for g in p.groups)
    return {g.relation_name: g.relation for g in groups if g.relation_name and g.relation}


def _frame(table: Table) -> pd.DataFrame:
    columns = {name: _values(column) for name, column in table.columns.items()}
    return pd.DataFrame(columns, index=table.rows)


def _values(column: Column) -> object:
    if not isinstance(column, FactorColumn):
        return np.asarray(column.values)
    return pd.Categorical.from_codes(
        np.asarray(column.codes), list(column.levels), ordered=column.is_ordered
    )
