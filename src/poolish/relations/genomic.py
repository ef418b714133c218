"""Genomic relationship matrices from genotypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.linalg import blas

from poolish.errors import RelationError, UnknownNameError
from poolish.relations.genotypes import open_genotypes
from poolish.relations.relation import Relation, check_labels

# Variants at a time, and at most so many genotypes: 32 MB as numbers, a few copies of them.
_BLOCK, _BLOCK_GENOTYPES = 1000, 4_000_000
_ROWS = 256


@dataclass(frozen=True, slots=True)
class _Method:
    """How each variant is weighted, and what the sum of cross-products is divided by.

    `weight(frequency, variance)` and `part(frequency, variance)` are per variant; the divisor is
    the sum of the parts.
    """

    text: str
    weight: Callable[[np.ndarray, np.ndarray], np.ndarray]
    part: Callable[[np.ndarray, np.ndarray], np.ndarray]


METHODS: dict[str, _Method] = {
    "vanraden": _Method(
        "VanRaden (2008) method 1, divided by the sum of 2p(1-p)",
        lambda p, v: np.ones_like(p),
        lambda p, v: 2.0 * p * (1.0 - p),
    ),
    "standardized": _Method(
        "each variant divided by its sample sd, mean over variants (GEMMA -gk 2)",
        lambda p, v: 1.0 / v,
        lambda p, v: np.ones_like(p),
    ),
    "centered": _Method(
        "centred, mean over variants (GEMMA -gk 1)",
        lambda p, v: np.ones_like(p),
        lambda p, v: np.ones_like(p),
    ),
}


def genomic_relationship(
    genotypes: object,
    method: Literal["vanraden", "standardized", "centered"] = "vanraden",
    *,
    ids: Sequence[Any] | None = None,
) -> Relation:
    """Return the relationship between samples that their genotypes show.

    Parameters
    ----------
    genotypes : ndarray, DataFrame, Dataset, str or Path
        Copies of one allele, 0 to 2 (dosages allowed), shape (sample, variant), -1 or NaN where
        missing, in a DataFrame with the sample ids as its index; an xarray Dataset with
        `call_genotype` or `call_dosage` and `sample_id` (sgkit, VCF Zarr); or the prefix of PLINK
        .bed/.bim/.fam files.
    method : str
        `vanraden`, `standardized` or `centered`.
    ids : sequence, optional
        Sample ids, where the source has none or others are wanted.

    Raises
    ------
    RelationError
        If the genotypes cannot be read, lie outside [0, 2], or none of them varies.
    UnknownNameError
        If there is no such method.
    UnsupportedError
        If a PLINK file is given and bed-reader is not installed.

    Notes
    -----
    K = sum over variants of w (x - xbar)(x - xbar)' / divisor, missing genotypes at the mean of
    their variant; variants without variation are left out and counted in `notes`. Which allele is
    counted does not matter. Centred matrices are singular, which is fine. With p the allele
    frequency of a variant (VanRaden 2008, p. 4416):

    ============  ===================  ==============
    method        w                    divisor
    ============  ===================  ==============
    vanraden      1                    sum of 2p(1-p)
    standardized  1 / sample variance  variants
    centered      1                    variants
    ============  ===================  ==============

    References
    ----------
    VanRaden (2008), Journal of Dairy Science 91, 4414-4423. doi:10.3168/jds.2007-0980
    Zhou & Stephens (2012), Nature Genetics 44, 821-824. doi:10.1038/ng.2310

    Examples
    --------
    >>> x = np.array([[0, 1, 2], [1, 1, 0], [2, 1, 1]])
    >>> genomic_relationship(x, "centered", ids=["a", "b", "c"]).n_variants
    2
    """
    row = _method(method)
    source = open_genotypes(genotypes, ids)
    check_labels(source.labels, "genotypes")
    n = len(source.labels)
    total = np.zeros((n, n), order="F")  # the one array of this size: added to in place
    divisor, n_used = 0.0, 0
    for block in source.blocks(int(np.clip(_BLOCK_GENOTYPES // max(n, 1), 1, _BLOCK))):
        centred, frequency, variance = _centre(block)
        centred *= np.sqrt(row.weight(frequency, variance))
        if len(frequency):
            total = blas.dsyrk(1.0, centred.T, 1.0, total, trans=True, lower=True, overwrite_c=True)
        divisor += float(row.part(frequency, variance).sum())
        n_used += len(frequency)
    if n_used == 0:
        raise _without_variation(source.n_variants)
    total /= divisor
    _mirror(total)
    return _relation(total, source.labels, row, n_used, source.n_variants)


def _mirror(matrix: np.ndarray) -> None:
    """Copy the lower triangle over the upper in place, some rows at a time."""
    for start in range(0, len(matrix), _ROWS):
        rows = slice(start, start + _ROWS)
        below = matrix[start:, rows]
        square = below[: below.shape[1]]
        square[:] = np.tril(square) + np.tril(square, -1).T
        matrix[rows, start:] = below.T


def _method(name: str) -> _Method:
    if name not in METHODS:
        raise UnknownNameError(
            f"there is no genomic relationship `{name}`",
            given=f"method `{name}`",
            expected=f"one of {', '.join(METHODS)}",
            fix='write `method="vanraden"`',
        )
    return METHODS[name]


def _centre(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centred varying variants, missing at 0, with frequency and variance."""
    if (block < 0).any() or (block > 2).any():
        raise RelationError(
            "genotypes outside the range 0 to 2",
            given=f"values from {np.nanmin(block):g} to {np.nanmax(block):g}",
            expected="copies of one allele, 0 to 2, with -1 or NaN where missing",
            fix="recode the genotypes of diploids as 0, 1, 2",
        )
    known = ~np.isnan(block)
    n_known = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, block, 0.0).sum(axis=0) / n_known
    centred = np.where(known, block - mean, 0.0)
    variance = np.einsum("iv,iv->v", centred, centred) / len(block)
    varies = variance > 1e-12
    return centred[:, varies], mean[varies] / 2.0, variance[varies]


def _without_variation(n_variants: int) -> RelationError:
    return RelationError(
        "no variant varies between the samples",
        given=f"{n_variants} variants, all constant or missing",
        expected="at least one variant with two alleles",
        fix="check that samples are rows and variants are columns",
    )


def _relation(
    covariance: np.ndarray, labels: tuple[str, ...], method: _Method, n_used: int, n_variants: int
) -> Relation:
    left_out = n_variants - n_used
    notes = (f"{left_out} variants do not vary, left out",) if left_out else ()
    variances = np.diagonal(covariance).copy()
    scaling = f"{method.text}; mean diagonal {variances.mean():.6g}"
    return Relation(
        labels, covariance, variances=variances, scaling=scaling, n_variants=n_used, notes=notes
    )
