"""Effects with sparse precisions that a fit did not store, drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poolish as po
from poolish.engines.exact import redraw_groups, structure
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.prepare import prepare
from poolish.errors import UnknownNameError
from poolish.predict.groups import group_reader

REFERENCE = Path(__file__).parents[2] / "reference" / "genetics"
FORMULA = "y ~ sex + (1 | kin(id, ped)) + (1 | id)"


@pytest.fixture(scope="module", autouse=True)
def always_sparse() -> Iterator[None]:
    """Keep the small pedigree sparse, as a large one is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "MAX_SMALL", 0)
        yield


@pytest.fixture(scope="module")
def model() -> po.Model:
    rows = pd.read_csv(REFERENCE / "ped_pedigree.csv", dtype={"sire": str, "dam": str})
    ped = po.Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")
    data = pd.read_csv(REFERENCE / "ped_repeated.csv")
    return po.model(FORMULA, data, relations={"ped": ped})


@pytest.fixture(scope="module")
def unstored(model: po.Model) -> po.Fit:
    return model.fit(draws=50, chains=2, seed=3, engine="exact", keep_groups=False)


def test_effects_that_are_not_stored_are_noted(model: po.Model, unstored: po.Fit) -> None:
    assert isinstance(prepare(model.spec, model.design).likelihood, Precision)
    assert not [name for name in unstored.posterior if str(name).startswith("r_")]
    assert "draws of the effects of `id` are made when asked for" in unstored.result.record.notes


def test_parts_are_drawn_bit_for_bit_as_the_whole(unstored: po.Fit) -> None:
    result = unstored.result
    draws = {str(k): v.values for k, v in result.draws.items()}
    levels = np.array([0, 250, 17])

    whole = redraw_groups(result.spec, result.design, draws, 3, "id.ped")
    part = redraw_groups(
        result.spec, result.design, draws, 3, "id.ped", draws=slice(20, 30), levels=levels
    )

    assert whole.shape == (2, 50, 300, 1)
    np.testing.assert_array_equal(part, whole[:, 20:30, levels])
    read = group_reader(result, result.spec.main, result.spec.main.groups[0])(levels)
    np.testing.assert_array_equal(read, whole[:, :, levels])


def test_effects_drawn_again_have_the_moments_of_those_stored(
    model: po.Model, unstored: po.Fit
) -> None:
    stored = model.fit(draws=50, chains=2, seed=3, engine="exact", keep_groups=True)

    for name in ("id.ped", "id"):
        group = next(g for g in model.spec.main.groups if g.name == name)
        again = group_reader(unstored.result, model.spec.main, group)(np.arange(280))
        at_once = stored.posterior[f"r_{name}"].values[:, :, :280]
        sd = at_once.std(axis=(0, 1))
        gap = (again.mean(axis=(0, 1)) - at_once.mean(axis=(0, 1))) / sd
        # The difference of two means of 100 draws has sd 0.14.
        assert np.sqrt(np.mean(gap**2)) < 0.25
        assert (again.std(axis=(0, 1)) / sd).mean() == pytest.approx(1.0, abs=0.1)


def test_a_group_that_is_not_drawn_again_is_named(model: po.Model, unstored: po.Fit) -> None:
    draws = {str(k): v.values for k, v in unstored.posterior.items()}

    with pytest.raises(UnknownNameError, match=r"`id\.ped`, `id`, not stored"):
        redraw_groups(model.spec, model.design, draws, 3, "dam")
