"""Genotypes of any origin as blocks of variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from poolish.errors import RelationError, load_extra
from poolish.relations.relation import as_labels, as_numbers


@dataclass(frozen=True, slots=True)
class Genotypes:
    """Where genotypes come from.

    Parameters
    ----------
    labels : tuple of str
        Samples.
    n_variants : int
    read : callable
        `read(start, stop)` gives the variants of a range as a new float array, shape (sample,
        variant): copies of one allele, NaN where missing.
    """

    labels: tuple[str, ...]
    n_variants: int
    read: Callable[[int, int], np.ndarray]

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the genotypes in blocks of at most `size` variants."""
        for start in range(0, self.n_variants, size):
            yield self.read(start, min(start + size, self.n_variants))


def open_genotypes(source: object, ids: Sequence[Any] | None) -> Genotypes:
    """Return the genotypes of an array or table, a Dataset with sgkit's names, or a PLINK prefix.

    Raises
    ------
    RelationError
        If the form is not known, ids are missing or the shape does not fit them.
    UnsupportedError
        If bed-reader is needed and not installed.
    """
    if isinstance(source, xr.Dataset):
        return _from_dataset(source, ids)
    if isinstance(source, str | Path):
        return _from_plink(Path(source), ids)
    if isinstance(source, pd.DataFrame):
        return _from_array(source.to_numpy(), source.index if ids is None else ids)
    return _from_array(np.asarray(source), ids)


def _from_array(array: np.ndarray, ids: Iterable[Any] | None) -> Genotypes:
    labels = _labels(ids, "pass `ids=`, one for every row")
    if array.ndim != 2 or array.shape[0] != len(labels):
        raise RelationError(
            "the genotypes do not fit the ids",
            given=f"an array of shape {array.shape} and {len(labels)} ids",
            expected="an array of shape (samples, variants) with one id for every sample",
            fix="transpose the array if variants are its rows",
        )
    return Genotypes(labels, array.shape[1], lambda a, b: _counts(array[:, a:b]))


def _labels(ids: Iterable[Any] | None, fix: str) -> tuple[str, ...]:
    if ids is None:
        raise RelationError(
            "the genotypes have no sample ids",
            given="no ids",
            expected="one id for every sample; units are matched by label",
            fix=fix,
        )
    return as_labels(ids)


def _counts(block: np.ndarray) -> np.ndarray:
    """Return allele counts as new floats, -1 as NaN."""
    counts = as_numbers(block, "genotypes")
    return np.where(counts < 0, np.nan, counts)


def _allele_counts(calls: np.ndarray, start: int) -> np.ndarray:
    """Return copies of allele 1 from the alleles called, shape (sample, variant, ploidy)."""
    if (calls > 1).any():
        variant = start + int(np.flatnonzero((calls > 1).any(axis=(0, 2)))[0])
        raise RelationError(
            "`call_genotype` has variants with more than two alleles",
            given=f"allele {calls.max()}, first at variant {variant}",
            expected="alleles 0 and 1, with -1 where missing",
            fix="drop those variants, or split them into variants of two alleles",
        )
    return np.asarray(_counts(calls).sum(axis=2))


def _from_dataset(dataset: xr.Dataset, ids: Sequence[Any] | None) -> Genotypes:
    name = next((n for n in ("call_dosage", "call_genotype") if n in dataset), None)
    if name is None:
        raise RelationError(
            "the Dataset has no genotypes",
            given=f"variables {', '.join(map(str, dataset.data_vars)) or 'none'}",
            expected="`call_genotype` (variants, samples, ploidy) or `call_dosage` (variants, "
            "samples), as sgkit and VCF Zarr name them",
            fix="rename the variable and its dimensions",
        )
    if ids is None and "sample_id" in dataset:
        ids = dataset["sample_id"].to_numpy().tolist()
    labels = _labels(ids, "add the variable `sample_id` (samples), or pass `ids=`")
    calls = dataset[name].transpose("samples", "variants", ...)

    def read(start: int, stop: int) -> np.ndarray:
        block = calls.isel(variants=slice(start, stop)).to_numpy()
        return _counts(block) if block.ndim == 2 else _allele_counts(block, start)

    return Genotypes(labels, dataset.sizes["variants"], read)


def _from_plink(prefix: Path, ids: Sequence[Any] | None) -> Genotypes:
    reader = load_extra(
        "bed_reader", "genetics", need="PLINK files need", instead="pass genotypes as an array"
    )
    path = prefix if prefix.suffix == ".bed" else prefix.with_name(f"{prefix.name}.bed")
    if not path.exists():
        raise RelationError(
            f"there is no file `{path}`",
            given=f"file prefix `{prefix}`",
            expected="the files .bed, .bim and .fam of PLINK 1",
            fix="give the path without the ending .bed",
        )
    bed = reader.open_bed(path, num_threads=1)
    labels = as_labels(bed.iid if ids is None else ids)

    def read(start: int, stop: int) -> np.ndarray:
        block = bed.read(np.s_[:, start:stop], dtype="float64", num_threads=1)
        return np.asarray(block)

    return Genotypes(labels, int(bed.sid_count), read)
