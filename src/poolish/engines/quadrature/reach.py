"""Which models the quadrature engine can fit; for the others, the reason in one clause."""

from __future__ import annotations

from collections.abc import Callable

from poolish.design.arrays import Design
from poolish.engines.quadrature.kernels import BUILDERS
from poolish.engines.quadrature.terms import build_terms
from poolish.spec.model import ModelSpec

# The proposal of w given theta is one multivariate t, whose weights worsen with its dimension.
MAX_INNER = 150
MAX_OUTER = 6
# Numbers in the dense design of the inner problem.
MAX_TABLE = 100_000_000

type Check = Callable[[ModelSpec, Design], str | None]


def can_fit(spec: ModelSpec, design: Design) -> str | None:
    """Return None when the quadrature engine can fit a model, else the reason it cannot."""
    return next((reason for check in _CHECKS if (reason := check(spec, design))), None)


def _family(spec: ModelSpec, design: Design) -> str | None:
    if spec.family.name not in BUILDERS:
        return f"the family is {spec.family.name}, not one of {', '.join(BUILDERS)}"
    return None


def _response(spec: ModelSpec, design: Design) -> str | None:
    response = design.response
    if response.censoring is not None:
        return "the response is censored"
    if response.lower_bound is not None or response.upper_bound is not None:
        return "the response is truncated"
    return None


def _predictors(spec: ModelSpec, design: Design) -> str | None:
    others = [name for name in spec.predictors if name != spec.main.parameter]
    return f"`{others[0]}` has a formula of its own" if others else None


def _groups(spec: ModelSpec, design: Design) -> str | None:
    for group in design.main.groups:
        if any(len(block) > 1 for block in group.blocks):
            return f"the effects of `{group.name}` are correlated"
        if group.relation is not None:
            return f"`{group.name}` has a known covariance between its levels"
    return None


def _size(spec: ModelSpec, design: Design) -> str | None:
    terms = build_terms(design.main)
    n_inner = terms.n_placed_levels + design.main.X.shape[1]
    if n_inner > MAX_INNER:
        return (
            f"{n_inner} coefficients and effects besides the largest factor's, more than"
            f" {MAX_INNER}"
        )
    n_outer = len(terms.all) + len(spec.auxiliary)
    if n_outer > MAX_OUTER:
        return f"{n_outer} variance and shape parameters, more than {MAX_OUTER}"
    if n_inner * design.n_obs > MAX_TABLE:
        return "its design would not fit in memory"
    return None


_CHECKS: tuple[Check, ...] = (_family, _response, _predictors, _groups, _size)
