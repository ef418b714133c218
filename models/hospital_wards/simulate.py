"""Recovery scores of the patients of 40 wards, from 6 to 90 patients each."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 16
TRUTH = {
    "b[Intercept]": 70.0,
    "b[severity]": -4.0,
    "sd_ward[Intercept]": 2.5,
    "sigma": 12.0,
}
N_WARDS = 40


def ward_effects(seed: int = SEED) -> np.ndarray:
    """Return the true deviation of each ward, in points."""
    return np.random.default_rng(seed).normal(0, TRUTH["sd_ward[Intercept]"], N_WARDS)


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per patient: ward, severity on admission (sd 1) and recovery score."""
    rng = np.random.default_rng([seed, 1])
    size = np.exp(rng.uniform(np.log(6), np.log(90), N_WARDS)).astype(int)
    ward = np.repeat(np.arange(N_WARDS), size)
    case_mix = rng.normal(0, 0.5, N_WARDS)
    severity = (case_mix[ward] + rng.normal(0, 0.9, len(ward))).round(2)
    recovery = (
        TRUTH["b[Intercept]"]
        + TRUTH["b[severity]"] * severity
        + ward_effects(seed)[ward]
        + rng.normal(0, TRUTH["sigma"], len(ward))
    )
    names = [f"W{each + 1:02d}" for each in ward]
    return pd.DataFrame({"ward": names, "severity": severity, "recovery": recovery.round(1)})


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
