"""Poolish: Bayesian hierarchical models from a formula.

>>> import poolish as po
>>> str(po.formula("y ~ x + (x | g)"))
'y ~ 1 + x + (1 + x | g)'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from poolish.formula import parse as formula

if TYPE_CHECKING:
    from poolish.errors import PoolishError
    from poolish.face.api import (
        compare,
        describe_groups,
        fit,
        from_bambi,
        gee,
        load,
        lrt,
        mle,
        model,
    )
    from poolish.face.fit import Fit
    from poolish.face.model import Model
    from poolish.face.pages import explore
    from poolish.frame.long import to_long
    from poolish.relations import (
        Pedigree,
        as_relation,
        car_precision,
        genomic_relationship,
        newick_covariance,
        precision,
        read_gemma,
        read_grm,
    )
    from poolish.spec.families import family

__version__ = "0.1.0"

# Public names and the module each lives in: imported when first used, so that `import poolish`
# and `poolish --help` stay quick.
_HOMES = {
    "PoolishError": "poolish.errors",
    "Fit": "poolish.face.fit",
    "Model": "poolish.face.model",
    "family": "poolish.spec.families",
    "compare": "poolish.face.api",
    "describe_groups": "poolish.face.api",
    "gee": "poolish.face.api",
    "explore": "poolish.face.pages",
    "fit": "poolish.face.api",
    "from_bambi": "poolish.face.api",
    "Pedigree": "poolish.relations",
    "as_relation": "poolish.relations",
    "genomic_relationship": "poolish.relations",
    "precision": "poolish.relations",
    "car_precision": "poolish.relations",
    "newick_covariance": "poolish.relations",
    "read_gemma": "poolish.relations",
    "read_grm": "poolish.relations",
    "load": "poolish.face.api",
    "lrt": "poolish.face.api",
    "mle": "poolish.face.api",
    "model": "poolish.face.api",
    "to_long": "poolish.frame.long",
}

__all__ = [
    "Fit",
    "Model",
    "Pedigree",
    "PoolishError",
    "__version__",
    "as_relation",
    "car_precision",
    "compare",
    "describe_groups",
    "explore",
    "family",
    "fit",
    "formula",
    "from_bambi",
    "gee",
    "genomic_relationship",
    "load",
    "lrt",
    "mle",
    "model",
    "newick_covariance",
    "precision",
    "read_gemma",
    "read_grm",
    "to_long",
]


# Importing a room binds its name here, once: done now, `po.explore` stays the function.
import_module("poolish.explore")
del globals()["explore"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `poolish` has no attribute `{name}`")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
