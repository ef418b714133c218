"""The exact engine's calibration over classes of models.

Run by `make calibrate`, or `python -m poolish.studies.calibration_table`.

Prints, for each class, every parameter's mean rank and whether its rank ECDF stays in the band.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from poolish.design import build_design
from poolish.engines import exact
from poolish.engines.protocol import Plan
from poolish.formula import parse, relation_names
from poolish.frame import read_table
from poolish.relations import Pedigree
from poolish.spec.build import build_spec
from poolish.studies.calibration import Calibration, Derive, calibrate

# Half-Student tails give data sets that no one sees; a half-normal keeps the simulations apart
# without changing what is tested.
_PRIORS = {"Intercept": "normal(0, 1)", "sd": "half_normal(1)", "sigma": "half_normal(1)"}
# The ratio of two half-normals is a half-Cauchy: h2 has median 0.01, 0.5 and 0.99.
_NEAR_0 = _PRIORS | {"sd_animal": "half_normal(0.1)"}
_NEAR_1 = {
    "Intercept": "normal(0, 1)",
    "sd": "half_normal(0.1)",
    "sd_animal": "half_normal(1)",
    "sigma": "half_normal(0.1)",
}


def heritability(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return `h2`, the share that the first group's variance has of all, at any number of draws."""
    variances = [sd[..., 0] ** 2 for name, sd in values.items() if name.startswith("sd_")]
    return {"h2": variances[0] / (sum(variances) + values["sigma"] ** 2)}


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of models to calibrate.

    Parameters
    ----------
    name, formula : str
    priors : Mapping of str to str
    n_groups, n_each : int
        Groups, or animals, and records of each.
    derive : callable
        Further quantities to rank.
    """

    name: str
    formula: str
    priors: Mapping[str, str]
    n_groups: int
    n_each: int
    derive: Derive = lambda values: {}


# One known covariance of few animals is diagonalised; with two, the rows have a dense factor.
_DIRECT = "y ~ 1 + (1 | kin(animal, ped))"
_MATERNAL = f"{_DIRECT} + (1 | kin(dam, ped))"

CLASSES = (
    ModelClass("random intercept", "y ~ x + (1 | g)", _PRIORS | {"b": "normal(0, 1)"}, 10, 5),
    ModelClass(
        "correlated slope",
        "y ~ x + (x | g)",
        _PRIORS | {"b": "normal(0, 1)", "cor": "lkj(2)"},
        12,
        6,
    ),
    ModelClass("crossed", "y ~ 1 + (1 | g) + (1 | h)", _PRIORS, 8, 6),
    ModelClass("sd near zero", "y ~ 1 + (1 | g)", _PRIORS | {"sd_g": "half_normal(0.05)"}, 10, 5),
    ModelClass("heritability near 0", _DIRECT, _NEAR_0, 60, 1, heritability),
    ModelClass("heritability", _DIRECT, _PRIORS, 60, 1, heritability),
    ModelClass("heritability near 1", _DIRECT, _NEAR_1, 60, 1, heritability),
    ModelClass("maternal, near 0", _MATERNAL, _NEAR_0, 60, 1, heritability),
    ModelClass("maternal", _MATERNAL, _PRIORS, 60, 1, heritability),
    ModelClass("maternal, near 1", _MATERNAL, _NEAR_1, 60, 1, heritability),
)


def simulate_columns(shape: ModelClass, *, seed: int = 0) -> pd.DataFrame:
    """Return the columns of a class's data; the response is a stand-in that varies.

    Animals are numbered in order of birth after half as many founders without records, sires even
    and dams odd; parents come from the younger half of those before, so some are inbred.
    """
    rng = np.random.default_rng(seed)
    n_obs = shape.n_groups * shape.n_each
    animal = np.arange(shape.n_groups) + shape.n_groups // 2
    sire, dam = 2 * rng.integers(animal // 4, animal // 2, (2, shape.n_groups))
    return pd.DataFrame(
        {
            "y": rng.standard_normal(n_obs),
            "x": rng.standard_normal(n_obs),
            "g": np.repeat(np.arange(shape.n_groups), shape.n_each),
            "h": np.tile(np.arange(shape.n_each), shape.n_groups),
            "animal": np.repeat(animal, shape.n_each),
            "sire": np.repeat(sire, shape.n_each),
            "dam": np.repeat(dam + 1, shape.n_each),
        }
    )


def _pedigree(columns: pd.DataFrame) -> Pedigree:
    rows = columns.drop_duplicates("animal").astype(str)
    return Pedigree.from_frame(rows, id="animal", sire="sire", dam="dam")


def calibrate_class(
    shape: ModelClass, *, simulations: int, seed: int, progress: Progress | None = None
) -> Calibration:
    """Return the calibration of the exact engine on one class of models."""
    formula = parse(shape.formula)
    columns = simulate_columns(shape)
    relations = {name: _pedigree(columns).relation() for name in relation_names(formula)}
    design, _ = build_design(formula, read_table(columns), relations)
    spec = build_spec(formula, design, priors=shape.priors)
    refit = exact.ENGINE.refitter
    assert refit is not None
    fit = refit(spec, design)
    task = None if progress is None else progress.add_task(shape.name, total=simulations)
    return calibrate(
        spec,
        design,
        lambda _, simulated, plan: fit(simulated.response.y, plan),
        simulations=simulations,
        seed=seed,
        plan=Plan(draws=250, chains=4, progress=False),
        derive=shape.derive,
        progress=lambda: progress.advance(task) if progress and task is not None else None,
    )


def main() -> None:
    """Print the table of every class, or of those whose name has the text asked for."""
    parser = argparse.ArgumentParser(description="Simulation-based calibration, exact engine.")
    parser.add_argument("--only", default="", help="classes whose name has this text")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    console = Console(stderr=True)
    for shape in (each for each in CLASSES if options.only in each.name):
        with Progress(console=console, disable=not console.is_terminal) as progress:
            found = calibrate_class(
                shape, simulations=options.simulations, seed=options.seed, progress=progress
            )
        print(f"\n{shape.name}: {shape.formula}; {found.seconds:.3f} CPU-s per simulation")
        print(found.to_df().to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    main()
