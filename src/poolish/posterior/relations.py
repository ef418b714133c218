"""Known covariances as an xarray dataset, and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr
from scipy import sparse

from poolish.design.arrays import Design
from poolish.posterior.variables import tree_name
from poolish.relations.relation import Relation
from poolish.spec.model import GroupSpec, ModelSpec

# --- Each field of a relation is stored by what it is: arrays as they are, sparse matrices as their
# --- entries, the rest as JSON. The labels are the levels of the group, which the model knows. A
# --- group that stands in several predictors is stored once.

_SPARSE_PARTS = ("row", "column", "value")


def relations_to_dataset(spec: ModelSpec, design: Design) -> xr.Dataset:
    """Return the known covariances of a design's groups."""
    data: dict[str, xr.Variable] = {}
    for name, predictor in spec.predictors.items():
        for group, arrays in zip(predictor.groups, design.predictors[name].groups, strict=True):
            if arrays.relation is not None:
                data |= _relation_variables(tree_name(group.dim), arrays.relation)
    return xr.Dataset(data)


def dataset_to_relations(spec: ModelSpec, dataset: xr.Dataset) -> dict[str, Relation]:
    """Return the stored known covariances by the dimension of their group."""
    groups = {group.dim: group for p in spec.predictors.values() for group in p.groups}
    return {
        dim: _relation(group, dataset)
        for dim, group in groups.items()
        if _variable_name(tree_name(dim), "details") in dataset
    }


def _relation_variables(dim: str, relation: Relation) -> dict[str, xr.Variable]:
    details: dict[str, Any] = {}
    data: dict[str, xr.Variable] = {}
    for name, value in _stored_fields(relation).items():
        key = _variable_name(dim, name)
        if sparse.issparse(value):
            data |= _sparse_variables(key, value)
        elif isinstance(value, np.ndarray):
            data[key] = xr.Variable((dim, f"{dim}_bis")[: value.ndim], value)
        else:
            details[name] = value
    details_text = np.array(json.dumps(details), np.str_)
    return {**data, _variable_name(dim, "details"): xr.Variable((), details_text)}


def _stored_fields(relation: Relation) -> dict[str, Any]:
    values = {field.name: getattr(relation, field.name) for field in fields(relation)}
    return {k: v for k, v in values.items() if k != "labels" and v is not None}


def _sparse_variables(key: str, matrix: Any) -> dict[str, xr.Variable]:  # noqa: ANN401  # SciPy
    entries = sparse.coo_array(matrix)
    parts = zip(_SPARSE_PARTS, (entries.row, entries.col, entries.data), strict=True)
    return {f"{key}_{part}": xr.Variable(f"{key}_entry", values) for part, values in parts}


def _relation(group: GroupSpec, dataset: xr.Dataset) -> Relation:
    dim = tree_name(group.dim)
    details = json.loads(str(dataset[_variable_name(dim, "details")].item()))
    details["notes"] = tuple(details["notes"])
    names = {field.name: _variable_name(dim, field.name) for field in fields(Relation)}
    found: dict[str, Any] = {
        k: np.asarray(dataset[name].values) for k, name in names.items() if name in dataset
    }
    size = len(group.levels)
    found |= {
        name: _sparse_matrix(key, size, dataset)
        for name, key in names.items()
        if f"{key}_row" in dataset
    }
    return Relation(labels=group.levels, **details, **found)


def _sparse_matrix(key: str, size: int, dataset: xr.Dataset) -> sparse.csc_matrix:
    row, column, value = (dataset[f"{key}_{part}"].values for part in _SPARSE_PARTS)
    return sparse.csc_matrix((value, (row, column)), shape=(size, size))


def _variable_name(dim: str, field: str) -> str:
    return f"{field}_{dim}"
