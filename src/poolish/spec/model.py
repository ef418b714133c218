"""The declared model: formula, family, links and one resolved prior per parameter; no arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from poolish.formula.terms import Formula
from poolish.spec.family import Family
from poolish.spec.links import Link
from poolish.spec.prior import Prior


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """The group effects of one factor in one predictor.

    Parameters
    ----------
    name : str
        The factor, `Subject` or `a:b`.
    dim : str
        Name of the dimension of its levels; `name` unless that is reserved (`chain`, `draw`, ...).
    effects : tuple of str
    levels : tuple of str
    blocks : tuple of tuple of int
        Partition of the effects into correlated sets.
    sd_priors : tuple of Prior
        One per effect.
    cor_priors : tuple of Prior
        One per block, `lkj(eta)`; not used for blocks of one effect.
    is_centered : bool or None
        Parameterization for NUTS; None leaves the choice to the engine.
    share : tuple of (str or None)
        One per block: the `p` of `(x |p| g)`.
    relation : str or None
        Name of the known covariance between levels.
    """

    name: str
    dim: str
    effects: tuple[str, ...]
    levels: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    sd_priors: tuple[Prior, ...]
    cor_priors: tuple[Prior, ...]
    is_centered: bool | None = None
    share: tuple[str | None, ...] = ()
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class PredictorSpec:
    """One linear predictor.

    Parameters
    ----------
    parameter : str
        The family parameter it models, `mu` for the main formula.
    link : Link
    coefs : tuple of str
        Column names, `Intercept` first when there is one.
    priors : tuple of Prior
        One per coefficient, on the predictors as typed.
    intercept_at : "average" or "zero"
        Where the intercept's prior applies: at the column means of the other predictors (the
        default prior), or at zero, that is on the raw coefficient `b[Intercept]`.
    groups : tuple of GroupSpec
    formula_of : str
        The parameter whose formula this is: `mu` for every predictor of a categorical model.
    """

    parameter: str
    link: Link
    coefs: tuple[str, ...]
    priors: tuple[Prior, ...]
    intercept_at: Literal["average", "zero"]
    groups: tuple[GroupSpec, ...] = ()
    formula_of: str = "mu"

    @property
    def has_intercept(self) -> bool:
        """Return whether the first coefficient is the intercept."""
        return bool(self.coefs) and self.coefs[0] == "Intercept"

    def variable(self, kind: str, group: GroupSpec | None = None) -> str:
        """Return the name people see: `b`, `sd_Subject`, `b_sigma`, `sd_Subject_sigma`.

        Parameters
        ----------
        kind : str
            `b`, `sd`, `cor` or `r`.
        group : GroupSpec, optional
            The group; left out for `b`.
        """
        parts = (kind, *(() if group is None else (group.name,)))
        suffix = () if self.parameter == "mu" else (self.parameter,)
        return "_".join((*parts, *suffix))


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that any engine can read.

    Parameters
    ----------
    formula : Formula
    family : Family
    predictors : Mapping of str to PredictorSpec
        By parameter, the main one first; the same keys as `Design.predictors`.
    auxiliary : Mapping of str to Prior
        Family parameters without a formula (`sigma`, `shape`, ...), on their own scale.
    lengths : Mapping of str to int
        Lengths of those that are vectors (thresholds); their prior is that of each element.
    stated : Mapping of str to str
        Parameters whose prior the user stated, with the key it was stated under.
    """

    formula: Formula
    family: Family
    predictors: Mapping[str, PredictorSpec]
    auxiliary: Mapping[str, Prior]
    lengths: Mapping[str, int] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)

    @property
    def main(self) -> PredictorSpec:
        """Return the first predictor, that of the main formula."""
        return next(iter(self.predictors.values()))
