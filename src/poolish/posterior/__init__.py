"""A fitted model as an xarray DataTree with its labels; saving and loading."""

from poolish.posterior.build import (
    Posterior,
    build_posterior,
    rebuild_design,
    response_name,
    with_group,
)
from poolish.posterior.files import load, save
from poolish.posterior.record import FitRecord, make_record
from poolish.posterior.variables import Variable, list_variables

__all__ = [
    "FitRecord",
    "Posterior",
    "Variable",
    "build_posterior",
    "list_variables",
    "load",
    "make_record",
    "rebuild_design",
    "response_name",
    "save",
    "with_group",
]
