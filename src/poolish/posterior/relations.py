"""Known covariances as an xarray dataset, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import sparse

from poolish.design.arrays import Design
from poolish.posterior.variables import tree_name
from poolish.relations.relation import Relation
from poolish.spec.model import GroupSpec, ModelSpec

# --- A dense covariance is stored as it is, a sparse precision as its entries; the labels are the
# --- levels of the group, which the model knows. A group of several predictors is stored once.


def relations_to_dataset(spec: ModelSpec, design: Design) -> xr.Dataset:
    """Return the known covariances of a design's groups."""
    data: dict[str, xr.Variable] = {}
    for name, predictor in spec.predictors.items():
        for group, arrays in zip(predictor.groups, design.predictors[name].groups, strict=True):
            if arrays.relation is not None:
                data |= _relation_variables(tree_name(group.dim), arrays.relation)
    return xr.Dataset(data)


def dataset_to_relations(spec: ModelSpec, dataset: xr.Dataset) -> dict[str, dict[str, Relation]]:
    """Return the stored known covariances by parameter and group."""
    return {
        name: {
            group.name: _relation(group, dataset)
            for group in predictor.groups
            if group.relation is not None
        }
        for name, predictor in spec.predictors.items()
    }


def _relation_variables(dim: str, relation: Relation) -> dict[str, xr.Variable]:
    names = _names(dim)
    data: dict[str, xr.Variable] = {}
    if relation.covariance is not None:
        data[names["covariance"]] = xr.Variable((dim, f"{dim}_bis"), relation.covariance)
    else:
        entries = sparse.coo_array(relation.precision)
        values = {"row": entries.row, "column": entries.col, "value": entries.data}
        data |= {names[k]: xr.Variable(f"{dim}_entry", v) for k, v in values.items()}
    if relation.log_determinant is not None:
        data[names["log_determinant"]] = xr.Variable((), float(relation.log_determinant))
    return data


def _relation(group: GroupSpec, dataset: xr.Dataset) -> Relation:
    names = _names(tree_name(group.dim))
    stored: Mapping[str, np.ndarray] = {
        key: np.asarray(dataset[name].values) for key, name in names.items() if name in dataset
    }
    known = stored.get("log_determinant")
    log_determinant = None if known is None else float(known)
    if "covariance" in stored:
        return Relation(group.levels, stored["covariance"], None, log_determinant)
    places = (stored["row"], stored["column"])
    size = len(group.levels)
    precision = sparse.csc_array((stored["value"], places), shape=(size, size))
    return Relation(group.levels, None, precision, log_determinant)


def _names(dim: str) -> dict[str, str]:
    parts = ("covariance", "row", "column", "value", "log_determinant")
    return {part: f"{part}_{dim}" for part in parts}
