"""The report: its sections, its bytes, and what it does not do."""

from __future__ import annotations

import base64
import re
import sys

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior
from tests.report.conftest import HOSTILE

from poolish.errors import FileError
from poolish.relations import as_relation
from poolish.report import build_report, render_html, render_markdown, write_report
from poolish.report.blocks import (
    Figure,
    Formulae,
    Frame,
    Items,
    Report,
    Section,
    Table,
    Text,
    Verdict,
)
from poolish.report.mathematics import call, letter, row, sign, sub, word

IDS = [
    "answer", "verdict", "model", "data", "priors", "population", "variance", "groups",
    "trajectories", "predictive", "loo", "sampling", "methods", "reproduce",
]  # fmt: skip


def test_every_section_is_there_in_order(sleep_report, sleep_page):
    assert [section.id for section in sleep_report.sections] == IDS
    assert re.findall(r'<section id="(\w+)">', sleep_page) == IDS


def test_relatives_without_records_are_reported_with_their_heritability():
    K = as_relation((0.5 * np.eye(9) + 0.5, list("abcdefghi")))
    y, x = [1.0, 2.0, 4.0, 3.0, 2.5], [0.0, 1.0, 2.0, 1.5, 0.2]
    data = pd.DataFrame({"y": y, "x": x, "id": list("beehi")})
    fit = make_posterior("y ~ x + (1 | kin(id, K))", data, relations={"K": K})

    report = build_report(fit)

    blocks = next(section for section in report.sections if section.id == "variance").blocks
    assert [b.title for b in blocks if isinstance(b, Table)][1] == "Heritability: id"
    assert any("known covariance of 9 levels" in b.alt for b in blocks if isinstance(b, Figure))


def test_the_page_loads_nothing(sleep_page):
    addresses = re.findall(
        r"""(?:src|href|action|poster|data)\s*=\s*["']?([^"'\s>]+)""", sleep_page
    )

    assert addresses
    assert all(a.startswith(("data:image/", "#")) for a in addresses)
    assert "@import" not in sleep_page and "url(" not in sleep_page


def test_the_policy_forbids_everything_that_is_not_in_the_page(sleep_page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', sleep_page)

    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; img-src data:;")
    assert "unsafe" not in policy[1] and "http" not in policy[1] and "*" not in policy[1]


def test_the_same_fit_gives_the_same_bytes(brms_sleep, sleep_page):
    assert render_html(build_report(brms_sleep)) == sleep_page


def test_pictures_hold_no_date_and_stay_small(sleep_report):
    figures = [b for s in sleep_report.sections for b in s.blocks if isinstance(b, Figure)]

    assert len(figures) >= 10
    for figure in figures:
        assert b"<dc:date>" not in figure.content
        assert figure.kind == "png" or len(figure.content) <= 300_000
        assert figure.alt


def test_the_answer_states_the_slope_and_its_interval(sleep_report, brms_sleep):
    text = sleep_report.sections[0].blocks[0].text

    slope = brms_sleep.draws["b"].values[..., 1]
    low, high = np.quantile(slope, [0.025, 0.975])
    assert f"by {slope.mean():.1f} (95% interval {low:.1f} to {high:.1f})" in text


def test_the_answer_compares_a_level_with_the_first_one(rng):
    data = pd.DataFrame({"y": rng.normal(size=24), "arm": ["old", "new"] * 12,
                         "g": np.repeat(list("abcdef"), 4)})  # fmt: skip
    data["arm"] = pd.Categorical(data["arm"], ["old", "new"])
    labels = {"y": {"label": "Pain", "unit": "points"}, "arm": {"label": "Treatment"}}
    fit = make_posterior("y ~ arm + (1 | g)", data, size=(4, 60))

    text = build_report(fit, labels=labels).sections[0].blocks[0].text

    assert text.startswith("Treatment new against old changes the mean of Pain by ")
    assert re.search(r"by -?[\d.]+ points \(95% interval", text)
    assert re.search(r"differ in Intercept with sd [\d.]+ points \(95%", text)


def test_the_verdict_names_sampling_fit_and_priors(sleep_report):
    box = sleep_report.sections[1].blocks[0]

    assert isinstance(box, Verdict)
    assert [name for name, _ in box.items] == ["Sampling", "Fit", "Prior sensitivity"]


def test_the_explorer_is_inside_and_its_script_is_allowed(sleep_report, sleep_page):
    frames = [b for s in sleep_report.sections for b in s.blocks if isinstance(b, Frame)]

    script = re.search(r"script-src ('sha256-[^']+')", frames[0].policy)
    assert script is not None
    assert script[1].replace("'", "&#39;") in sleep_page


def test_hostile_names_stay_text(hostile):
    report = build_report(hostile)
    page, markdown = render_html(report), render_markdown(report)

    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert "y<b>" not in re.sub(r'srcdoc="[^"]*"', "", page)
    outside_code = "\n".join(li for li in markdown.splitlines() if not li.startswith("    "))
    assert "<script" not in outside_code and "<img" not in outside_code


@pytest.mark.parametrize(
    "formula, family",
    [
        ("counts ~ dose + (1 | g)", "poisson"),
        ("event ~ dose + (1 | g)", "bernoulli"),
        ("event | trials(n) ~ x + (1 | g)", "binomial"),
        ("rating ~ x + (1 | g)", "cumulative"),
        ("positive ~ x", "gamma"),
        (["y ~ x + (x || g)", "sigma ~ x"], "gaussian"),
        ("y ~ x + (1 | g) + (1 | h)", "student"),
    ],
)
def test_every_family_has_a_report(formula, family, tmp_path):
    rng = np.random.default_rng(4)
    n = 60
    data = pd.DataFrame(
        {
            "counts": rng.poisson(2, n), "event": rng.integers(0, 2, n), "n": np.full(n, 3),
            "rating": pd.Categorical(rng.integers(1, 4, n), ordered=True),
            "positive": rng.gamma(2.0, 1.0, n), "y": rng.normal(size=n), "x": rng.normal(size=n),
            "dose": np.tile(["low", "high"], n // 2), "g": np.repeat(list("abcdef"), n // 6),
            "h": np.tile(list("uvw"), n // 3),
        }
    )  # fmt: skip
    # Draws are those of the prior here: narrow ones, so that nothing overflows.
    priors = {"b": "normal(0, 0.3)"} | ({"sd": "exponential(5)"} if "|" in str(formula) else {})
    posterior = make_posterior(formula, data, family=family, priors=priors, size=(4, 50))

    report = build_report(posterior)

    assert {"answer", "model", "population", "predictive", "reproduce"} <= {
        section.id for section in report.sections
    }
    write_report(report, tmp_path / "report.html")


def test_markdown_has_the_same_sections_and_its_pictures(sleep_report):
    text = render_markdown(sleep_report)

    assert re.findall(r"^## (.+)$", text, re.M) == [s.title for s in sleep_report.sections]
    picture = re.search(r"data:image/svg\+xml;base64,([^)]+)\)", text)
    assert picture is not None
    assert b"<svg" in base64.b64decode(picture[1])


def test_an_unknown_ending_is_refused_before_any_work(sleep_fit, tmp_path):
    with pytest.raises(FileError, match=r"there is no report of the kind `.docx`"):
        sleep_fit.report(tmp_path / "report.docx")


def test_a_folder_that_is_not_there_is_named(sleep_report, tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        write_report(sleep_report, tmp_path / "nowhere" / "report.html")


def test_pdf_is_written_and_the_same_each_time(sleep_report, tmp_path):
    pytest.importorskip("typst", reason="an extra, poolish[pdf]")
    for name in ("a.pdf", "b.pdf"):
        write_report(sleep_report, tmp_path / name)

    first, second = ((tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first.startswith(b"%PDF")
    assert first == second


def test_names_that_are_typst_code_stay_text_in_a_pdf(tmp_path):
    pytest.importorskip("typst", reason="an extra, poolish[pdf]")
    name = '#panic("no") $x'
    line = row(sub(word(name), letter("i")), sign("="), call(word(name), word("`a`")))
    blocks = (Formulae((line,)), Text(f"{name} `{name}` and `odd"), Items((name,)))
    report = Report(name, name, (Section("a", name, blocks),))

    write_report(report, tmp_path / "a.pdf")

    # Read as code, it would have stopped typst.
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_a_picture_higher_than_a_page_stays_below_its_heading_in_a_pdf(tmp_path):
    pytest.importorskip("typst", reason="an extra, poolish[pdf]")
    tall = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="300"/>'
    report = Report("a", "b", (Section("a", "Groups", (Figure("svg", tall, "tall"),)),))

    write_report(report, tmp_path / "a.pdf")

    pages = re.search(rb"/Type\s*/Pages\b.*?/Count (\d+)", (tmp_path / "a.pdf").read_bytes(), re.S)
    assert pages is not None
    assert pages[1] == b"1"


def test_pdf_without_typst_says_what_to_install(sleep_report, tmp_path, monkeypatch):
    from poolish.errors import UnsupportedError

    monkeypatch.setitem(sys.modules, "typst", None)

    with pytest.raises(UnsupportedError, match="a PDF needs the package `typst`"):
        write_report(sleep_report, tmp_path / "report.pdf")
