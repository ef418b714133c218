"""A step of the doctor applied: the model fitted again, and whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.face.fit import Fit
from poolish.face.model import build_model
from poolish.frame import Column, FactorColumn, Table
from poolish.posterior import Posterior
from poolish.spec.build import spec_priors
from poolish.spec.families import parse_family
from poolish.spec.family import FamilyChoice
from poolish.summaries.diagnosis import VERDICTS
from poolish.summaries.doctor import CheckResult, Step, check_fit

_SAMPLING = ("engine", "draws", "chains", "tune", "seed")


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
    sampling = _sampling(fit.result) | {k: v for k, v in change.items() if k in _SAMPLING}
    new = Fit(model.fit(**sampling, progress=False).result)
    return Applied(step, new, check_fit(fit.result), check_fit(new.result))


def _declare(posterior: Posterior, change: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a Model
    formula = change.get("formula", str(posterior.spec.formula)).split("\n")
    options: dict[str, Any] = {
        "family": change.get("family", _family(posterior)),
        "relations": _relations(posterior),
        "centered": change.get("centered"),
    }
    data = _frame(posterior.table)
    bare = build_model(formula, data, **options)
    slots = {name for prior in spec_priors(bare.spec) for name in prior.slot.names}
    stated = {
        resolved.slot.names[0]: resolved.prior
        for resolved in spec_priors(posterior.spec)
        if resolved.stated_as is not None and resolved.slot.names[0] in slots
    }
    return build_model(formula, data, priors={**stated, **change.get("priors", {})}, **options)


def _sampling(posterior: Posterior) -> dict[str, Any]:
    record = posterior.record
    plan = {"draws": record.draws, "chains": record.chains, "tune": record.tune}
    return {**plan, "seed": record.seed}


def _family(posterior: Posterior) -> FamilyChoice:
    choice = parse_family(posterior.spec.family)
    links = {p.formula_of: p.link for p in posterior.spec.predictors.values()}
    return FamilyChoice(choice.family, {**choice.links, **links})


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
