"""The report in a browser that can reach no host."""

from __future__ import annotations

import shutil

import pytest

from poolish.report import render_html

playwright = pytest.importorskip("playwright.sync_api", reason="drives a browser")
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def open_page(browser, html, folder):
    """Return the page, what it complained of, and what it asked for beyond itself."""
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8")
    page, complaints, requests = browser.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_timeout(500)
    beyond = [url for url in requests if not url.startswith(("data:", file.as_uri(), "about:"))]
    return page, complaints, beyond


def test_the_report_opens_without_complaint_or_request(browser, sleep_page, tmp_path):
    page, complaints, beyond = open_page(browser, sleep_page, tmp_path)

    assert complaints == []
    assert beyond == []
    assert page.locator("section").count() == 14
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert len(widths) >= 10 and min(widths) > 100
    assert page.frame_locator("iframe").locator("h1").count() == 1


def test_hostile_names_run_nothing(browser, hostile, tmp_path):
    from poolish.report import build_report

    page, complaints, beyond = open_page(browser, render_html(build_report(hostile)), tmp_path)

    assert complaints == []
    assert beyond == []
    assert "<script>alert('x')</script>" in page.locator("body").inner_text()
