"""The fit people hold: ArviZ reads its tree, and a saved one answers as the fresh one did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.errors import FileError

RNG = np.random.default_rng(9)
DATA = pd.DataFrame(
    {
        "y": RNG.normal(size=6).repeat(5) + RNG.normal(size=30),
        "x": np.tile(np.arange(5.0), 6),
        "g": np.repeat(np.arange(101, 107), 5),
    }
)


@pytest.fixture(scope="module")
def fit() -> po.Fit:
    return po.fit("y ~ x + (x | g)", DATA, seed=2, progress=False)


def test_tree_has_the_documented_names_and_dims(fit: po.Fit) -> None:
    dims = {name: values.dims[2:] for name, values in fit.posterior.data_vars.items()}

    assert dims == {
        "b": ("coef",),
        "sd_g": ("g_effect",),
        "cor_g": ("g_effect", "g_effect_bis"),
        "r_g": ("g", "g_effect"),
        "sigma": (),
    }
    assert list(fit.posterior["g"].values) == ["101", "102", "103", "104", "105", "106"]


def test_loo_reads_the_tree(fit: po.Fit) -> None:
    import arviz as az

    loo = az.loo(fit.tree, pointwise=True)

    density = fit.tree["log_likelihood"]["y"].values.reshape(-1, 30)
    in_sample = np.log(np.mean(np.exp(density), axis=0)).sum()
    assert loo.elpd < in_sample


def test_loaded_fit_answers_as_the_fresh_one(fit: po.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.nc")

    loaded = po.load(tmp_path / "fit.nc")

    assert repr(loaded) == repr(fit)
    new = pd.DataFrame({"x": [2.0], "g": [999]})
    np.testing.assert_array_equal(
        loaded.predict(new, groups="new", seed=3), fit.predict(new, groups="new", seed=3)
    )


def test_pooling_lies_between_own_and_complete_on_average(fit: po.Fit) -> None:
    table = fit.pooling("g").to_df()
    rows = table[(table["effect"] == "Intercept") & table["level"].isin(fit.posterior["g"].values)]

    moved = np.abs(rows["partial"] - rows["complete"]).mean()
    assert moved < np.abs(rows["own"] - rows["complete"]).mean()


@pytest.mark.parametrize("path", ["fit\0.nc", None, 3])
def test_what_is_no_path_is_refused_by_name(sleep_fit, path):
    writers = (sleep_fit.save, sleep_fit.report, sleep_fit.explore().save, po.load)

    for write in writers:
        with pytest.raises(FileError, match="this is no path of a file") as raised:
            write(path)
        assert repr(path) in raised.value.given


def test_the_posterior_is_one_line(sleep_fit):
    assert repr(sleep_fit.result) == (
        "<Posterior of Reaction ~ 1 + Days + (1 + Days | Subject): gaussian, 180 rows, "
        "4 chains x 1000 draws by the exact engine>"
    )
