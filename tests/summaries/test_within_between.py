"""Within and between effects, against the draws and against ordinary regressions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import REFERENCE, make_posterior

import poolish
from poolish.errors import UnsupportedError
from poolish.summaries.within_between import summarise_within_between


@pytest.fixture(scope="module")
def pupils() -> pd.DataFrame:
    """Return 40 schools of 10: effect 2 within, -1 between."""
    rng = np.random.default_rng(12)
    school = np.repeat(np.arange(40), 10)
    centre = rng.normal(size=40)
    x = centre[school] + rng.normal(size=400)
    mean = pd.Series(x).groupby(school).transform("mean").to_numpy()
    kind = np.where(school % 2, "a", "b")
    y = 2.0 * (x - mean) - mean + 0.5 * rng.normal(size=40)[school] + rng.normal(size=400)
    return pd.DataFrame(
        {"y": y, "x": x, "school": school, "size": (centre + 5.0)[school], "kind": kind}
    )


def test_effects_and_their_difference_are_those_of_the_draws(pupils):
    formula = "y ~ within(x, school) + between(x, school) + (1 | school)"
    posterior = make_posterior(formula, pupils)
    b = posterior.draws["b"].values

    frame = summarise_within_between(posterior).frame

    assert list(frame["effect"]) == ["within", "between", "contextual"]
    expected = [b[..., 1].mean(), b[..., 2].mean(), (b[..., 2] - b[..., 1]).mean()]
    np.testing.assert_allclose(frame["estimate"], expected)


def test_a_fit_finds_both_effects_and_says_that_they_differ(pupils):
    formula = "y ~ within(x, school) + between(x, school) + (1 | school)"
    fit = poolish.fit(formula, pupils, seed=1, progress=False)

    frame = fit.within_between().to_df().set_index("effect")

    # Least squares on deviations is the within effect of a balanced design.
    deviation = pupils["x"] - pupils.groupby("school")["x"].transform("mean")
    slope = (deviation @ pupils["y"]) / (deviation @ deviation)
    assert frame.loc["within", "estimate"] == pytest.approx(slope, abs=0.02)
    assert frame.loc["contextual", "upper"] < 0
    assert frame.loc["contextual", "meaning"].endswith("a clear difference")
    assert "the mean of school one higher, x itself the same" in frame.loc["contextual", "meaning"]


def test_products_have_simple_slopes(pupils):
    formula = (
        "y ~ within(x, school) * size + within(x, school):kind + kind + between(x, school)"
        " + (1 | school)"
    )
    posterior = make_posterior(formula, pupils)
    b = posterior.draws["b"].sel(coef="within(x, school)")
    product = posterior.draws["b"].sel(coef="within(x, school):size")
    size = pupils["size"]

    frame = summarise_within_between(posterior).frame

    slopes = frame[frame["effect"].str.startswith("within, at size")]["estimate"]
    values = size.mean() + np.array([-1, 0, 1]) * size.std()
    np.testing.assert_allclose(slopes, [float((b + product * v).mean()) for v in values])
    assert frame["effect"].str.startswith("within, at kind[b] =").sum() == 2


@pytest.fixture(scope="module")
def radon() -> tuple[pd.DataFrame, dict]:
    data = pd.read_csv(REFERENCE / "lme4" / "data" / "radon.csv")
    return data, json.loads((REFERENCE / "performance" / "slopes.json").read_text())


def fit_flat(formula: str, data: pd.DataFrame) -> poolish.Fit:
    """Return a fit whose coefficients have flat priors, as those of REML."""
    flat = {"b": "flat()", "Intercept": "flat()"}
    return poolish.fit(formula, data, priors=flat, seed=1, progress=False)


def hold_to_reml(found: pd.DataFrame, estimate: list[float], se: list[float]) -> None:
    """A tenth of an sd holds the error of 4,000 draws (a sixtieth) and the uncertainty of sds."""
    np.testing.assert_array_less(
        np.abs(found["estimate"].to_numpy() - np.array(estimate)), 0.1 * found["sd"].to_numpy()
    )
    np.testing.assert_allclose(found["sd"], se, rtol=0.1)


def test_simple_slopes_of_a_cross_level_interaction_are_those_of_emtrends(radon):
    data, expected = radon
    fit = fit_flat("log_radon ~ floor * log_uranium + (1 | county)", data)

    table = fit.slopes(
        "floor", condition={"log_uranium": expected["crossed"]["at"]}, meaning="conditional"
    )

    hold_to_reml(table.to_df(), expected["crossed"]["slope"], expected["crossed"]["se"])


def test_within_effects_at_values_of_a_county_are_those_of_emtrends(radon):
    data, expected = radon
    formula = (
        "log_radon ~ within(floor, county) * log_uranium + between(floor, county) + (1 | county)"
    )

    frame = fit_flat(formula, data).within_between().to_df()

    at = frame[frame["effect"].str.startswith("within, at log_uranium")]
    hold_to_reml(at, expected["split"]["slope"], expected["split"]["se"])


def test_within_between_and_contextual_effects_are_those_of_lme4(radon):
    data, expected = radon
    formula = (
        "log_radon ~ within(floor, county) + between(floor, county) + log_uranium + (1 | county)"
    )

    frame = fit_flat(formula, data).within_between().to_df()

    references = [expected[name] for name in ("within", "between", "contextual")]
    assert list(frame["effect"]) == ["within", "between", "contextual"]
    hold_to_reml(frame, [r["estimate"] for r in references], [r["se"] for r in references])


def test_formulas_without_the_split_are_refused(brms_sleep):
    with pytest.raises(UnsupportedError, match="no predictor of this model is split"):
        summarise_within_between(brms_sleep)
