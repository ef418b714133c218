"""What both sides have: families, links, and the error of what only one has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolish.errors import UnsupportedError

# A part of a bambi model: a term, a component, a prior; bambi is not imported to read one.
type Part = Any


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A family that both sides have: bambi's name, ours, and our name of each parameter."""

    theirs: str
    ours: str
    parameters: Mapping[str, str]


FAMILIES = (
    FamilyRow("gaussian", "gaussian", {"sigma": "sigma"}),
    FamilyRow("bernoulli", "bernoulli", {}),
    FamilyRow("binomial", "binomial", {}),
    FamilyRow("poisson", "poisson", {}),
    FamilyRow("negativebinomial", "negbinomial", {"alpha": "shape"}),
    FamilyRow("gamma", "gamma", {"alpha": "shape"}),
    FamilyRow("beta", "beta", {"kappa": "phi"}),
    FamilyRow("exponential", "exponential", {}),
    FamilyRow("lognormal", "lognormal", {"sigma": "sigma"}),
    FamilyRow("weibull", "weibull", {"alpha": "shape"}),
)
BY_THEIRS = {row.theirs: row for row in FAMILIES}
BY_OURS = {row.ours: row for row in FAMILIES}
LINKS = {"inverse_squared": "1/mu^2"}


def refuse(problem: str, *, given: str, fix: str) -> UnsupportedError:
    """Return the error of a part that one of the two sides does not have."""
    return UnsupportedError(
        problem,
        given=given,
        expected="a model that Poolish and bambi declare alike",
        fix=fix,
    )
