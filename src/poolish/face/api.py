"""The functions behind `po.fit`, `po.model`, `po.load`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Literal, Unpack

from poolish.bambi import bambi_arguments
from poolish.engines.exact import LikelihoodRatio, PointFit, lrt
from poolish.engines.exact import mle as fit_mle
from poolish.face.fit import Fit
from poolish.face.model import FormulaLike, Model, SamplingOptions, build_model
from poolish.posterior import load as load_posterior
from poolish.spec.build import Centered, StatedPriors
from poolish.spec.family import Family, FamilyChoice
from poolish.summaries.compare import Comparison, compare_loo
from poolish.summaries.described_groups import DeclaredGroups, DescribedGroups
from poolish.summaries.described_groups import describe_groups as describe_declared
from poolish.summaries.gee import fit_gee
from poolish.summaries.table import TableResult

if TYPE_CHECKING:
    import bambi

__all__ = [
    "LikelihoodRatio",
    "compare",
    "describe_groups",
    "fit",
    "from_bambi",
    "gee",
    "load",
    "lrt",
    "mle",
    "model",
]

model = build_model


def fit(
    formula: FormulaLike,
    data: object,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    priors: StatedPriors | None = None,
    relations: Mapping[str, object] | None = None,
    missing: Literal["error", "drop"] = "error",
    centered: Centered = None,
    **sampling: Unpack[SamplingOptions],
) -> Fit:
    """Return the fit of a formula to data: `po.model(...)`, and then its `.fit(...)`.

    Parameters
    ----------
    formula, data, family, priors, relations, missing, centered
        As for `po.model`.
    **sampling
        `engine`, `draws`, `chains`, `tune`, `seed`, `progress`, `keep_groups`, as for `Model.fit`.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit("y ~ 1 + (1 | g)", data, seed=1).posterior["sd_g"].dims
    ('chain', 'draw', 'g_effect')
    """
    declared = build_model(
        formula,
        data,
        family=family,
        priors=priors,
        relations=relations,
        missing=missing,
        centered=centered,
    )
    return declared.fit(**sampling)


def mle(
    formula: FormulaLike,
    data: object,
    *,
    relations: Mapping[str, object] | None = None,
    reml: bool = True,
    missing: Literal["error", "drop"] = "error",
) -> PointFit:
    """Return the restricted or full maximum likelihood estimates of a Gaussian model, as lme4.

    Parameters
    ----------
    formula, data, relations, missing
        As for `po.model`.
    reml : bool
        REML, or ML where False: ML fits can be compared by `po.lrt` whatever their population
        effects.

    Raises
    ------
    EngineError
        If the model is beyond the exact engine.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> mle("y ~ 1 + (1 | g)", data).is_singular
    False
    """
    declared = build_model(formula, data, relations=relations, missing=missing)
    return fit_mle(declared.spec, declared.design, reml=reml)


def compare(fits: Mapping[str, Fit], *, leave_out: str | None = None) -> Comparison:
    """Return which of several fits predicts best what it has not seen, and how clearly.

    Parameters
    ----------
    fits : Mapping of str to Fit
        By name; of the same data.
    leave_out : str, optional
        A group whose levels are left out whole; single rows when not given.

    Raises
    ------
    DataError
        If the fits are of different data, or fewer than two.
    """
    results = {
        name: fit.loo() if leave_out is None else fit.loo_group(leave_out)
        for name, fit in fits.items()
    }
    return compare_loo(results)


def describe_groups(
    data: object,
    formula: FormulaLike,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    missing: Literal["error", "drop"] = "error",
) -> DescribedGroups:
    """Return the groups of a formula in the data: rows, nesting, what can be estimated; no fit.

    Parameters
    ----------
    data, formula, family, missing
        As for `po.model`; the family says whether single rows have noise of their own.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> describe_groups(data, "y ~ 1 + (1 | g)").to_df()[["group", "levels", "fewest"]]
      group  levels  fewest
    0     g       3       2
    """
    declared = build_model(formula, data, family=family, missing=missing)
    spec = declared.spec
    return describe_declared(DeclaredGroups(declared.design, spec.family, spec.formula))


def gee(
    formula: FormulaLike,
    data: object,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    correlation: str = "exchangeable",
    missing: Literal["error", "drop"] = "error",
) -> TableResult:
    """Return population-averaged coefficients by estimating equations, with robust errors.

    Parameters
    ----------
    formula : str
        As for a mixed model; its one group term names the clusters.
    data, family, missing
        As for `po.model`.
    correlation : "exchangeable" or "independence"
        Of rows of the same cluster.

    Raises
    ------
    UnsupportedError
        If statsmodels is not installed (the extra `poolish[gee]`) or has no such family, or
        there is not exactly one group.
    UnknownNameError
        If there is no such correlation.
    """
    declared = build_model(formula, data, family=family, missing=missing)
    return fit_gee(declared.spec, declared.design, correlation=correlation)


def from_bambi(model: bambi.Model) -> Model:
    """Return the model that a `bambi.Model` declares: formula, data, family and priors.

    Parameters
    ----------
    model : bambi.Model
        Its group effects are uncorrelated, so `(1 + x | g)` becomes `(1 + x || g)`.

    Raises
    ------
    UnsupportedError
        If a part of it has no counterpart here.
    """
    return build_model(**bambi_arguments(model))


def load(path: str | PathLike[str]) -> Fit:
    """Return a fit that was saved, after its checksums have been verified.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no Poolish fit.
    """
    return Fit(load_posterior(path))
