"""`poolish priors`: every prior that applies to a model, before it is fitted."""

from __future__ import annotations

from poolish.cli.options import (
    DataArgument,
    FamilyOption,
    JsonOption,
    MissingOption,
    ModelArgument,
    PriorOption,
    VerboseOption,
)
from poolish.cli.output import print_result
from poolish.cli.source import read_source


def priors(
    model: ModelArgument,
    data: DataArgument = None,
    *,
    family: FamilyOption = None,
    prior: PriorOption = None,
    missing: MissingOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print every prior that applies to a model, and the range it implies."""
    source = read_source(model, data, family=family, priors=prior, missing=missing)
    print_result(source.build().priors(), as_json=as_json)
