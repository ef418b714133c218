"""What a command line asks to fit: a formula with a CSV file, or a model of the gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from poolish.cli.options import ROOT

if TYPE_CHECKING:
    import pandas as pd

    from poolish.face.model import Model
    from poolish.studies.gallery import GalleryModel


type Missing = Literal["error", "drop"]


@dataclass(frozen=True, slots=True)
class Source:
    """A model to fit, with its data.

    Parameters
    ----------
    name : str
        What its files are called.
    formula : str or list of str
    data : pandas.DataFrame
    family : str
    priors : Mapping of str to str
    sample : Mapping
        Options of `Model.fit`.
    missing : str
    gallery : GalleryModel or None
        The model folder it comes from.
    relations : Mapping of str to object
        Known covariances by name.
    """

    name: str
    formula: str | list[str]
    data: pd.DataFrame
    family: str
    priors: Mapping[str, str] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    missing: Missing = "error"
    gallery: GalleryModel | None = None
    relations: Mapping[str, object] = field(default_factory=dict)

    def build(self) -> Model:
        """Return the model."""
        import poolish

        return poolish.model(
            self.formula,
            self.data,
            family=self.family,
            priors=self.priors,
            relations=self.relations,
            missing=self.missing,
        )


def read_source(
    model: str,
    data: Path | None,
    *,
    family: str | None = None,
    priors: Sequence[str] | None = None,
    missing: Missing | None = None,
) -> Source:
    """Return what the arguments of a command ask to fit.

    Parameters
    ----------
    model : str
        A formula, several separated by line ends, or a model folder.
    data : Path or None
        The data, with a formula.
    family, priors, missing
        Options of the command; they go before those of the model folder.

    Raises
    ------
    typer.BadParameter
        If a formula comes without data, or a folder with data.
    """
    stated = dict(_split_prior(text) for text in priors or ())
    if "~" in model:
        if data is None:
            raise typer.BadParameter(f"formula `{model}` needs data: give a CSV file after it")
        return _from_formula(model, data, family=family, priors=stated, missing=missing)
    if data is not None:
        raise typer.BadParameter(f"`{model}` is not a formula (there is no `~` in it)")
    return _from_folder(model, family=family, priors=stated, missing=missing)


def _from_formula(
    formula: str, data: Path, *, family: str | None, priors: dict[str, str], missing: Missing | None
) -> Source:
    from poolish.studies.csv_file import read_csv

    texts = [line.strip() for line in formula.splitlines() if line.strip()]
    return Source(
        name=Path(data.name.removesuffix(".gz")).stem,
        formula=texts[0] if len(texts) == 1 else texts,
        data=read_csv(data),
        family=family or "gaussian",
        priors=priors,
        missing=missing or "error",
    )


def _from_folder(
    name: str, *, family: str | None, priors: dict[str, str], missing: Missing | None
) -> Source:
    from poolish.studies.gallery import find_model, read_data
    from poolish.studies.gallery_relations import read_relations

    spec = find_model(name, ROOT)
    sample = dict(spec.sample)
    stated_missing = sample.pop("missing", "error")
    return Source(
        name=spec.name,
        formula=spec.formula if isinstance(spec.formula, str) else list(spec.formula),
        data=read_data(spec),
        family=family or spec.family,
        priors={**spec.priors, **priors},
        sample=sample,
        missing=missing or stated_missing,
        gallery=spec,
        relations=read_relations(spec),
    )


def _split_prior(text: str) -> tuple[str, str]:
    name, sign, prior = text.partition("=")
    if not (sign and name.strip() and prior.strip()):
        raise typer.BadParameter(f'`{text}` is not NAME=PRIOR, such as "sigma=exponential(0.1)"')
    return name.strip(), prior.strip()
