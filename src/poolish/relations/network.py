"""Neighbours on a map or network: conditional autoregressive precisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sparse

from poolish.errors import RelationError
from poolish.relations.build import precision
from poolish.relations.relation import Relation, as_labels, check_labels, listed


def car_precision(
    adjacency: object, ids: Sequence[Any] | None = None, *, rho: float = 0.99, name: str = "K"
) -> Relation:
    """Return the proper conditional autoregressive relation of neighbouring units.

    Parameters
    ----------
    adjacency : DataFrame, ndarray or sparse matrix, shape (unit, unit)
        Symmetric weights, 0 or more: 1 for neighbours, 0 on the diagonal.
    ids : sequence, optional
        Labels of the rows and columns; a DataFrame has its own.
    rho : float, in (-1, 1)
        Strength of the dependence; near 1 is nearly the intrinsic model.
    name : str
        What the user calls it, for messages.

    Raises
    ------
    RelationError
        If `rho` is outside (-1, 1), weights are negative, on the diagonal or not symmetric, or a
        unit has no neighbour.

    Notes
    -----
    Precision D - rho W with D the row sums of W, so that E[u_i | others] is rho times the weighted
    mean of the neighbours and var(u_i | others) = sd^2 / D_i (Besag 1974, Journal of the Royal
    Statistical Society B 36, 192-225, doi:10.1111/j.2517-6161.1974.tb00999.x; brms `car(W, type =
    "escar")`).

    Examples
    --------
    >>> car_precision(np.array([[0, 1], [1, 0]]), ["a", "b"], rho=0.5).precision.toarray()
    array([[ 1. , -0.5],
           [-0.5,  1. ]])
    """
    if not -1.0 < rho < 1.0:
        raise RelationError(
            "`rho` of a proper autoregressive model must lie between -1 and 1",
            given=f"rho = {rho:g}",
            expected="a number above -1 and below 1",
            fix="write `rho=0.99` for a model close to the intrinsic one",
        )
    weights, labels = _weights(adjacency, ids, name)
    sums = np.asarray(weights.sum(axis=1)).ravel()
    _check_weights(weights, sums, labels, name)
    return precision(sparse.diags_array(sums) - rho * weights, labels, name=name)


def _weights(
    adjacency: object, ids: Sequence[Any] | None, name: str
) -> tuple[sparse.csr_matrix, tuple[str, ...]]:
    if isinstance(adjacency, pd.DataFrame):
        labels = as_labels(adjacency.index)
        columns = as_labels(adjacency.columns)
        check_labels(columns, name)
        order = pd.Index(columns).get_indexer(pd.Index(labels))
        if (order < 0).any() or len(columns) != len(labels):
            raise _unlabelled(name, "rows and columns with different labels")
        return sparse.csr_matrix(adjacency.to_numpy(dtype=float)[:, order]), labels
    if ids is None:
        raise _unlabelled(name, "a matrix without ids")
    return sparse.csr_matrix(adjacency, dtype=float), as_labels(ids)


def _unlabelled(name: str, given: str) -> RelationError:
    return RelationError(
        f"the neighbours `{name}` need the same ids on both axes",
        given=given,
        expected="a DataFrame with ids on both axes, or a matrix and its ids",
        fix="write `po.car_precision(W, ids)`",
    )


def _check_weights(
    weights: sparse.csr_matrix, sums: np.ndarray, labels: tuple[str, ...], name: str
) -> None:
    if (weights.data < 0).any() or weights.diagonal().any():
        raise RelationError(
            f"the weights of `{name}` are not neighbours",
            given=f"smallest weight {weights.data.min():g}, "
            f"{int((weights.diagonal() != 0).sum())} units their own neighbour",
            expected="weights of 0 or more, 0 on the diagonal",
            fix="set the diagonal to 0 and leave out negative weights",
        )
    if (sums == 0).any():
        raise RelationError(
            f"some units of `{name}` have no neighbours",
            given=listed(labels[i] for i in np.flatnonzero(sums == 0)),
            expected="at least one neighbour for every unit",
            fix="connect the islands to their nearest unit, or leave them out",
        )
