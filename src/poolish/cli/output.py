"""Printing results: text for people, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    import pandas as pd

    from poolish.face.fit import Fit


class Tabular(Protocol):
    """A result that prints itself and gives its table."""

    def to_df(self) -> pd.DataFrame:
        """Return the table."""


def print_result(result: Tabular, *, as_json: bool) -> None:
    """Print a result as text, or its table as JSON records."""
    if as_json:
        print_json(records(result))
    else:
        typer.echo(str(result))


def print_json(document: object) -> None:
    """Print JSON values."""
    typer.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


def records(result: Tabular) -> list[dict[str, Any]]:
    """Return the rows of a result's table; what JSON lacks (NaN, infinity) becomes null."""
    frame = result.to_df()
    is_labelled = any(name is not None for name in frame.index.names)
    table = frame.reset_index() if is_labelled else frame
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows


def fit_document(fit: Fit, *, ci_prob: float = 0.95) -> dict[str, Any]:
    """Return a fit as JSON values: how it was made, the verdict, and the summary's rows."""
    record = fit.result.record
    return {
        "formula": record.formula,
        "family": record.family,
        "engine": record.engine,
        "seed": record.seed,
        "chains": record.chains,
        "draws": record.draws,
        "is_complete": record.is_complete,
        "verdict": fit.diagnosis.verdict,
        "notes": list(record.notes),
        "ci_prob": ci_prob,
        "parameters": records(fit.summary(ci_prob=ci_prob)),
    }
