"""Priors of the two sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poolish.bambi.counterparts import Part, refuse
from poolish.spec.prior import Prior

if TYPE_CHECKING:
    import bambi

# bambi's name and arguments of each distribution, in our order; None is an argument that is 0.
DISTRIBUTIONS: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "normal": ("Normal", ("mu", "sigma")),
    "student_t": ("StudentT", ("nu", "mu", "sigma")),
    "cauchy": ("Cauchy", ("alpha", "beta")),
    "laplace": ("Laplace", ("mu", "b")),
    "logistic": ("Logistic", ("mu", "s")),
    "flat": ("Flat", ()),
    "uniform": ("Uniform", ("lower", "upper")),
    "half_normal": ("HalfNormal", (None, "sigma")),
    "half_student_t": ("HalfStudentT", ("nu", None, "sigma")),
    "half_cauchy": ("HalfCauchy", (None, "beta")),
    "exponential": ("Exponential", ("lam",)),
    "gamma": ("Gamma", ("alpha", "beta")),
    "inverse_gamma": ("InverseGamma", ("alpha", "beta")),
    "lognormal": ("LogNormal", ("mu", "sigma")),
    "beta": ("Beta", ("alpha", "beta")),
}
_HALVES = {"normal": "half_normal", "student_t": "half_student_t", "cauchy": "half_cauchy"}


def split_prior(prior: bambi.Prior, n: int) -> list[Part]:
    """Return one prior per column of a term, from one whose arguments may be vectors."""
    import bambi as bmb

    if not all(isinstance(value, (int, float, np.ndarray)) for value in prior.args.values()):
        return [prior] * n
    arguments = {k: np.broadcast_to(v, (n,)) for k, v in prior.args.items()}
    return [
        bmb.Prior(prior.name, dist=prior.dist, **{k: float(v[i]) for k, v in arguments.items()})
        for i in range(n)
    ]


def to_prior(prior: Part, name: str) -> Prior:
    """Return our prior of a bambi prior."""
    arguments = getattr(prior, "args", {})
    for ours, (theirs, keywords) in DISTRIBUTIONS.items():
        is_same = getattr(prior, "name", None) == theirs and set(arguments) == {*keywords} - {None}
        if is_same and getattr(prior, "dist", None) is None:
            numbers = (0.0 if k is None else float(arguments[k]) for k in keywords)
            return Prior(ours, tuple(numbers))
    raise refuse(
        f"the prior of `{name}` has no counterpart",
        given=f"{name} ~ {prior}",
        fix=f"use one of {', '.join(theirs for theirs, _ in DISTRIBUTIONS.values())}",
    )


def join_priors(priors: list[Prior], name: str, *, is_scale: bool = False) -> bambi.Prior:
    """Return one bambi prior, its arguments vectors when the columns of a term differ."""
    import bambi as bmb

    parts = [from_prior(prior, name, is_scale=is_scale) for prior in priors]
    if len({part.name for part in parts}) > 1:
        raise refuse(
            f"the columns of `{name}` have priors of several distributions",
            given=", ".join(map(str, priors)),
            fix="give all columns of a term a prior of one distribution",
        )
    if all(part == parts[0] for part in parts):
        return parts[0]
    arguments = {k: np.array([float(part.args[k]) for part in parts]) for k in parts[0].args}
    return bmb.Prior(parts[0].name, auto_scale=False, **arguments)


def from_prior(prior: Prior, name: str, *, is_scale: bool = False) -> bambi.Prior:
    """Return a bambi prior of one of ours."""
    import bambi as bmb

    kind = prior.distribution
    is_centred = is_scale and kind in _HALVES and prior.arguments[-2] == 0
    kind = _HALVES[kind] if is_centred else kind
    is_cut = is_scale and kind in ("normal", "student_t", "cauchy", "laplace", "logistic", "flat")
    if kind not in DISTRIBUTIONS or is_cut:
        raise refuse(
            f"the prior of `{name}` has no counterpart in bambi",
            given=f"{name} ~ {prior}{' above 0' if is_cut else ''}",
            fix=f"use one of {', '.join(DISTRIBUTIONS)}",
        )
    theirs, keywords = DISTRIBUTIONS[kind]
    arguments = {k: v for k, v in zip(keywords, prior.arguments, strict=True) if k is not None}
    return bmb.Prior(theirs, auto_scale=False, **arguments)
