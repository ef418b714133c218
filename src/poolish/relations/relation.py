"""A known covariance between labelled units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Relation:
    """A labelled covariance or, where that is sparse and the covariance is not, its inverse.

    Parameters
    ----------
    labels : tuple of str
        Units, in the order of the rows.
    covariance : ndarray, shape (unit, unit), or None
        Symmetric positive semi-definite.
    precision : scipy.sparse matrix, shape (unit, unit), or None
        Symmetric positive definite; exactly one of the two is given.
    log_determinant : float or None
        log|K| of the covariance when known beforehand (a pedigree knows it).
    """

    labels: tuple[str, ...]
    covariance: np.ndarray | None = None
    precision: Any = None
    log_determinant: float | None = None
