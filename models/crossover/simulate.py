"""A 2x2 crossover of a test and a reference product in 24 volunteers; the true ratio is 0.95."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 1
TRUTH = {
    "b[Intercept]": np.log(200.0),
    "b[sequence[TR]]": 0.0,
    "b[period[second]]": 0.03,
    "b[product[T]]": np.log(0.95),
    "sd_subject[Intercept]": 0.40,
    "sigma": 0.16,
}
N_SUBJECTS = 24


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return two rows per subject: sequence, period, product and area under the curve."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, TRUTH["sd_subject[Intercept]"], N_SUBJECTS)
    subject = np.repeat(np.arange(N_SUBJECTS), 2)
    is_second = np.tile([False, True], N_SUBJECTS)
    starts_with_test = subject % 2 == 0
    is_test = starts_with_test != is_second
    log_auc = (
        TRUTH["b[Intercept]"]
        + TRUTH["b[period[second]]"] * is_second
        + TRUTH["b[product[T]]"] * is_test
        + level[subject]
        + rng.normal(0, TRUTH["sigma"], len(subject))
    )
    return pd.DataFrame(
        {
            "subject": [f"S{each + 1:02d}" for each in subject],
            "sequence": np.where(starts_with_test, "TR", "RT"),
            "period": np.where(is_second, "second", "first"),
            "product": np.where(is_test, "T", "R"),
            "auc": np.exp(log_auc).round(2),
        }
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
