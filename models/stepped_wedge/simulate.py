"""A stepped-wedge trial: twelve clinics start a programme at four random times, with a trend."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 14
TREND = (0.0, 1.0, 1.5, 2.5, 3.0)
TRUTH = {
    "b[Intercept]": 60.0,
    **{f"b[factor(period)[{k + 1}]]": TREND[k] for k in range(1, 5)},
    "b[programme]": 3.0,
    "sd_clinic[Intercept]": 4.0,
    "sd_clinic:period[Intercept]": 1.5,
    "sigma": 9.0,
}
N_CLINICS, N_PERIODS, N_PATIENTS = 12, 5, 20


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per patient: clinic, period, whether the programme ran, and score."""
    rng = np.random.default_rng(seed)
    step = rng.permutation(np.repeat(np.arange(1, N_PERIODS), N_CLINICS // (N_PERIODS - 1)))
    clinic_level = rng.normal(0, TRUTH["sd_clinic[Intercept]"], N_CLINICS)
    cell_level = rng.normal(0, TRUTH["sd_clinic:period[Intercept]"], (N_CLINICS, N_PERIODS))
    clinic, period = np.divmod(np.arange(N_CLINICS * N_PERIODS).repeat(N_PATIENTS), N_PERIODS)
    programme = (period >= step[clinic]).astype(int)
    score = (
        TRUTH["b[Intercept]"]
        + np.array(TREND)[period]
        + TRUTH["b[programme]"] * programme
        + clinic_level[clinic]
        + cell_level[clinic, period]
        + rng.normal(0, TRUTH["sigma"], len(clinic))
    )
    return pd.DataFrame(
        {
            "clinic": [f"C{each + 1:02d}" for each in clinic],
            "period": period + 1,
            "programme": programme,
            "score": score.round(1),
        }
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
