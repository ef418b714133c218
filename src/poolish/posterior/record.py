"""What is known about how a fit was made."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from poolish.engines.protocol import Draws, Plan
from poolish.formula import columns
from poolish.frame import Table
from poolish.posterior.columns import hash_table
from poolish.spec.model import ModelSpec

_PACKAGES = ("poolish", "numpy", "scipy", "xarray", "pymc", "nutpie", "arviz")


@dataclass(frozen=True, slots=True)
class FitRecord:
    """How a fit was made: everything that a reader needs to judge or repeat it.

    Parameters
    ----------
    formula : str
        Canonical text of the formula.
    family : str
    engine : str
    reason : str
        Why this engine, in one clause.
    seed : int
    draws, chains, tune : int
        As asked for; `tune` counts for NUTS only.
    seconds : float
        Wall time of sampling.
    is_complete : bool
        False when sampling was interrupted.
    notes : tuple of str
        What a person must know about the fit: choices, fallbacks, warnings.
    dropped_rows : tuple of str
        Labels of the rows left out for missing values.
    data_hash : str
        Checksum of the columns used.
    versions : Mapping of str to str
        Poolish, Python and the packages that did the work.
    created : str
        Date and time, ISO 8601.
    options : Mapping
        Other options of the call, JSON values only.
    """

    formula: str
    family: str
    engine: str
    reason: str = ""
    seed: int = 0
    draws: int = 0
    chains: int = 0
    tune: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    notes: tuple[str, ...] = ()
    dropped_rows: tuple[str, ...] = ()
    data_hash: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def record_to_json(record: FitRecord) -> dict[str, Any]:
    """Return a record as JSON values."""
    return asdict(record)


def record_from_json(values: Mapping[str, Any]) -> FitRecord:
    """Return the record that `record_to_json` made `values` from."""
    sequences = {name: tuple(values[name]) for name in ("notes", "dropped_rows")}
    return FitRecord(**{**values, **sequences})


def make_record(
    spec: ModelSpec,
    draws: Draws,
    *,
    plan: Plan,
    reason: str,
    table: Table,
    dropped_rows: tuple[str, ...] = (),
    options: Mapping[str, Any] | None = None,
) -> FitRecord:
    """Return the record of a fit that has just ended.

    Parameters
    ----------
    spec : ModelSpec
    draws : Draws
        What the engine returned.
    plan : Plan
        What it was asked for.
    reason : str
        Why this engine, in one clause.
    table : Table
        The rows that were fitted.
    dropped_rows : tuple of str
        Labels of the rows left out for missing values.
    options : Mapping, optional
        Other options of the call, JSON values only.
    """
    return FitRecord(
        formula=str(spec.formula),
        family=spec.family.name,
        engine=draws.engine,
        reason=reason,
        seed=plan.seed,
        draws=plan.draws,
        chains=plan.chains,
        tune=plan.tune,
        seconds=draws.seconds,
        is_complete=draws.is_complete,
        notes=draws.notes,
        dropped_rows=dropped_rows,
        data_hash=hash_table(table, columns(spec.formula)),
        versions=installed_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        options=options or {},
    )


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that do the work; nothing is imported."""
    found = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **{n: v for n, v in found.items() if v}}


def _version(package: str) -> str | None:
    try:
        text = metadata.distribution(package).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return None
    # This line alone: to parse the whole file takes as long as a small fit.
    found = re.search(r"^Version: *(\S+)", text, re.MULTILINE)
    return None if found is None else found.group(1)
