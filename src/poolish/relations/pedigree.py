"""Pedigrees and the additive relationship they imply."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
import scipy.sparse as sparse
import xarray as xr
from narwhals.typing import IntoDataFrame

from poolish.errors import RelationError, UnknownColumnError
from poolish.relations.inbreeding import (
    generation_numbers,
    inbreeding_coefficients,
    mendelian_variance,
)
from poolish.relations.relation import Relation, as_labels, check_labels, listed

UNKNOWN_PARENTS = ("", "0", "NA", "nan", "None", "<NA>")
_DIM = "individual"


@dataclass(frozen=True, slots=True, repr=False)
class Pedigree:
    """Who descends from whom.

    Parameters
    ----------
    labels : tuple of str
        Individuals; parents without a row of their own first, then the rows as given.
    parents : ndarray of int, shape (2, individual)
        Positions of sire and dam among `labels`, -1 where unknown.
    generation : ndarray of int, shape (individual,)
        Longest line back to a founder, 0 for founders.
    """

    labels: tuple[str, ...]
    parents: np.ndarray
    generation: np.ndarray

    def __new__(cls, *args: object, **named: object) -> Pedigree:
        """Refuse a table, before the arguments that a table lacks are missed."""
        if args and not isinstance(args[0], tuple):
            raise RelationError(
                "a pedigree is not made of a table directly",
                given=f"`Pedigree(...)` of a value of type {type(args[0]).__name__}",
                expected="a table and the names of its columns, to `po.Pedigree.from_frame`",
                fix='write `po.Pedigree.from_frame(data, id="id", sire="sire", dam="dam")`',
            )
        return object.__new__(cls)

    @staticmethod
    def from_frame(data: IntoDataFrame, *, id: str, sire: str, dam: str) -> Pedigree:
        """Return the pedigree of a table with one row per individual, in any order.

        Parameters
        ----------
        data : data frame (pandas, polars, Arrow)
        id, sire, dam : str
            Its columns. An unknown parent is missing, empty, `0` or `NA`; a parent without a row
            of its own becomes a founder.

        Raises
        ------
        UnknownColumnError
            If a column does not exist.
        RelationError
            If an individual has no id or two rows, is both sire and dam, or is its own ancestor.

        Examples
        --------
        >>> rows = pd.DataFrame({"id": [3], "sire": [1], "dam": [2]})
        >>> Pedigree.from_frame(rows, id="id", sire="sire", dam="dam").labels
        ('1', '2', '3')
        """
        own, sires, dams = (_labels_of(data, column) for column in (id, sire, dam))
        check_labels(tuple(own), "pedigree")
        parents = pd.Index(np.concatenate([sires, dams])).unique()
        founders = parents.difference(pd.Index([*own, *UNKNOWN_PARENTS]), sort=False)
        labels = pd.Index([*sorted(founders, key=_natural), *own])
        unknown = np.full((2, len(founders)), -1)
        known = np.stack([labels.get_indexer(pd.Index(side)) for side in (sires, dams)])
        positions = np.concatenate([unknown, known], axis=1)
        return _checked(tuple(labels), positions)

    def __repr__(self) -> str:
        n_founders = int((self.parents < 0).all(axis=0).sum())
        n_generations = int(self.generation.max(initial=-1)) + 1
        return (
            f"pedigree of {self.n_individuals:,} individuals, {listed(self.labels, 3)}\n"
            f"{n_founders:,} founders; {n_generations} generations"
        )

    @property
    def n_individuals(self) -> int:
        """Return the number of individuals."""
        return len(self.labels)

    def inbreeding(self) -> xr.DataArray:
        """Return the inbreeding coefficient of each individual, in [0, 1].

        Notes
        -----
        The probability that the two copies of a gene are identical by descent, with founders
        unrelated and not inbred.
        """
        return self._labelled(inbreeding_coefficients(self.parents))

    def relationship(self) -> xr.DataArray:
        """Return the additive relationship matrix A, twice the kinship.

        Notes
        -----
        Tabular method (Henderson 1976): A_ij = (A_sj + A_dj) / 2 for i not an ancestor of j, and
        A_ii = 1 + A_sd / 2.
        """
        return self._labelled(_tabular(self.parents, self.generation))

    def inverse(self) -> sparse.csc_matrix:
        """Return the sparse inverse of A, a CSC matrix in the order of `labels`.

        Notes
        -----
        A^-1 = (I - P/2)' D^-1 (I - P/2) with P the parent incidence (Henderson 1976) and D from the
        inbreeding coefficients (Quaas 1976).
        """
        root, _ = self._root()
        return (root.T @ root).tocsc()

    def relation(self) -> Relation:
        """Return the pedigree as a relation: A^-1, its root, log|A| and the diagonal of A."""
        root, inbreeding = self._root()
        return Relation(
            labels=self.labels,
            precision=(root.T @ root).tocsc(),
            log_determinant=float(-2.0 * np.log(root.diagonal()).sum()),
            variances=1.0 + inbreeding,
            root=root,
            generation_order=np.argsort(self.generation, kind="stable"),
        )

    def _root(self) -> tuple[sparse.csr_matrix, np.ndarray]:
        """Return D^-1/2 (I - P/2), whose cross-product is A^-1, and the inbreeding."""
        inbreeding = inbreeding_coefficients(self.parents)
        scale = 1.0 / np.sqrt(mendelian_variance(self.parents, inbreeding))
        own = np.arange(self.n_individuals)
        has = self.parents >= 0
        child = np.concatenate([own, own[has[0]], own[has[1]]])
        column = np.concatenate([own, self.parents[0, has[0]], self.parents[1, has[1]]])
        value = np.concatenate([np.ones(len(own)), np.full(int(has.sum()), -0.5)])
        shape = (self.n_individuals, self.n_individuals)
        return sparse.csr_matrix((value * scale[child], (child, column)), shape), inbreeding

    def _labelled(self, values: np.ndarray) -> xr.DataArray:
        dims = (_DIM, f"{_DIM}_bis")[: values.ndim]
        return xr.DataArray(values, coords={dim: np.array(self.labels, object) for dim in dims})


def _natural(label: str) -> tuple[int, str]:
    return len(label), label


def _labels_of(data: IntoDataFrame, column: str) -> np.ndarray:
    table = nw.from_native(data, eager_only=True, pass_through=True)
    if not isinstance(table, nw.DataFrame):
        raise RelationError(
            "the pedigree is not a table",
            given=f"a value of type `{type(data).__name__}`",
            expected="a data frame (pandas, polars, Arrow) with a row for every individual",
            fix="write `pd.DataFrame(...)` or `pd.read_csv(...)` around it",
        )
    if column not in table.columns:
        raise UnknownColumnError(
            f"pedigree column `{column}` is not a column of the table",
            given=f"columns {', '.join(table.columns)}",
            expected="the columns of the individual, its sire and its dam",
            fix="name them: `po.Pedigree.from_frame(table, id=..., sire=..., dam=...)`",
        )
    return np.array(as_labels(table[column].to_list()), dtype=object)


def _checked(labels: tuple[str, ...], parents: np.ndarray) -> Pedigree:
    both = np.intersect1d(parents[0][parents[0] >= 0], parents[1][parents[1] >= 0])
    if len(both):
        raise RelationError(
            "some individuals are both sire and dam",
            given=listed(labels[i] for i in both),
            expected="every parent in one of the two columns",
            fix="correct the rows of their offspring; a selfing species has no pedigree form here, "
            "pass its relationship matrix",
        )
    generation = generation_numbers(parents)
    if (generation < 0).any():
        raise RelationError(
            "an individual of the pedigree is its own ancestor",
            given=" <- ".join(f"`{labels[i]}`" for i in _loop(parents, generation)),
            expected="no loops: parents are born before their offspring",
            fix="correct one of these rows (child <- parent)",
        )
    return Pedigree(labels, parents, generation)


def _loop(parents: np.ndarray, generation: np.ndarray) -> tuple[int, ...]:
    """Return one loop, child to parent, its first individual repeated at the end."""
    path: dict[int, int] = {}
    at = int(np.flatnonzero(generation < 0)[0])
    while at not in path:
        path[at] = len(path)
        stuck = [int(p) for p in parents[:, at] if p >= 0 and generation[p] < 0]
        at = stuck[0]
    return (*tuple(path)[path[at] :], at)


def _tabular(parents: np.ndarray, generation: np.ndarray) -> np.ndarray:
    n = parents.shape[1]
    A = np.zeros((n + 1, n + 1))  # the last row and column are those of an unknown parent
    for number in range(int(generation.max(initial=-1)) + 1):
        own = np.flatnonzero(generation == number)
        sire, dam = parents[:, own]
        A[own] = 0.5 * (A[sire] + A[dam])
        A[:, own] = A[own].T
        A[np.ix_(own, own)] = 0.5 * (A[np.ix_(own, sire)] + A[np.ix_(own, dam)])
        A[own, own] = 1.0 + 0.5 * A[sire, dam]
    return A[:n, :n]
