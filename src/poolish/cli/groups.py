"""`poolish groups`: the groups of a model in its data, before it is fitted."""

from __future__ import annotations

import typer

from poolish.cli.options import (
    DataArgument,
    FamilyOption,
    JsonOption,
    MissingOption,
    ModelArgument,
    VerboseOption,
)
from poolish.cli.output import print_json, records
from poolish.cli.source import read_source


def groups(
    model: ModelArgument,
    data: DataArgument = None,
    *,
    family: FamilyOption = None,
    missing: MissingOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print rows per group, nesting or crossing, and what can and cannot be estimated."""
    import poolish

    source = read_source(model, data, family=family, missing=missing)
    result = poolish.describe_groups(
        source.data, source.formula, family=source.family, missing=source.missing
    )
    if as_json:
        steps = [{"cause": s.cause, "gravity": s.gravity, "text": str(s)} for s in result.steps]
        relations = list(result.relations)
        print_json({"groups": records(result), "relations": relations, "steps": steps})
    else:
        typer.echo(str(result))
