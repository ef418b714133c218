"""Exit codes, and the arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

BAD_INPUT = 3
DO_NOT_USE = 4
INTERRUPTED = 130

# Where the gallery is, seen from the folder that commands are run in.
ROOT = Path("models")

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="FORMULA|MODEL",
        help="A formula, or the folder of a model such as models/sleepstudy.",
    ),
]
DataArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[DATA.csv]", help="The data, when a formula is given."),
]
FitArgument = Annotated[Path, typer.Argument(metavar="FIT.nc", help="A saved fit.")]
GroupArgument = Annotated[
    str | None,
    typer.Argument(metavar="[GROUP]", help="The grouping factor; not needed where there is one."),
]
FamilyOption = Annotated[
    str | None, typer.Option(help="Distribution of the response: gaussian, poisson, ...")
]
PriorOption = Annotated[
    list[str] | None,
    typer.Option("--prior", metavar="NAME=PRIOR", help='Such as "b[Days]=normal(10, 5)"; again.'),
]
MissingOption = Annotated[
    Literal["error", "drop"] | None, typer.Option(help="Rows with missing values.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no warnings.")]
VerboseOption = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show the traceback of an error.")
]
ProbOption = Annotated[
    float, typer.Option(min=0.01, max=0.999, help="Probability of the intervals.")
]
RootOption = Annotated[Path, typer.Option(help="The folder that holds the models.")]
