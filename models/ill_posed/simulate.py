"""Five sites, four readings each, every site with its own machine: too little for the model."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 17
TRUTH = {"b[Intercept]": 20.0, "b[dose]": 1.0, "sd_site[Intercept]": 2.0, "sigma": 2.0}
N_SITES = 5


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per reading: site, its only machine, dose and reading."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, TRUTH["sd_site[Intercept]"], N_SITES)
    site = np.repeat(np.arange(N_SITES), 4)
    dose = np.tile([0, 1, 2, 3], N_SITES)
    reading = TRUTH["b[Intercept]"] + TRUTH["b[dose]"] * dose + level[site]
    reading = reading + rng.normal(0, TRUTH["sigma"], len(site))
    return pd.DataFrame(
        {
            "site": [f"site{each + 1}" for each in site],
            "machine": [f"machine{each + 1}" for each in site],
            "dose": dose,
            "reading": reading.round(1),
        }
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
