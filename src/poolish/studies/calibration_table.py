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
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec
from poolish.studies.calibration import Calibration, calibrate

# Half-Student tails give data sets that no one sees; a half-normal keeps the simulations apart
# without changing what is tested.
_PRIORS = {"Intercept": "normal(0, 1)", "sd": "half_normal(1)", "sigma": "half_normal(1)"}


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of models to calibrate: a formula, priors, and the shape of its data."""

    name: str
    formula: str
    priors: Mapping[str, str]
    n_groups: int
    n_each: int


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
)


def simulate_columns(shape: ModelClass, *, seed: int = 0) -> pd.DataFrame:
    """Return the columns of a class's data; the response is a stand-in that varies."""
    rng = np.random.default_rng(seed)
    n_obs = shape.n_groups * shape.n_each
    return pd.DataFrame(
        {
            "y": rng.standard_normal(n_obs),
            "x": rng.standard_normal(n_obs),
            "g": np.repeat(np.arange(shape.n_groups), shape.n_each),
            "h": np.tile(np.arange(shape.n_each), shape.n_groups),
        }
    )


def calibrate_class(
    shape: ModelClass, *, simulations: int, seed: int, progress: Progress | None = None
) -> Calibration:
    """Return the calibration of the exact engine on one class of models."""
    formula = parse(shape.formula)
    design, _ = build_design(formula, read_table(simulate_columns(shape)), {})
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
        progress=lambda: progress.advance(task) if progress and task is not None else None,
    )


def main() -> None:
    """Print the table of every class."""
    parser = argparse.ArgumentParser(description="Simulation-based calibration, exact engine.")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    console = Console(stderr=True)
    for shape in CLASSES:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            found = calibrate_class(
                shape, simulations=options.simulations, seed=options.seed, progress=progress
            )
        print(f"\n{shape.name}: {shape.formula}; {found.seconds:.3f} CPU-s per simulation")
        print(found.to_df().to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    main()
