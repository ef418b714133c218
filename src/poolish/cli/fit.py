"""`poolish fit`: fit a model, print it, and save it."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from poolish.cli.options import (
    DO_NOT_USE,
    INTERRUPTED,
    DataArgument,
    FamilyOption,
    JsonOption,
    MissingOption,
    ModelArgument,
    PriorOption,
    QuietOption,
    VerboseOption,
)
from poolish.cli.output import fit_document, print_json
from poolish.cli.source import Source, read_source
from poolish.errors import FileError

if TYPE_CHECKING:
    from poolish.face.fit import Fit
    from poolish.studies.verify import Verification


def fit(
    model: ModelArgument,
    data: DataArgument = None,
    *,
    family: FamilyOption = None,
    prior: PriorOption = None,
    missing: MissingOption = None,
    engine: Annotated[
        Literal["auto", "exact", "quadrature", "nuts"] | None,
        typer.Option(help="How to compute; auto takes the first that can."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same draws.")
    ] = None,
    chains: Annotated[int | None, typer.Option(min=1, help="Chains.")] = None,
    draws: Annotated[int | None, typer.Option(min=4, help="Kept draws per chain.")] = None,
    tune: Annotated[int | None, typer.Option(min=0, help="Warm-up draws per chain (nuts).")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to save it; NAME.nc if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hold the fit to the model's expected answers.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 4 when the fit is not to be used.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fit a model, print its summary, and save it as NAME.nc."""
    source = read_source(model, data, family=family, priors=prior, missing=missing)
    if verify and source.gallery is None:
        raise typer.BadParameter("--verify needs a model folder, such as models/sleepstudy")
    target = output or Path(f"{source.name}.nc")
    _check_target(target, is_forced=force)
    if quiet:
        warnings.simplefilter("ignore")
    options = {"engine": engine, "seed": seed, "chains": chains, "draws": draws, "tune": tune}
    has_bar = sys.stderr.isatty() and not quiet
    fitted = source.build().fit(**_sampling(source, options), progress=has_bar)
    if source.gallery is not None:
        fitted = fitted.with_labels(source.gallery.labels)
    target = place_of(fitted, target)
    fitted.save(target)
    verification = _verify(source, fitted) if verify else None
    _show(fitted, target, verification, as_json=as_json, is_quiet=quiet)
    leave(fitted, verification, is_strict=strict)


def _sampling(source: Source, options: dict[str, Any]) -> dict[str, Any]:
    stated = {name: value for name, value in options.items() if value is not None}
    return {**source.sample, **stated}


def _check_target(target: Path, *, is_forced: bool) -> None:
    if target.is_dir():
        raise FileError(
            f"`{target}` is a folder",
            given=f"`-o {target}` to save the fit in",
            expected="the name of a file",
            fix=f"write, for example, `-o {target / 'fit.nc'}`",
        )
    if target.exists() and not is_forced:
        raise FileError(
            f"file `{target}` exists",
            given=f"`{target}` to save the fit in",
            expected="a file that does not exist yet",
            fix="choose another one with `-o`, or write over it with `--force`",
        )
    folder = target.parent
    if not os.access(folder, os.W_OK):
        raise FileError(
            f"the fit cannot be saved in folder `{folder}`",
            given=f"`{target}` to save the fit in",
            expected="a folder that exists and that you may write to",
            fix="make the folder, or choose another one with `-o`",
        )


def place_of(fitted: Fit, target: Path) -> Path:
    """Return the file to save in: what an interrupted fit has does not replace an older file."""
    if fitted.result.record.is_complete or not target.exists():
        return target
    return target.with_stem(f"{target.stem}.partial")


def _verify(source: Source, fitted: Fit) -> Verification:
    from poolish.studies.gallery import EXPECTED_FILE
    from poolish.studies.verify import compare_estimates, estimate_quantities, read_expected

    assert source.gallery is not None
    expected = read_expected(source.gallery.folder / EXPECTED_FILE)
    return compare_estimates(expected, estimate_quantities(fitted.result))


def _show(
    fitted: Fit,
    target: Path,
    verification: Verification | None,
    *,
    as_json: bool,
    is_quiet: bool,
) -> None:
    if as_json:
        verified = {} if verification is None else {"verified": verification.is_met}
        print_json({**fit_document(fitted), "file": str(target), **verified})
    else:
        typer.echo(str(fitted))
        if verification is not None:
            typer.echo(f"\n{verification}")
    if not is_quiet:
        typer.echo(f"saved: {target}", err=True)


def leave(fitted: Fit, verification: Verification | None, *, is_strict: bool) -> None:
    """Leave with the exit code that the fit deserves, unless all is well."""
    if not fitted.result.record.is_complete:
        raise typer.Exit(INTERRUPTED)
    is_unusable = is_strict and fitted.diagnosis.verdict == "do not use"
    if is_unusable or (verification is not None and not verification.is_met):
        raise typer.Exit(DO_NOT_USE)
