"""A treatment measured on ten days, four wells an arm: its effect differs from day to day."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 12
TRUTH = {
    "b[Intercept]": 100.0,
    "b[arm[treated]]": 8.0,
    "sd_day[Intercept]": 6.0,
    "sd_day[arm[treated]]": 5.0,
    "sigma": 4.0,
}
N_DAYS, N_WELLS = 10, 4


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per well: day, arm and signal."""
    rng = np.random.default_rng(seed)
    level = rng.normal(TRUTH["b[Intercept]"], TRUTH["sd_day[Intercept]"], N_DAYS)
    effect = rng.normal(TRUTH["b[arm[treated]]"], TRUTH["sd_day[arm[treated]]"], N_DAYS)
    day = np.repeat(np.arange(N_DAYS), 2 * N_WELLS)
    treated = np.tile(np.repeat([0, 1], N_WELLS), N_DAYS)
    signal = level[day] + effect[day] * treated + rng.normal(0, TRUTH["sigma"], len(day))
    return pd.DataFrame(
        {
            "day": [f"day{each + 1:02d}" for each in day],
            "arm": np.where(treated == 1, "treated", "control"),
            "signal": signal.round(1),
        }
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
