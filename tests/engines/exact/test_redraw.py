"""Group effects that are not stored are drawn again, bit for bit."""

import numpy as np
import pandas as pd
import pytest

from poolish.design import build_design
from poolish.engines.exact import fit, group_redraw, redraw_groups
from poolish.engines.exact.late import DRAWS_PER_TILE, LEVELS_PER_TILE
from poolish.engines.protocol import KEEP_GROUPS_BYTES, Plan
from poolish.errors import UnknownNameError
from poolish.formula import parse
from poolish.frame import read_table
from poolish.spec.build import build_spec

SEED = 5


@pytest.fixture(scope="module", params=["(x | g)", "(1 | g) + (1 | h)"])
def case(request):
    rng = np.random.default_rng(8)
    n_levels = LEVELS_PER_TILE + 60  # two tiles of levels
    data = pd.DataFrame({"g": np.repeat(np.arange(n_levels), 3)})
    data["h"] = rng.integers(0, 5, len(data))
    data["x"] = rng.normal(size=len(data))
    u = rng.normal(size=(n_levels, 2))[data["g"]]
    noise = rng.normal(scale=0.5, size=len(data))
    data["y"] = u[:, 0] + u[:, 1] * data["x"] + rng.normal(size=5)[data["h"]] + noise
    parsed = parse(f"y ~ x + {request.param}")
    design, _ = build_design(parsed, read_table(data), {})
    spec = build_spec(parsed, design)
    plan = {"draws": DRAWS_PER_TILE + 20, "chains": 2, "seed": SEED}
    kept = fit(spec, design, Plan(**plan, keep_groups=True))
    dropped = fit(spec, design, Plan(**plan, keep_groups=False))
    return spec, design, kept.posterior, dropped


def test_only_the_largest_group_is_left_out(case):
    _, _, kept, dropped = case

    assert set(kept) - set(dropped.posterior) == {"r_g"}
    assert any("made when asked for" in note for note in dropped.notes)


def test_everything_else_is_the_same(case):
    _, _, kept, dropped = case

    for name, values in dropped.posterior.items():
        assert np.array_equal(values, kept[name]), name


def test_all_draws_come_back_bit_for_bit(case):
    spec, design, kept, dropped = case

    again = redraw_groups(spec, design, dropped.posterior, SEED, "g")

    assert np.array_equal(again, kept["r_g"])


def test_parts_are_those_of_the_whole(case):
    spec, design, kept, dropped = case
    levels = np.array([LEVELS_PER_TILE + 7, 3, 0])
    draws = slice(DRAWS_PER_TILE - 4, DRAWS_PER_TILE + 5, 2)

    part = redraw_groups(spec, design, dropped.posterior, SEED, "g", draws=draws, levels=levels)

    assert np.array_equal(part, kept["r_g"][:, draws][:, :, levels])


def test_one_redraw_serves_many_parts(case):
    spec, design, kept, dropped = case

    effects = group_redraw(spec, design, dropped.posterior, SEED)

    for start in (0, 100):
        levels = np.arange(start, start + 2)
        assert np.array_equal(effects.draw(slice(0, 3), levels), kept["r_g"][:, :3, levels])


def test_another_group_is_refused(case):
    spec, design, _, dropped = case

    with pytest.raises(UnknownNameError, match="effects of `z` are not drawn again"):
        redraw_groups(spec, design, dropped.posterior, SEED, "z")


def test_correlations_of_one_are_drawn_too(case):
    spec, design, kept, dropped = case
    if "cor_g" not in dropped.posterior:  # the case without correlations
        return
    posterior = dict(dropped.posterior)
    posterior["cor_g"] = np.ones_like(posterior["cor_g"])

    again = redraw_groups(spec, design, posterior, SEED, "g", draws=slice(0, 2))

    ratio = posterior["sd_g"][:, :2, None, 1] / posterior["sd_g"][:, :2, None, 0]
    assert again[..., 1] == pytest.approx(again[..., 0] * ratio, abs=1e-6)
    assert again.shape == kept["r_g"][:, :2].shape


def test_groups_are_kept_up_to_the_stated_size(case):
    spec, *_ = case
    (group,) = [g for g in spec.main.groups if g.name == "g"]
    per_draw = len(group.levels) * len(group.effects) * 8
    fits = KEEP_GROUPS_BYTES // per_draw

    assert Plan(draws=fits, chains=1).keeps([group])
    assert not Plan(draws=fits + 1, chains=1).keeps([group])
    assert Plan(draws=fits + 1, chains=1, keep_groups=True).keeps([group])
