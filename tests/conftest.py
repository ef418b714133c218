"""Fixtures that every room may use: real data, and one fit of it made once per session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior, read_brms_sleepstudy

import poolish
from poolish.posterior import Posterior

ROOT = Path(__file__).parents[1]
SLEEP_FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261120)


@pytest.fixture(scope="session")
def sleepstudy() -> pd.DataFrame:
    return pd.read_csv(ROOT / "models" / "sleepstudy" / "data.csv")


@pytest.fixture(scope="session")
def sleep_fit(sleepstudy: pd.DataFrame) -> poolish.Fit:
    return poolish.fit(SLEEP_FORMULA, sleepstudy, seed=1, progress=False)


@pytest.fixture(scope="session")
def sleep_file(sleep_fit: poolish.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fits") / "sleepstudy.nc"
    sleep_fit.save(path)
    return path


@pytest.fixture(scope="session")
def brms_sleep(sleepstudy: pd.DataFrame) -> Posterior:
    """Return brms's posterior of sleepstudy (`tests/reference/brms`) as one of our own."""
    return make_posterior(SLEEP_FORMULA, sleepstudy, read_brms_sleepstudy(), seed=1)
