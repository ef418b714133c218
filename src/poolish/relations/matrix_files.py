"""Relationship matrices that GCTA, PLINK and GEMMA have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poolish.errors import RelationError
from poolish.relations.build import as_relation
from poolish.relations.relation import Relation, as_numbers


def read_grm(prefix: str | Path) -> Relation:
    """Return the relation in the files .grm.bin, .grm.id and .grm.N.bin of GCTA or PLINK.

    Parameters
    ----------
    prefix : str or Path
        Path without `.grm.bin`. Individuals are labelled by their second id (IID).

    Raises
    ------
    RelationError
        If a file is missing or its size does not fit, or two individuals share an IID.

    References
    ----------
    Yang et al. (2011), American Journal of Human Genetics 88, 76-82.
    doi:10.1016/j.ajhg.2010.11.011
    """
    ids = pd.read_csv(_existing(prefix, ".grm.id"), sep=r"\s+", header=None, dtype=str)
    entries = np.fromfile(_existing(prefix, ".grm.bin"), dtype="<f4")
    matrix = _unpacked(entries, len(ids), f"{prefix}.grm.bin")
    relation = as_relation((matrix, ids[1].tolist()), name=Path(prefix).name)
    counts = Path(f"{prefix}.grm.N.bin")
    n_variants = int(np.fromfile(counts, dtype="<f4").max()) if counts.exists() else None
    scaling = f"as in the file; mean diagonal {matrix.diagonal().mean():.6g}"
    return replace(relation, scaling=scaling, n_variants=n_variants)


def _existing(prefix: str | Path, ending: str) -> Path:
    path = Path(f"{prefix}{ending}")
    if path.exists():
        return path
    raise RelationError(
        f"there is no file `{path}`",
        given=f"`{prefix}`",
        expected=f"an existing file `{path.name}`",
        fix="give the path of the files without `.grm.bin`" if ending else "check the path",
    )


def _unpacked(entries: np.ndarray, n: int, file: str) -> np.ndarray:
    """Return the symmetric matrix whose lower triangle is stored row by row."""
    if len(entries) != n * (n + 1) // 2:
        raise RelationError(
            f"`{file}` does not fit its ids",
            given=f"{len(entries)} entries for {n} individuals",
            expected=f"{n * (n + 1) // 2} entries, the lower triangle in single precision",
            fix="use the .grm.id file of the same run",
        )
    matrix = np.zeros((n, n))
    rows, columns = np.tril_indices(n)
    matrix[rows, columns] = entries
    matrix[columns, rows] = entries
    return matrix


def read_gemma(path: str | Path, ids: Sequence[Any]) -> Relation:
    """Return the relation in a GEMMA matrix file, .cXX.txt or .sXX.txt.

    Parameters
    ----------
    path : str or Path
    ids : sequence
        Individuals in the order of the file, that of the .fam file.

    Raises
    ------
    RelationError
        If the file is missing or is not a square matrix that fits the ids.
    """
    table = pd.read_csv(_existing(path, ""), sep=r"\s+", header=None)
    matrix = as_numbers(table, Path(path).name)
    relation = as_relation((matrix, ids), name=Path(path).name)
    scaling = f"as in the file; mean diagonal {np.diagonal(matrix).mean():.6g}"
    return replace(relation, scaling=scaling)
