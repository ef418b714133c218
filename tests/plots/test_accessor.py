"""`fit.plot`: names, words, style."""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import pytest

from poolish.errors import UnknownNameError
from poolish.plots import PLOTS, Plots, make_figure, make_picture

LABELS = {
    "Reaction": {"label": "Reaction time", "unit": "ms"},
    "Days": {"label": "Sleep restriction", "unit": "days"},
}


def test_every_kind_is_a_method_that_can_be_listed(brms_sleep):
    plot = Plots(brms_sleep)

    assert set(PLOTS) <= set(dir(plot))
    assert "pooling" in repr(plot)
    assert plot.pooling.__doc__ == PLOTS["pooling"].__doc__


def test_an_unknown_kind_lists_the_kinds(brms_sleep):
    with pytest.raises(AttributeError, match=r"no picture `pie`; there are pooling"):
        _ = Plots(brms_sleep).pie
    with pytest.raises(UnknownNameError, match="there is no picture `pie`"):
        Plots(brms_sleep)("pie")


def test_axis_titles_carry_the_units_of_the_labels(brms_sleep):
    ax = Plots(brms_sleep).pooling(effect="Days", labels=LABELS)

    assert ax.get_xlabel() == "Slope on Sleep restriction: Reaction time (ms per day)"


def test_labels_of_the_fit_are_used_without_asking(sleep_fit):
    ax = sleep_fit.with_labels(LABELS).plot.effects()

    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Sleep restriction (days)", "Reaction time (ms)")


def test_settings_of_matplotlib_are_left_as_they_were(brms_sleep):
    before = matplotlib.rcParams.copy()

    Plots(brms_sleep).pooling()

    assert matplotlib.rcParams == before


def test_a_given_axes_is_drawn_on(brms_sleep):
    _, ax = plt.subplots()

    assert Plots(brms_sleep).variance(ax=ax) is ax
    with pytest.raises(UnknownNameError, match="several panels"):
        Plots(brms_sleep).check(ax=ax)


@pytest.mark.parametrize("kind", ["pooling", "caterpillar", "variance", "effects", "ppc"])
def test_every_picture_has_title_caption_and_alternative_text(brms_sleep, kind):
    picture = make_picture(brms_sleep, kind)

    words = [text.get_text().replace("\n", " ") for text in make_figure(picture).texts]
    assert picture.title in words
    assert picture.caption in words
    assert any(letter.isdigit() for letter in picture.alt)


@pytest.mark.parametrize("kind", ["pooling", "forest"])
def test_a_figure_to_be_saved_is_unknown_to_pyplot(brms_sleep, kind, tmp_path):
    before = plt.get_fignums()

    figure = make_figure(make_picture(brms_sleep, kind))

    figure.savefig(tmp_path / "a.png")
    assert plt.get_fignums() == before


def test_names_with_dollars_are_text_and_no_formula(sleepstudy):
    from tests.made_fits import make_posterior

    data = sleepstudy.assign(Subject="$" + sleepstudy["Subject"].astype(str) + "$ <b>")
    fit = make_posterior("Reaction ~ Days + (1 | Subject)", data)

    make_figure(make_picture(fit, "pooling")).canvas.draw()
    make_figure(make_picture(fit, "trajectories", at_most=3)).canvas.draw()


def test_the_figure_of_the_axes_can_be_saved(brms_sleep, tmp_path):
    ax = Plots(brms_sleep).pooling()

    ax.figure.savefig(tmp_path / "a.png")

    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
