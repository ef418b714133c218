"""Whether the population columns can be told apart."""

from __future__ import annotations

import numpy as np

from poolish.design.encode import Encoded
from poolish.errors import DataError

CHUNK = 1 << 15
ALIASED = 1e-7  # relative, as in R's lm
CONSTANT = 1e-12
SMALLEST, LARGEST = 1e-150, 1e150  # squares of values outside leave double precision


def check_columns(encoded: Encoded, *, has_intercept: bool) -> None:
    """Raise DataError if a column is constant, empty, or a combination of the others.

    The test is on the triangular factor of the columns, found in chunks of rows (so that it is as
    stable as a QR decomposition of all rows, at the memory of one chunk): the part of a column
    that the columns before it leave unexplained, relative to its spread.
    """
    for label, values in zip(encoded.labels, encoded.values.T, strict=True):
        _check_size(label, values)
    factor = triangular_factor(encoded.values)
    for place, label in enumerate(encoded.labels):
        column = factor[:, place]
        spread = np.linalg.norm(column[1:] if has_intercept and place else column)
        if spread <= CONSTANT * np.linalg.norm(column) or not column.any():
            raise _constant(label, encoded.values[:, place])
        unexplained = abs(column[place]) if place < len(factor) else 0.0
        if unexplained <= ALIASED * spread:
            raise _aliased(encoded, place, _used(factor[:, :place], column))


def triangular_factor(X: np.ndarray) -> np.ndarray:
    """Return R of X = QR, shape (coef, coef) or with fewer rows when X has fewer."""
    factor = np.empty((0, X.shape[1]))
    for start in range(0, len(X), CHUNK):
        stacked = np.concatenate([factor, X[start : start + CHUNK]])
        factor = np.linalg.qr(stacked, mode="r")
    return factor


def _used(before: np.ndarray, column: np.ndarray) -> list[int]:
    """Return the columns that it takes to compute `column`."""
    scale = np.linalg.norm(before, axis=0)
    shares = np.abs(np.linalg.lstsq(before / scale, column, rcond=None)[0])
    return np.flatnonzero(shares > 1e-6 * shares.max(initial=0.0)).tolist()


def _check_size(label: str, values: np.ndarray) -> None:
    size = np.max(np.abs(values), initial=0.0)
    if size > LARGEST or 0.0 < size < SMALLEST:
        raise DataError(
            f"predictor `{label}` is too {'large' if size > LARGEST else 'small'} to compute with",
            given=f"a largest absolute value of {size:g}",
            expected=f"a largest absolute value between {SMALLEST:g} and {LARGEST:g}",
            fix=f"measure `{label}` in another unit, or write `scale({label})`",
        )


def _constant(label: str, values: np.ndarray) -> DataError:
    low, high = values.min(), values.max()
    if low < high:
        return DataError(
            f"predictor `{label}` varies too little for its size",
            given=f"values near {low:g}, {high - low:g} from the smallest to the largest",
            expected="differences that are not lost in the rounding of the values",
            fix=f"count from another origin: write `center({label})`",
        )
    return DataError(
        f"predictor `{label}` has the same value in every row",
        given=f"{low:g} in all {len(values)} rows",
        expected="a predictor that varies, and levels and combinations of levels that occur",
        fix=f"remove `{label}` from the formula, or merge the levels that never occur together",
    )


def _aliased(encoded: Encoded, place: int, others: list[int]) -> DataError:
    label = encoded.labels[place]
    n_obs, n_coefs = encoded.values.shape
    names = ", ".join(f"`{encoded.labels[other]}`" for other in others[:8])
    more = f" and {len(others) - 8} more" if len(others) > 8 else ""
    rows = f"; {n_obs} rows for {n_coefs} coefficients" if n_obs < n_coefs else ""
    return DataError(
        f"predictor `{label}` repeats what other columns say",
        given=f"`{label}` is a linear combination of {names}{more}{rows}",
        expected="columns of which none can be computed from the others",
        fix=f"remove the term that makes `{label}`{_or_intercept(encoded, others)}",
    )


def _or_intercept(encoded: Encoded, others: list[int]) -> str:
    uses_intercept = "Intercept" in (encoded.labels[other] for other in others)
    return ", or the intercept by `0 +`" if uses_intercept else ""
