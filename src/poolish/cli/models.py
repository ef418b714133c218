"""`poolish models`: the gallery, one folder per model."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poolish.cli.options import ROOT, JsonOption, RootOption
from poolish.cli.output import print_json

if TYPE_CHECKING:
    from poolish.studies.gallery import GalleryModel

app = typer.Typer(no_args_is_help=True, help="List, show, make and hold to account the models.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name or folder of a model.")]


@app.command("list")
def list_models(*, root: RootOption = ROOT, as_json: JsonOption = False) -> None:
    """List the models: name, formula, title."""
    from poolish.studies.gallery import read_models

    models = read_models(root)
    if as_json:
        print_json([_document(model) for model in models])
        return
    width = max(len(model.name) for model in models)
    for model in models:
        typer.echo(f"{model.name:<{width}}  {model.title}")


@app.command("show")
def show_model(name: NameArgument, *, root: RootOption = ROOT, as_json: JsonOption = False) -> None:
    """Show a model: formula, family, data, priors, and what to notice."""
    from poolish.studies.gallery import find_model

    model = find_model(name, root)
    if as_json:
        print_json(_document(model))
        return
    priors = "; ".join(f"{key} ~ {text}" for key, text in model.priors.items())
    rows = {
        "formula": "; ".join(_formulas(model)),
        "family": model.family,
        "priors": priors or "defaults",
        "data": f"{model.data_file} ({model.source})",
        "keywords": ", ".join(model.keywords),
    }
    typer.echo(f"{model.name}: {model.title}")
    typer.echo("\n".join(f"  {key + ':':<10}{text}" for key, text in rows.items()))
    readme = model.folder / "README.md"
    if readme.is_file():
        typer.echo(f"\n{readme.read_text(encoding='utf-8').rstrip()}")


@app.command("new")
def new_model(
    name: Annotated[str, typer.Argument(help="Name of the new model.")],
    formula: Annotated[str, typer.Argument(help="Its formula.")],
    data: Annotated[Path, typer.Argument(metavar="DATA.csv", help="Its data, to be copied.")],
    *,
    family: Annotated[str, typer.Option(help="Distribution of the response.")] = "gaussian",
    root: RootOption = ROOT,
) -> None:
    """Make the folder of a new model from a formula and a CSV file."""
    from poolish.studies.gallery_new import create_model

    folder = create_model(root / name, formula, data, family=family)
    typer.echo(f"{folder}: now fill in model.toml and README.md, then `poolish fit {folder}`")


@app.command("expect")
def expect_model(
    name: NameArgument,
    *,
    root: RootOption = ROOT,
    engine: Annotated[str, typer.Option(help="exact, quadrature or nuts.")] = "nuts",
    draws: Annotated[int, typer.Option(min=100, help="Kept draws per chain.")] = 10_000,
    tune: Annotated[int, typer.Option(min=1, help="Warm-up draws per chain (nuts).")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 20_261_120,
) -> None:
    """Write a model's expected.json from a long run."""
    from poolish.cli.source import read_source
    from poolish.studies.gallery import EXPECTED_FILE, find_model
    from poolish.studies.verify import estimate_quantities, write_expected

    folder = find_model(name, root).folder
    model = read_source(str(folder), None).build()
    has_bar = sys.stderr.isatty()
    fitted = model.fit(engine=engine, draws=draws, tune=tune, seed=seed, progress=has_bar)
    verdict, reason = fitted.diagnosis.verdict, fitted.diagnosis.reason
    how = (
        f"poolish models expect {folder.name} --engine {engine} --draws {draws} --tune {tune} "
        f"--seed {seed}; {verdict}" + (f" ({reason})" if reason else "")
    )
    write_expected(
        folder / EXPECTED_FILE,
        estimate_quantities(fitted.result),
        how=how,
        versions=fitted.result.record.versions,
    )
    typer.echo(f"{folder / EXPECTED_FILE}: {how}")


@app.command("page")
def write_page(*, root: RootOption = ROOT) -> None:
    """Write the folder's README.md, the table of its models."""
    from poolish.studies.gallery import read_models
    from poolish.studies.gallery_page import render_page

    page = root / "README.md"
    page.write_text(render_page(read_models(root)), encoding="utf-8")
    typer.echo(str(page))


def _formulas(model: GalleryModel) -> tuple[str, ...]:
    return (model.formula,) if isinstance(model.formula, str) else model.formula


def _document(model: GalleryModel) -> dict[str, Any]:
    paths = {"folder": str(model.folder), "data_file": str(model.data_file)}
    return {**asdict(model), **paths}
