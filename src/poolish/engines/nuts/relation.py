"""Group effects with a known covariance between levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from poolish.engines.nuts.tensors import times
from poolish.engines.nuts.triangular import solve_triangle
from poolish.relations.relation import Relation, dense_covariance
from poolish.relations.triangle import triangular_root

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
    Non-centred, from z ~ N(0, I): `F z` with F F' = K, or, for a sparse precision, one sparse
    triangular solve: for a pedigree u = T D^1/2 z, a pass through the generations (Henderson 1976).
    """
    if relation.precision is not None:
        triangle = triangular_root(relation)
        z = pm.Normal(name, 0.0, 1.0, shape=(n_effects, relation.n_units))
        return [solve_triangle(triangle, z[k]) for k in range(n_effects)]
    factor = covariance_factor(dense_covariance(relation))
    z = pm.Normal(name, 0.0, 1.0, shape=(n_effects, factor.shape[1]))
    return [times(factor, z[k]) for k in range(n_effects)]
