"""The explorer in a real browser, every host blocked: hands on the sliders, answers by NumPy."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.explore import answers

from poolish.explore.from_fit import explore_fit
from poolish.explore.from_table import explore_table
from poolish.explore.page import Explorer

Z95 = 1.959964
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if program is None:
        pytest.skip("chromium is not installed: the page is not tested here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open an explorer's page; at the end there were no console messages and no requests."""
    contexts, complaints = [], []

    def open_page(
        explorer: Explorer | str,
        *,
        width: int = 1200,
        motion: str = "reduce",
        scheme: str = "light",
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion=motion, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        path = tmp_path / "page.html"
        path.write_text(explorer if isinstance(explorer, str) else explorer.html, encoding="utf-8")
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(path.as_uri())
        complaints.remove(path.as_uri())
        if not isinstance(explorer, str):
            wait_until(page, "document.querySelector('#sentence').textContent")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def wait_until(page: Any, expression: str) -> None:
    """Wait until an expression holds; the page's policy forbids Playwright's own way."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never: {expression}")


def set_slider(page: Any, name: str, value: float) -> float:
    """Move a slider, and return the value that its steps allow."""
    return page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value;"
        " slider.dispatchEvent(new Event('input', {bubbles: true})); return +slider.value; }",
        value,
    )


def sentence(page: Any) -> str:
    return page.inner_text("#sentence").replace("\N{MINUS SIGN}", "-")


def interval(mean: float, sd: float, decimals: int = 1) -> str:
    low, high = mean - Z95 * sd, mean + Z95 * sd
    return f"(95 % interval {low:.{decimals}f} to {high:.{decimals}f})"


def school_answer(schools: pd.DataFrame, school: int, tau: float, scale: float, extra: int) -> str:
    """Return the sentence's numbers, from NumPy."""
    y, v = schools["y"].to_numpy(float), (scale * schools["sigma"].to_numpy(float)) ** 2
    v[school] /= 1 + extra
    mean, covariance = answers.pool(y, v, tau)
    sd = np.sqrt(np.diag(covariance))
    keep = tau**2 / (tau**2 + v[school])
    return (
        rf"The overall mean is {mean[0]:.1f} points. Partial pooling keeps {100 * keep:.0f} % "
        rf"\([a-z ]+\) of the distance between them, so the estimate is {mean[school + 1]:.1f} "
        rf"points {re.escape(interval(mean[school + 1], sd[school + 1]))}. A new school with no "
        rf"data: {mean[0]:.1f} points {re.escape(interval(mean[0], np.hypot(sd[0], tau)))}."
    )


def test_sliders_say_what_numpy_says(visit, schools, schools_explorer):
    page = visit(schools_explorer)

    tau = set_slider(page, "tau0", 10.4)
    assert re.search(school_answer(schools, 0, tau, 1.0, 0), sentence(page))
    scale = set_slider(page, "sigma", 0.5)
    assert re.search(school_answer(schools, 0, tau, scale, 0), sentence(page))
    page.select_option("#group", "2")
    extra = int(set_slider(page, "extra", 7))
    assert sentence(page).startswith("School C has 8 observations, and its own mean is -3.0")
    assert re.search(school_answer(schools, 2, tau, scale, extra), sentence(page))


def test_buttons_pool_completely_by_the_data_and_hardly(visit, schools, schools_explorer):
    page = visit(schools_explorer)
    y, v = schools["y"].to_numpy(float), schools["sigma"].to_numpy(float) ** 2

    page.click("#complete")
    assert "keeps 0 % (nothing)" in sentence(page)
    assert f"the estimate is {np.average(y, weights=1 / v):.1f} points" in sentence(page)
    page.click("#none")
    assert re.search(school_answer(schools, 0, 30.0, 1.0, 0), sentence(page))
    page.click("#choose")
    grid = np.linspace(0, 30, 241)
    density = answers.tau_density(y, v, grid)
    median = grid[np.searchsorted(density.cumsum(), 0.5)]
    assert re.search(school_answer(schools, 0, median, 1.0, 0), sentence(page))


def test_a_button_moves_smoothly_where_motion_is_welcome(visit, schools_explorer):
    page = visit(schools_explorer, motion="no-preference")

    page.click("#none")
    wait_until(page, "+document.querySelector('#tau0').value > 7")
    assert float(page.input_value("#tau0")) < 30
    wait_until(page, "+document.querySelector('#tau0').value === 30")


def test_every_group_and_a_new_one_have_a_row(visit, schools_explorer):
    page = visit(schools_explorer)

    rows = page.locator("#left .row text").all_text_contents()
    assert rows == [f"{name} (n = 1)" for name in "ABCDEFGH"]
    for mark in (".own", ".partial", ".own-bar", ".partial-bar"):
        assert page.locator(f"#left {mark}").count() == 8
    assert page.locator("#left .arrow").count() >= 5
    assert page.locator("#left .complete").count() == page.locator("#left .fresh").count() == 1
    assert page.locator("#left > text.end").last.text_content() == "a new school"


def test_estimates_against_tau_and_its_density_are_drawn(visit, schools_explorer):
    page = visit(schools_explorer)

    assert page.locator("#right polyline.curve").count() == 2 * 8  # estimates and their sds
    assert page.locator("#right .density").count() == 1
    page.mouse.click(*middle_of(page, "#right"))
    assert 12 < float(page.input_value("#tau0")) < 18
    page.locator("#left .row").nth(4).click()
    assert sentence(page).startswith("School E has 1 observation")


def middle_of(page: Any, selector: str) -> tuple[float, float]:
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    # The middle of the axis of tau, between the curves of the sd and the density.
    return box["x"] + (58 + box["width"] - 12) / 2, box["y"] + 345


def test_your_fit_and_what_if_are_told_apart(visit, brms_sleep):
    page = visit(explore_fit(brms_sleep, labels={"Reaction": {"label": "Time", "unit": "ms"}}))
    estimate = brms_sleep.draws["b"].sel(coef="Intercept") + brms_sleep.draws["r_Subject"].sel(
        Subject="308", Subject_effect="Intercept"
    )
    low, high = np.quantile(estimate, [0.025, 0.975])
    mean = float(estimate.mean())

    said = f"Your fit's estimate is {mean:.1f} ms (95 % interval {low:.1f} to {high:.1f})"
    assert said in sentence(page)
    assert "Your fit: estimates and intervals are those of its 1,000 posterior draws" in mode(page)
    assert "τ in the draws of your fit" in page.locator("#right .title").all_text_contents()
    set_slider(page, "sigma", 20)
    assert "Your fit" not in sentence(page)
    assert "Partial pooling keeps" in sentence(page)
    assert mode(page).startswith("What if: ")
    assert (
        "How likely each τ is, given the data" in page.locator("#right .title").all_text_contents()
    )
    page.check("#mode-base")
    assert said in sentence(page)
    assert mode(page).startswith("Your fit: ")


def mode(page: Any) -> str:
    return " ".join(page.inner_text("#mode").split())


def test_lines_and_plane_agree_with_the_mixed_model(visit, sleepstudy):
    explorer = explore_table(sleepstudy, "Reaction", "Subject", predictor="Days")
    page = visit(explorer)
    page.check("[name=view][value='2']")

    tau = [set_slider(page, "tau0", 30), set_slider(page, "tau1", 6)]
    rho, sigma = set_slider(page, "rho", 0.3), set_slider(page, "sigma", 20)
    cross = rho * tau[0] * tau[1]
    T = np.array([[tau[0] ** 2, cross], [cross, tau[1] ** 2]])
    Z = np.column_stack([np.ones(180), sleepstudy["Days"]])
    mu, deviation = answers.mixed_model(
        sleepstudy["Reaction"].to_numpy(), Z, sleepstudy["Subject"].factorize()[0], T, sigma
    )
    a, b = mu + deviation[0]
    decimals = [page_decimals(explorer, k) for k in (0, 1)]
    assert f"The overall line has intercept {mu[0]:.{decimals[0]}f}" in sentence(page)
    assert (
        f"Partial pooling gives it intercept {a:.{decimals[0]}f} and slope {b:.{decimals[1]}f}."
        in sentence(page)
    )
    assert page.locator("#right .ellipse").count() == 3
    assert page.locator("#right .own").count() == page.locator("#right .partial").count() == 18
    assert page.locator("#left .point").count() == 10
    for line in (".own-line", ".partial-line", ".complete"):
        assert page.locator(f"#left {line}").count() == 1
    assert not page.locator("#simulation").is_visible()


def page_decimals(explorer: Explorer, k: int) -> int:
    from poolish.explore.document import as_document

    return as_document(explorer.exploration)["effects"][k]["decimals"]


def test_the_ellipse_of_95_percent_stays_inside_at_first(visit, brms_sleep):
    page = visit(explore_fit(brms_sleep))
    page.check("[name=view][value='2']")

    corners = page.locator("#right .ellipse").last.get_attribute("points").split()
    points = np.array([corner.split(",") for corner in corners], float)
    frame = page.locator("#right > svg")
    size = [float(frame.get_attribute(name)) for name in ("width", "height")]
    assert (points > 0).all() and (points < size).all()


def test_a_point_of_the_plane_selects_its_line(visit, sleepstudy):
    page = visit(explore_table(sleepstudy, "Reaction", "Subject", predictor="Days"))
    page.check("[name=view][value='2']")

    page.locator("#right .row .partial").nth(1).click()

    assert sentence(page).startswith("Subject 309 has 10 observations")
    assert "309 (n = 10)" in page.locator("#right .strong").text_content()


def test_the_simulation_counts_two_hundred_data_sets(visit, schools_explorer):
    page = visit(schools_explorer)
    set_slider(page, "tau0", 0)

    page.click("#simulate")

    wins = [int(page.inner_text(f"#wins-{name}")) for name in ("own", "partial", "complete")]
    assert sum(wins) == 200
    assert wins[2] > wins[0]
    assert re.search(
        rf"When τ is 0.0 points, complete pooling came closest to the truth in {wins[2]} of 200",
        page.inner_text("#verdict"),
    )


def test_all_of_it_works_by_keyboard_alone(visit, sleepstudy):
    page = visit(explore_table(sleepstudy, "Reaction", "Subject", predictor="Days"))
    reached = []

    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert reached[:9] == [
        *("view", "mode-base", "tau0", "sigma", "extra", "group", "complete", "choose", "none"),
    ]
    assert reached[9] == "simulate"

    before = sentence(page)
    page.locator("#tau0").focus()
    page.keyboard.press("ArrowRight")
    assert sentence(page) != before
    assert mode(page).startswith("What if: ")
    page.locator("#group").focus()
    page.keyboard.press("ArrowDown")
    assert sentence(page).startswith("Subject 309")
    page.locator("#complete").focus()
    page.keyboard.press("Enter")
    assert "keeps 0 %" in sentence(page)
    page.locator("[name=view]:checked").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("#right .ellipse").count() == 3
    page.locator("#mode-whatif").focus()
    page.keyboard.press("ArrowLeft")
    assert mode(page).startswith("Your data: ")


def test_the_sentence_is_announced_once_things_rest(visit, schools_explorer):
    page = visit(schools_explorer)

    set_slider(page, "tau0", 12)
    wait_until(page, "document.querySelector('#announce').textContent.includes('What if')")

    assert page.get_attribute("#announce", "aria-live") == "polite"
    assert page.inner_text("#sentence") in page.locator("#announce").inner_text()
    assert page.get_attribute("#tau0", "aria-valuetext") == "12.0 points"


@pytest.mark.parametrize("width", [500, 360])
def test_narrow_pages_do_not_scroll_sideways(visit, brms_sleep, width):
    page = visit(explore_fit(brms_sleep), width=width)

    for view in "012":
        page.check(f"[name=view][value='{view}']")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # All at once: the charts may be drawn again between two questions.
        ends = page.evaluate("""
            [...document.querySelectorAll("#charts text")].map(text => text.getBoundingClientRect())
              .filter(box => box.width > 0).map(box => [box.left, box.right])
        """)
        assert len(ends) > 10
        assert all(left >= -1 and right <= width + 1 for left, right in ends)


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_colour_scheme(visit, schools_explorer, scheme, dark):
    page = visit(schools_explorer, scheme=scheme)

    for selector, attribute in (("body", "backgroundColor"), ("#left .own", "stroke")):
        colours = page.locator(selector).first.evaluate(
            f"(node) => [getComputedStyle(node).{attribute}, getComputedStyle(document.body).color]"
        )
        shade, text = ([int(c) for c in re.findall(r"\d+", colour)[:3]] for colour in colours)
        assert (sum(text) > 384) is dark
        assert contrast(shade, [21, 24, 28] if dark else [255, 255, 255]) >= (
            1 if selector == "body" else 3
        )


def contrast(first: list[int], second: list[int]) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: list[int]) -> float:
        s = np.array(colour) / 255
        linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted([luminance(first), luminance(second)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_frame_in_a_notebook_is_as_high_as_its_page(visit, schools_explorer):
    page = visit(f"<!DOCTYPE html><body>{schools_explorer._repr_html_()}</body>")
    inside = page.frame_locator("iframe")

    inside.locator("#left .row").first.wait_for()
    wait_until(page, "parseInt(document.querySelector('iframe').style.height) > 0")
    needed = inside.locator("html").evaluate("(node) => node.scrollHeight")
    given = page.locator("iframe").bounding_box()["height"]
    assert needed <= given <= needed + 4
    before = given
    inside.locator("#simulate").click()
    wait_until(page, f"document.querySelector('iframe').clientHeight > {before}")


def test_many_groups_show_the_telling_ones(visit):
    rng = np.random.default_rng(2)
    data = {"y": rng.normal(size=300), "g": np.repeat(np.arange(100), 3)}
    page = visit(explore_table(data, "y", "g"))

    assert 26 <= page.locator("#left .row").count() <= 40
    page.select_option("#group", "57")
    assert page.locator("#left .row.chosen text").text_content() == "57 (n = 3)"
    assert "show 40 of the 100 groups at most" in page.inner_text(".note")


def test_hostile_names_are_shown_as_text(visit):
    name = '<img src=x onerror="alert(1)">'
    data = {"y": [1.0, 2.0, 4.0, 3.0], name: [name, name, "b", "b"]}
    page = visit(explore_table(data, "y", name))

    assert page.locator("img").count() == 0
    assert page.locator("#group option").first.inner_text() == name
    assert name in sentence(page)
