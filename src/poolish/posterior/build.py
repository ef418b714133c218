"""A fitted model: its draws as a DataTree, with all that is needed to read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from poolish.design import Recipe, evaluate_response
from poolish.design.arrays import Design, PredictorDesign
from poolish.engines.protocol import Draws
from poolish.formula import columns
from poolish.frame import Table
from poolish.posterior.columns import dataset_to_table, table_to_dataset
from poolish.posterior.coords import index_coords
from poolish.posterior.record import FitRecord
from poolish.posterior.relations import dataset_to_relations, relations_to_dataset
from poolish.posterior.variables import list_coords, list_variables, tree_name
from poolish.relations.relation import Relation
from poolish.spec.adapt import evaluate_adapted
from poolish.spec.model import ModelSpec, PredictorSpec

SAMPLE_DIMS = ("chain", "draw")


@dataclass(frozen=True, slots=True)
class Posterior:
    """A fitted model.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups `posterior`, `sample_stats`, `observed_data`, `constant_data`, `relations` (known
        covariances, when there are any) and, on demand, `log_likelihood` and others.
    spec : ModelSpec
    recipe : Recipe
        Evaluates the formula on new data.
    record : FitRecord
        How the fit was made.
    design : Design
        The arrays that were fitted.
    """

    tree: xr.DataTree
    spec: ModelSpec
    recipe: Recipe
    record: FitRecord
    design: Design = field(repr=False, compare=False)

    def __repr__(self) -> str:
        sizes, record = self.tree["posterior"].sizes, self.record
        return (
            f"<Posterior of {' and '.join(record.formula.splitlines())}: {record.family}, "
            f"{self.design.n_obs:,} rows, {sizes['chain']} chains x {sizes['draw']} draws by the "
            f"{record.engine} engine>"
        )

    @property
    def draws(self) -> xr.Dataset:
        """Return the posterior draws."""
        return self.tree["posterior"].to_dataset()

    @property
    def table(self) -> Table:
        """Return the columns of the data that the formula uses, as they were typed."""
        return dataset_to_table(self.tree["constant_data"].to_dataset())


def build_posterior(
    spec: ModelSpec,
    design: Design,
    recipe: Recipe,
    table: Table,
    draws: Draws,
    record: FitRecord,
) -> Posterior:
    """Return the fitted model that an engine's draws make.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    recipe : Recipe
    table : Table
        The rows that were fitted, in the order of the design.
    draws : Draws
    record : FitRecord
    """
    constant = table_to_dataset(table, columns(spec.formula))
    groups = {
        "posterior": _posterior_dataset(spec, draws.posterior),
        "sample_stats": _stats_dataset(draws.sample_stats),
        "observed_data": response_dataset(design, constant.coords["obs"].values),
        "constant_data": constant,
        "relations": relations_to_dataset(spec, design),
    }
    kept = {name: dataset for name, dataset in groups.items() if dataset.variables}
    return Posterior(xr.DataTree.from_dict(kept), spec, recipe, record, design)


def rebuild_design(tree: xr.DataTree, spec: ModelSpec, recipe: Recipe) -> Design:
    """Return the design that was fitted, made again from the stored columns by the recipe."""
    table = dataset_to_table(tree["constant_data"].to_dataset())
    stored = tree["relations"].to_dataset() if "relations" in tree.children else xr.Dataset()
    relations = dataset_to_relations(spec, stored)
    predictors = {
        name: _with_relations(
            evaluate_adapted(recipe, predictor, table, groups=True), predictor, relations
        )
        for name, predictor in spec.predictors.items()
    }
    response = evaluate_response(recipe, table)
    # The observed response is kept as data: a refit to simulated values has another than its table.
    y = next(iter(tree["observed_data"].to_dataset().data_vars.values())).values
    return Design(replace(response, y=np.asarray(y, dtype=float)), predictors)


def with_group(posterior: Posterior, name: str, dataset: xr.Dataset) -> Posterior:
    """Return the same fit with one more group, or another one, in its tree."""
    groups = {child: node.to_dataset() for child, node in posterior.tree.children.items()}
    tree = xr.DataTree.from_dict({**groups, name: dataset})
    return replace(posterior, tree=tree)


def response_name(design: Design) -> str:
    """Return the name of the response in a DataTree, free of collisions with a dimension."""
    name = tree_name(design.response.name)
    return f"{name}_" if name in (*SAMPLE_DIMS, "obs") else name


def response_dataset(design: Design, rows: np.ndarray) -> xr.Dataset:
    """Return the observed response over the dimension `obs`."""
    data = {response_name(design): ("obs", design.response.y)}
    return xr.Dataset(data, coords=index_coords({"obs": rows}))


def _posterior_dataset(spec: ModelSpec, posterior: Mapping[str, np.ndarray]) -> xr.Dataset:
    labels = list_coords(spec)
    data = {name: (dims, values) for name, dims, values in _named_draws(spec, posterior)}
    used = {dim for dims, _ in data.values() for dim in dims}
    coords = {dim: np.array(labels[dim], np.str_) for dim in labels if dim in used}
    coords |= _sample_coords(next(iter(posterior.values())))
    return xr.Dataset(data, coords=index_coords(coords))


def _named_draws(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, tuple[str, ...], np.ndarray]]:
    """Yield name, dimensions and draws of each variable, those of the model in its order first."""
    by_tree_name = {tree_name(name): values for name, values in posterior.items()}
    for variable in list_variables(spec):
        if variable.name in by_tree_name:
            values = by_tree_name.pop(variable.name)
            yield variable.name, (*SAMPLE_DIMS, *variable.dims), values
    for name, values in by_tree_name.items():
        extra = tuple(f"{name}_dim_{axis}" for axis in range(values.ndim - 2))
        yield name, (*SAMPLE_DIMS, *extra), values


def _stats_dataset(stats: Mapping[str, np.ndarray]) -> xr.Dataset:
    arrays = {name: np.asarray(values) for name, values in stats.items()}
    data = {name: (SAMPLE_DIMS[: values.ndim], values) for name, values in arrays.items()}
    full = next((values for values in arrays.values() if values.ndim == 2), None)
    return xr.Dataset(data, coords={} if full is None else index_coords(_sample_coords(full)))


def _sample_coords(draws: np.ndarray) -> dict[str, np.ndarray]:
    sizes = zip(SAMPLE_DIMS, draws.shape[:2], strict=True)
    return {dim: np.arange(size) for dim, size in sizes}


def _with_relations(
    predictor: PredictorDesign, spec: PredictorSpec, relations: Mapping[str, Relation]
) -> PredictorDesign:
    groups = tuple(
        replace(design, relation=relations.get(group.dim), relation_name=group.relation)
        for design, group in zip(predictor.groups, spec.groups, strict=True)
    )
    return replace(predictor, groups=groups)
