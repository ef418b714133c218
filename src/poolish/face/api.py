"""The functions behind `po.fit`, `po.model`, `po.load`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, Unpack

from poolish.face.fit import Fit
from poolish.face.model import FormulaLike, SamplingOptions, build_model
from poolish.posterior import load as load_posterior
from poolish.spec.build import Centered, StatedPriors
from poolish.spec.family import Family, FamilyChoice

model = build_model

def fit(
    formula: FormulaLike,
    data: Any,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    priors: StatedPriors | None = None,
    relations: Mapping[str, Any] | None = None,
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


def load(path: str | PathLike[str]) -> Fit:
    """Return a fit that was saved, after its checksums have been verified.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no Poolish fit.
    """
    return Fit(load_posterior(path))
