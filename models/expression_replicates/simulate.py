"""Expression of one gene: three readings of each of three extractions of twelve mice."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 15
TRUTH = {
    "b[Intercept]": 6.0,
    "b[genotype[knockout]]": 0.8,
    "sd_mouse[Intercept]": 0.50,
    "sd_mouse:extraction[Intercept]": 0.25,
    "sigma": 0.10,
}
N_MICE, N_EXTRACTIONS, N_READINGS = 12, 3, 3


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per reading: genotype, mouse, extraction and log2 expression."""
    rng = np.random.default_rng(seed)
    mice = rng.normal(0, TRUTH["sd_mouse[Intercept]"], N_MICE)
    extractions = rng.normal(0, TRUTH["sd_mouse:extraction[Intercept]"], N_MICE * N_EXTRACTIONS)
    cell = np.arange(N_MICE * N_EXTRACTIONS).repeat(N_READINGS)
    mouse, extraction = np.divmod(cell, N_EXTRACTIONS)
    is_knockout = mouse >= N_MICE // 2
    expression = (
        TRUTH["b[Intercept]"]
        + TRUTH["b[genotype[knockout]]"] * is_knockout
        + mice[mouse]
        + extractions[cell]
        + rng.normal(0, TRUTH["sigma"], len(cell))
    )
    return pd.DataFrame(
        {
            "genotype": np.where(is_knockout, "knockout", "wildtype"),
            "mouse": [f"M{each + 1:02d}" for each in mouse],
            "extraction": [f"e{each + 1}" for each in extraction],
            "expression": expression.round(3),
        }
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
