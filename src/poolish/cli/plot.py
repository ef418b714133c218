"""`poolish plot`: one picture of a saved fit, to a file."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from poolish.cli.options import FitArgument, JsonOption, VerboseOption
from poolish.cli.output import print_json


def plot(
    fit: FitArgument,
    *,
    kind: Annotated[
        str,
        typer.Option(
            help="pooling, caterpillar, ranks, slopes_plane, trajectories, effects, variance, ppc, "
            "residuals, check, prior_posterior, kinship, forest or rank."
        ),
    ] = "pooling",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="PNG, SVG or PDF; KIND.png if not given."),
    ] = None,
    group: Annotated[str | None, typer.Option(help="The grouping factor.")] = None,
    effect: Annotated[str | None, typer.Option(help="The effect, such as Days.")] = None,
    predictor: Annotated[str | None, typer.Option(help="The predictor along the axis.")] = None,
    by: Annotated[str | None, typer.Option(help="A second predictor.")] = None,
    select: Annotated[
        list[str] | None, typer.Option(metavar="LEVEL", help="A level to show; again for more.")
    ] = None,
    at_most: Annotated[int | None, typer.Option(min=1, help="Rows or panels to show.")] = None,
    facet: Annotated[str | None, typer.Option(help="A third predictor, one panel a value.")] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Draw a picture of a saved fit, or print the data it shows with --json."""
    import poolish
    from poolish.plots import make_picture

    stated: dict[str, Any] = {"group": group, "effect": effect, "predictor": predictor, "by": by,
                              "facet": facet, "selected": select, "at_most": at_most}  # fmt: skip
    options = {name: value for name, value in stated.items() if value is not None}
    _check_options(kind, options)
    target = output or Path(f"{kind}.png")
    _check_target(target)
    picture = make_picture(poolish.load(fit).result, kind, **options)
    if as_json:
        print_json({"title": picture.title, "caption": picture.caption, "alt": picture.alt,
                    "data": _records(picture.frame)})  # fmt: skip
        return
    _save(picture, target)
    typer.echo(f"{picture.title}\nsaved: {target}")


def _check_options(kind: str, options: dict[str, Any]) -> None:
    from poolish.plots import PLOTS

    if kind not in PLOTS:
        return  # `make_picture` says which there are
    wrong = [name for name in options if name not in inspect.signature(PLOTS[kind]).parameters]
    if wrong:
        option = {"selected": "select", "at_most": "at-most"}.get(wrong[0], wrong[0])
        raise typer.BadParameter(f"picture `{kind}` has no option --{option}")


def _check_target(target: Path) -> None:
    """Raise before anything is computed when a name cannot be that of a picture."""
    from poolish.errors import FileError

    better = target / "picture.png" if target.is_dir() else target.with_name(f"{target.name}.png")
    if not target.suffix or target.is_dir():
        raise FileError(
            f"`{target}` is not the name of a picture",
            given="a folder" if target.is_dir() else "a name without an ending",
            expected="a name that ends in .png, .svg or .pdf",
            fix=f"write, for example, `-o {better}`",
        )


def _records(frame: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a pandas data frame
    import json

    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return rows


def _save(picture: Any, target: Path) -> None:  # noqa: ANN401 - a Picture
    from poolish.errors import FileError
    from poolish.plots import make_figure

    figure = make_figure(picture)
    try:
        figure.savefig(
            target, metadata={"Title": picture.title} if target.suffix == ".png" else None
        )
    except (OSError, ValueError) as error:
        raise FileError(
            f"the picture cannot be written to `{target}`",
            given=str(error),
            expected="a name that ends in .png, .svg or .pdf, in a folder that exists",
            fix="choose another name with `-o`",
        ) from error
