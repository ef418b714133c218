"""LKJ correlation matrices from independent Beta variables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolish.engines.nuts.tensors import Tensor
from poolish.spec.prior import Prior

type Rows = list[list[Tensor]]


def add_correlation_factor(name: str, n_effects: int, prior: Prior) -> Rows:
    """Return the rows of the Cholesky factor of a correlation matrix, entries up to the diagonal.

    Parameters
    ----------
    name : str
        Of the vector of partial correlations, mapped to (0, 1), in the open model.
    n_effects : int
        1 makes no variable.
    prior : Prior
        `lkj(eta)`.

    Notes
    -----
    The partial correlation of effects i and j given those before j, j < i, counted from 0, is
    2 B - 1 with B ~ Beta(a, a), a = eta + (q - 2 - j) / 2; for two effects that is the correlation
    itself. They are independent, the matrix is then LKJ(eta), and the factor's row i is
    `p_ij prod_{m<j} sqrt(1 - p_im^2)`. `pymc.LKJCholeskyCov` has no form for one effect, labels a
    packed vector and takes several times as long to compile.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100, 1989-2001, section 2.4.
    doi:10.1016/j.jmva.2009.04.008
    """
    if n_effects == 1:
        return [[1.0]]
    columns = np.array([j for i in range(n_effects) for j in range(i)])
    shapes = prior.arguments[0] + (n_effects - 2 - columns) / 2
    uniform = pm.Beta(name, shapes, shapes, shape=len(shapes))
    partials = iter([(2.0 * uniform[k] - 1.0, uniform[k]) for k in range(len(shapes))])
    rows: Rows = [[1.0]]
    for i in range(1, n_effects):
        row: list[Any] = []
        rest: Any = 1.0
        for _ in range(i):
            partial, u = next(partials)
            row.append(partial * rest)
            # sqrt(1 - p^2) = 2 sqrt(u (1 - u)), without the cancellation.
            rest = rest * 2.0 * pt.sqrt(u * (1.0 - u))
        rows.append([*row, rest])
    return rows


def correlation(rows: Rows, i: int, j: int) -> Tensor:
    """Return entry (i, j) of the correlation matrix that the rows are the factor of."""
    if i == j:
        return 1.0
    return sum((a * b for a, b in zip(rows[i], rows[j], strict=False)), start=0.0)
