"""A step: something wrong with a fit, how we know, and the change that should help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import pandas as pd

from poolish.summaries.diagnosis import Diagnosis, Verdict

type Gravity = Literal["grave", "notable"]
# Whether the posterior was not computed well, or is that of a model that does not suit the data.
type About = Literal["sampling", "model"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do about a fit.

    Parameters
    ----------
    cause : str
        A short fixed name: `one row per group`, `prior-data conflict`, ...
    problem : str
        What is wrong, in a sentence.
    evidence : str
        The numbers that show it.
    change : Mapping
        Keyword arguments of `po.fit` that differ: `{"family": "negbinomial"}`; empty when the
        change is one of the data.
    advice : str
        What to do, in a sentence.
    gravity : "grave" or "notable"
        Whether conclusions depend on it.
    about : "sampling" or "model"
        Whether draws are in doubt, or the model, its priors or the data.
    """

    cause: str
    problem: str
    evidence: str
    change: Mapping[str, Any] = field(default_factory=dict)
    advice: str = ""
    gravity: Gravity = "grave"
    about: About = "model"

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.change.items())
        what = self.advice + (f": {options}" if options else "")
        return f"{self.problem}\n     {self.evidence}\n     {what}"


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult:
    """What is wrong with a fit, the first cause first.

    Parameters
    ----------
    steps : tuple of Step
    diagnosis : Diagnosis
        The verdict on the sampling.
    formula : str
    """

    steps: tuple[Step, ...]
    diagnosis: Diagnosis
    formula: str

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the sampling."""
        return self.diagnosis.verdict

    def to_df(self) -> pd.DataFrame:
        """Return one row a step."""
        names = ("cause", "about", "gravity", "problem", "evidence", "advice", "change")
        rows = [[getattr(step, name) for name in names[:-1]] for step in self.steps]
        frame = pd.DataFrame(rows, columns=list(names[:-1]))
        return frame.assign(change=[dict(step.change) for step in self.steps])

    def to_markdown(self) -> str:
        """Return the steps as a numbered list."""
        lines = [f"**Check: {self.formula}**", "", *self._verdicts(), ""]
        for place, step in enumerate(self.steps, start=1):
            lines.append(f"{place}. **{step.cause}** ({step.about}, {step.gravity}). {step}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        head = [f"Check: {self.formula}", *self._verdicts()]
        if not self.steps:
            return "\n".join([*head, "Nothing found that should be changed."])
        steps = (
            f"  {place}. {step.about}: {step}" for place, step in enumerate(self.steps, start=1)
        )
        return "\n".join([*head, *steps, "Next: fit.apply(step)"])

    def _verdicts(self) -> list[str]:
        """Return what is said of the sampling, and of the model: two different questions."""
        reason = self.diagnosis.reason
        n_found = sum(step.about == "model" for step in self.steps)
        things = "nothing speaks against it" if not n_found else f"{n_found} to look at"
        return [
            f"Sampling: {self.verdict}." + (f" {reason}." if reason else ""),
            f"Model: {things}.",
        ]

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"
