"""Group effects with a known covariance between levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy import sparse

from poolish.engines.nuts.tensors import Tensor, times
from poolish.relations.relation import Relation, dense_covariance

# Beyond this many levels a sparse precision is not inverted to a dense covariance: 2,000 levels
# are 32 MB and a matrix-vector product of 2 ms per effect and gradient.
DENSE_LEVELS = 2000
# Eigenvalues below this share of the largest are null directions (twins, clones).
NULL_TOLERANCE = 1e-10


def covariance_factor(covariance: np.ndarray) -> np.ndarray:
    """Return F with F F' = K and as many columns as K has rank, by eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> covariance_factor(np.ones((3, 3))).shape
    (3, 1)
    """
    values, vectors = np.linalg.eigh(covariance)
    keep = values > NULL_TOLERANCE * values.max()
    return np.asarray(vectors[:, keep] * np.sqrt(values[keep]))


def add_related_normals(name: str, relation: Relation, n_effects: int) -> list[Any]:
    """Return vectors over levels, independent of each other, each N(0, K).

    Notes
    -----
    `F z` with z ~ N(0, I), or, for a sparse precision Q with many levels, a vector v with
    log density `(log|Q| - n log(2 pi) - v'Qv) / 2`, the quadratic form summed over the nonzero
    entries of Q: neither a dense inverse nor a sparse solve, which has no Numba gradient.
    """
    if relation.precision is not None and relation.n_units > DENSE_LEVELS:
        return [_sparse_normal(f"{name}_{k}", relation) for k in range(n_effects)]
    factor = covariance_factor(dense_covariance(relation))
    z = pm.Normal(name, 0.0, 1.0, shape=(n_effects, factor.shape[1]))
    return [times(factor, z[k]) for k in range(n_effects)]


def _sparse_normal(name: str, relation: Relation) -> Tensor:
    entries = sparse.coo_array(relation.precision)
    v = pm.Flat(name, shape=relation.n_units, initval=np.zeros(relation.n_units))
    products = v[entries.row.astype(np.int64)] * v[entries.col.astype(np.int64)]
    quadratic = pt.sum(products * entries.data)
    log_det = relation.log_determinant or 0.0
    constant = -0.5 * (log_det + relation.n_units * np.log(2 * np.pi))
    pm.Potential(f"{name}_density", constant - 0.5 * quadratic)
    return v
