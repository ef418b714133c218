"""Fatigue and exercise in 60 people, four weeks of prompts: the two effects differ in sign."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 1
TRUTH = {
    "b[Intercept]": 50.0,
    "b[within(exercise, person)]": 0.15,
    "b[between(exercise, person)]": -0.30,
    "sd_person[Intercept]": 8.0,
    "sd_person[within(exercise, person)]": 0.10,
    "sigma": 7.0,
}
N_PEOPLE, MEAN_EXERCISE = 60, 40.0


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return one row per answered prompt: person, prompt, exercise (minutes) and fatigue."""
    rng = np.random.default_rng(seed)
    usual = rng.normal(MEAN_EXERCISE, 12, N_PEOPLE)
    level = rng.normal(0, TRUTH["sd_person[Intercept]"], N_PEOPLE)
    slope = rng.normal(0, TRUTH["sd_person[within(exercise, person)]"], N_PEOPLE)
    person = np.repeat(np.arange(N_PEOPLE), rng.integers(8, 29, N_PEOPLE))
    exercise = np.maximum(0, usual[person] + rng.normal(0, 15, len(person))).round()
    mean = pd.Series(exercise).groupby(person).transform("mean").to_numpy()
    fatigue = (
        TRUTH["b[Intercept]"]
        + TRUTH["b[between(exercise, person)]"] * mean
        + level[person]
        + (TRUTH["b[within(exercise, person)]"] + slope[person]) * (exercise - mean)
        + rng.normal(0, TRUTH["sigma"], len(person))
    )
    prompt = pd.Series(person).groupby(person).cumcount() + 1
    names = [f"P{each + 1:02d}" for each in person]
    return pd.DataFrame(
        {"person": names, "prompt": prompt, "exercise": exercise, "fatigue": fatigue.round(1)}
    )


if __name__ == "__main__":
    simulate().to_csv(Path(__file__).with_name("data.csv"), index=False)
