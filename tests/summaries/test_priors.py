"""The priors table."""

from __future__ import annotations

import pytest
from scipy import stats
from tests.made_fits import make_posterior

from poolish.summaries import tabulate_priors


@pytest.fixture(scope="module")
def frame(sleepstudy):
    priors = {"b": "normal(0, 10)", "sd_Subject[Days]": "half_normal(5)"}
    spec = make_posterior("Reaction ~ Days + (Days | Subject)", sleepstudy, priors=priors).spec
    return tabulate_priors(spec).frame.set_index("parameter")


def test_every_parameter_has_a_row(frame):
    assert list(frame.index) == [
        "b[Intercept]",
        "b[Days]",
        "sd_Subject[Intercept]",
        "sd_Subject[Days]",
        "cor_Subject",
        "sigma",
    ]


def test_range_is_what_the_prior_implies(frame):
    expected = stats.norm(0, 10).interval(0.95)
    half = stats.halfnorm(scale=5).interval(0.95)

    assert list(frame.loc["b[Days]", ["lower", "upper"]]) == pytest.approx(expected)
    assert list(frame.loc["sd_Subject[Days]", ["lower", "upper"]]) == pytest.approx(half)


def test_source_says_what_was_stated(frame):
    assert frame.loc["b[Days]", "source"] == "stated as b"
    assert frame.loc["sigma", "source"] == "default"
    assert frame.loc["b[Intercept]", "source"] == "default, at average predictors"
