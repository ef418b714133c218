"""The printed fit, line by line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.posterior import with_group
from poolish.summaries import print_html, print_text

EXPECTED = """\
Reaction ~ 1 + Days + (1 + Days | Subject)          gaussian, identity link
180 observations; groups: Subject 18 (10 each)
nuts engine: 4 chains x 250 draws, seed 1, 0.1 s  (made by hand)
Sampling: sound. Largest Rhat 1.006, smallest ESS 744.

Population-level effects         estimate    sd    95% interval  Rhat  ESS bulk  ESS tail
  Intercept                         251.5   7.4  236.6 to 265.8  1.00     1,022     1,008
  Days                               10.4   1.7    6.9 to  13.9  1.00     1,033       990
Group-level effects, by Subject
  sd(Intercept)                      26.7   6.9    16.2 to 41.5  1.00       970       953
  sd(Days)                            6.5   1.5     4.1 to 10.1  1.00       904       900
  cor(Intercept, Days)               0.09  0.27   -0.46 to 0.59  1.00     1,066       992
Residual
  sigma                              25.9   1.6    23.1 to 29.3  1.00       972       877

Share of variance between groups (ICC, at Days = 0): Subject 0.50 (0.26 to 0.73)
Average pooling: Subject Intercept 0.26, Days 0.16 (0 = own data only, 1 = fully pooled)
Next: fit.check(), fit.ppc(), fit.plot.pooling(), fit.report("report.html")"""


def lines_of(posterior) -> list[str]:
    return print_text(posterior).splitlines()


def test_sleepstudy_prints_as_it_should(brms_sleep):
    assert print_text(brms_sleep) == EXPECTED


def test_interval_is_labelled_with_its_probability(brms_sleep):
    assert "50% interval" in print_text(brms_sleep, ci_prob=0.5)


def test_trouble_is_named_with_an_action(sleepstudy, rng):
    sigma = rng.exponential(size=(4, 300))
    sigma[0] += 50.0
    posterior = make_posterior("Reaction ~ Days", sleepstudy, {"sigma": sigma})

    lines = lines_of(posterior)

    assert lines[3].startswith("Sampling: do not use. R-hat of sigma is ")
    assert lines[4] == "  What to do: sample longer: double `tune` and `draws`."


def test_khat_notes_and_dropped_rows_are_told(brms_sleep):
    record = replace(brms_sleep.record, notes=("groups centered",), dropped_rows=("3", "7"))

    lines = lines_of(replace(brms_sleep, record=record))

    assert lines[1] == "180 observations (2 rows with missing values dropped); " + (
        "groups: Subject 18 (10 each)"
    )
    assert lines[4] == "Note: groups centered"


def test_many_coefficients_are_cut(rng):
    columns = {f"x{i}": rng.normal(size=60) for i in range(40)}
    data = pd.DataFrame({"y": rng.normal(size=60), **columns})
    posterior = make_posterior("y ~ " + " + ".join(columns), data)

    lines = lines_of(posterior)

    assert len(lines) <= 30
    assert any(line.strip() == "... 33 more: fit.summary()" for line in lines)


def test_models_of_every_kind_print(sleepstudy):
    data = sleepstudy.assign(slow=sleepstudy["Reaction"] > 300, half=sleepstudy["Days"] > 4)
    texts = [
        print_text(make_posterior(formula, data, family=family))
        for formula, family in [
            ("Reaction ~ 0 + Days", "gaussian"),
            ("slow ~ Days + (1 | Subject)", "bernoulli"),
            ("Reaction ~ half + (half | Subject) + (1 | Days)", "gaussian"),
            (["Reaction ~ 1 + (1 | Subject)", "sigma ~ Days + (1 | Subject)"], "gaussian"),
            ("Reaction ~ 1 + (1 | Subject)", "student"),
        ]
    ]

    assert "Share of variance" not in texts[0]
    assert "Share of variance between groups (ICC, link scale): Subject" in texts[1]
    assert "groups: Subject 18 (10 each), Days 10 (18 each)" in texts[2]
    assert "Group-level effects on sigma, by Subject" in texts[3]
    assert "Family parameters" in texts[4]


def test_constant_parameters_print(sleepstudy):
    draws = {"sigma": np.full((4, 50), 3.0)}

    text = print_text(make_posterior("Reaction ~ Days", sleepstudy, draws))

    assert "n/a" in next(line for line in text.splitlines() if "sigma" in line)


@pytest.mark.parametrize("name", ["<b>", "a & b"])
def test_html_is_escaped(sleepstudy, name):
    renamed = sleepstudy.rename(columns={"Subject": name})

    html = print_html(make_posterior(f"Reaction ~ 1 + (1 | `{name}`)", renamed))

    assert html.startswith("<pre>")
    assert name not in html


def test_effects_that_were_not_stored_are_left_out(brms_sleep):
    bare = with_group(brms_sleep, "posterior", brms_sleep.draws.drop_vars("r_Subject"))

    assert "Average pooling" not in print_text(bare)
