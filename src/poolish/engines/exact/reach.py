"""Which models the exact engine can fit; for the others, the reason in one clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from poolish.design.arrays import Design, GroupDesign
from poolish.engines.exact.fill_in import fill_in_operations
from poolish.engines.exact.layout import build_layout
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.residual import (
    MAX_STRATA,
    build_residual,
    distinct_rows,
    known_precision,
)
from poolish.engines.exact.structure import structure_kind, structure_obstacle
from poolish.spec.model import ModelSpec

CONJUGATE = ("normal", "flat", "constant")
# A sparse factor of so many multiplications takes a second; one fit needs about a thousand.
MAX_OPERATIONS = 3e10
# Numbers in the constant tables, 8 bytes each (12 when sparse), a few copies while building.
MAX_TABLE = 60_000_000

type Check = Callable[[ModelSpec, Design], str | None]


def can_fit(spec: ModelSpec, design: Design) -> str | None:
    """Return None when the exact engine can fit a model, else the reason it cannot."""
    return next((reason for check in _CHECKS if (reason := check(spec, design))), None)


def can_estimate(spec: ModelSpec, design: Design) -> str | None:
    """Return None when maximum likelihood applies, else the reason; priors do not matter."""
    checks = (_family, _response, _predictors, _sigma, _rank, _relations, _shared, _size)
    return next((reason for check in checks if (reason := check(spec, design))), None)


def _rank(spec: ModelSpec, design: Design) -> str | None:
    X = design.main.X
    if X.size and np.linalg.matrix_rank(X / np.linalg.norm(X, axis=0)) < X.shape[1]:
        return "its population effects are not determined by the data"
    return None


def _family(spec: ModelSpec, design: Design) -> str | None:
    if spec.family.name != "gaussian":
        return f"the family is {spec.family.name}, not gaussian"
    if spec.main.link.name != "identity":
        return f"the link is {spec.main.link.name}, not identity"
    return None


def _response(spec: ModelSpec, design: Design) -> str | None:
    response = design.response
    if response.censoring is not None:
        return "the response is censored"
    if response.lower_bound is not None or response.upper_bound is not None:
        return "the response is truncated"
    if not (known_precision(response) > 0).all():
        return "some weights are not positive"
    return None


def _predictors(spec: ModelSpec, design: Design) -> str | None:
    others = [name for name in spec.predictors if name not in (spec.main.parameter, "sigma")]
    return f"`{others[0]}` has a formula of its own" if others else None


def _sigma(spec: ModelSpec, design: Design) -> str | None:
    predictor = spec.predictors.get("sigma")
    if predictor is None:
        return "`sigma` is fixed at 0" if _is_zero(spec) else None
    if predictor.link.name != "log":
        return f"the link of `sigma` is {predictor.link.name}, not log"
    if predictor.groups:
        return "`sigma` has group effects"
    n_strata = len(distinct_rows(design.predictors["sigma"])[0])
    if n_strata > MAX_STRATA:
        return f"`sigma` takes {n_strata} different values, more than {MAX_STRATA}"
    return None


def _is_zero(spec: ModelSpec) -> bool:
    prior = spec.auxiliary.get("sigma")
    return prior is not None and prior.distribution == "constant" and prior.arguments[0] <= 0


def _coefficients(spec: ModelSpec, design: Design) -> str | None:
    for coef, prior in zip(spec.main.coefs, spec.main.priors, strict=True):
        if prior.distribution not in CONJUGATE:
            return f"the prior of `b[{coef}]` is {prior}, not normal or flat"
    flat = np.array([prior.distribution == "flat" for prior in spec.main.priors], dtype=bool)
    X = design.main.X[:, flat]
    if flat.any() and np.linalg.matrix_rank(X / np.linalg.norm(X, axis=0)) < X.shape[1]:
        return "coefficients with flat priors are not determined by the data"
    return None


def _relations(spec: ModelSpec, design: Design) -> str | None:
    return structure_obstacle(design.main, build_residual(design))


def _shared(spec: ModelSpec, design: Design) -> str | None:
    labels = Counter(
        label
        for predictor in spec.predictors.values()
        for group in predictor.groups
        for label in group.share
        if label is not None
    )
    shared = [label for label, count in labels.items() if count > 1]
    return f"group terms share correlations through `|{shared[0]}|`" if shared else None


def _size(spec: ModelSpec, design: Design) -> str | None:
    groups = design.main.groups
    if not groups or any(group.relation is not None for group in groups):
        return None
    if structure_kind(design.main, build_residual(design)) is Precision:
        return _fill_in(groups)
    if _table_numbers(design) > MAX_TABLE:
        return "its cross products would not fit in memory"
    return None


def _fill_in(groups: Sequence[GroupDesign]) -> str | None:
    operations = fill_in_operations(groups)
    if operations <= MAX_OPERATIONS:
        return None
    names = "`, `".join(group.name for group in groups)
    return (
        f"the levels of `{names}` are crossed so densely that the sparse factor fills in: about"
        f" {operations:.0e} multiplications for each of a thousand, more than {MAX_OPERATIONS:.0e}"
    )


def _table_numbers(design: Design) -> int:
    """Return an upper bound of the numbers in the constant tables."""
    groups = design.main.groups
    layout = build_layout(groups, design.main.X.shape[1])
    assert layout.eliminated is not None
    first = groups[layout.eliminated]
    width = np.full(first.n_levels, layout.n_free + 1)
    for item in layout.placed:
        width = width + item.n_effects * _n_partners(first, groups[item.factor])
    n_effects = first.n_effects
    return int((width * (width + 1) // 2).sum()) * n_effects * (n_effects + 1) // 2


def _n_partners(first: GroupDesign, other: GroupDesign) -> np.ndarray:
    """Return for each level of one factor how many levels of another it meets."""
    pairs = np.unique(first.codes.astype(np.int64) * other.n_levels + other.codes)
    return np.bincount(pairs // other.n_levels, minlength=first.n_levels)


_CHECKS: tuple[Check, ...] = (
    _family,
    _response,
    _predictors,
    _sigma,
    _coefficients,
    _relations,
    _shared,
    _size,
)
