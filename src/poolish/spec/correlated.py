"""Sets of group effects that are correlated with each other."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

type Member = tuple[PredictorSpec, GroupSpec, int]


@dataclass(frozen=True, slots=True)
class CorrelatedEffects:
    """Effects that have one correlation matrix.

    Parameters
    ----------
    members : tuple of (PredictorSpec, GroupSpec, int)
        Predictor, group and position of each effect, in the order of the formulas.
    prior : Prior
        Of their correlation matrix; not used for one effect alone.
    share : str or None
        The `p` of `(x |p| g)`.
    """

    members: tuple[Member, ...]
    prior: Prior
    share: str | None

    @property
    def is_joint(self) -> bool:
        """Return whether a label joins effects of several terms: a matrix with its own name."""
        terms = {
            (predictor.parameter, next(block for block in group.blocks if place in block))
            for predictor, group, place in self.members
        }
        return self.share is not None and len(terms) > 1

    @property
    def variable(self) -> str:
        """Return the name of the matrix of joint effects, `cor_g__p`."""
        return f"cor_{self.members[0][1].name}__{self.share}"


def list_correlated(spec: ModelSpec) -> tuple[CorrelatedEffects, ...]:
    """Return the sets of correlated effects of a model; effects alone are sets of one."""
    found: dict[tuple[object, ...], CorrelatedEffects] = {}
    for name, predictor in spec.predictors.items():
        for group in predictor.groups:
            shares = group.share or (None,) * len(group.blocks)
            for k, (block, share) in enumerate(zip(group.blocks, shares, strict=True)):
                key = (name, group.name, k) if share is None else (group.name, share)
                before = found[key].members if key in found else ()
                members = (*before, *((predictor, group, place) for place in block))
                found[key] = CorrelatedEffects(members, group.cor_priors[k], share)
    return tuple(found.values())
