"""The models of the gallery: complete, honest about their data, and right."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolish.cli.source import read_source
from poolish.studies.gallery import EXPECTED_FILE, read_data, read_models
from poolish.studies.gallery_page import render_page
from poolish.studies.verify import compare_estimates, estimate_quantities, read_expected

ROOT = Path(__file__).parents[1] / "models"
MODELS = read_models(ROOT)
MAX_DATA_BYTES = 200_000

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
# NUTS compiles for longer than the other engines sample.
each_fit = pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, marks=pytest.mark.slow if model.sample.get("engine") == "nuts" else ())
        for model in MODELS
    ],
    ids=[model.name for model in MODELS],
)


def test_the_page_of_models_is_up_to_date():
    assert (ROOT / "README.md").read_text() == render_page(MODELS), "run `poolish models page`"


@each_model
def test_a_model_is_complete(model):
    page = (model.folder / "README.md").read_text()
    frame = read_data(model)

    assert model.name == model.folder.name
    assert model.keywords
    assert model.data_file.stat().st_size <= MAX_DATA_BYTES
    assert set(model.labels) <= set(frame.columns)
    for part in ("**Question.**", "**Data.**", "**What to notice.**", "**Exercise.**"):
        assert part in page
    assert (model.folder / EXPECTED_FILE).is_file()


@each_fit
def test_a_model_gives_its_expected_answers(model):
    source = read_source(str(model.folder), None)

    fit = source.build().fit(**source.sample, progress=False)

    expected = read_expected(model.folder / EXPECTED_FILE)
    outcome = compare_estimates(expected, estimate_quantities(fit.result))
    assert outcome.is_met, str(outcome)


def test_the_answers_of_eight_schools_are_those_of_quadrature():
    # The mean integrated analytically, the spread by quadrature: tests/reference/brms/README.md,
    # "a direct quadrature over tau agrees", given to three decimals.
    exact = {"b[Intercept]": (7.433, 4.340), "sd_school[Intercept]": (3.606, 3.227)}

    expected = read_expected(ROOT / "eight_schools" / EXPECTED_FILE)

    for name, (mean, sd) in exact.items():
        assert expected[name].mean == pytest.approx(mean, abs=4 * expected[name].mcse + 0.0005)
        assert expected[name].sd == pytest.approx(sd, rel=0.02)
