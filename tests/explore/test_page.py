"""The page: whole, closed to the network, and safe against hostile names."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from poolish.errors import FileError
from poolish.explore.demo import demo, read_demo
from poolish.explore.document import as_document
from poolish.explore.from_table import explore_table
from poolish.explore.page import embed_json

HOSTILE = '</script><script>alert("1")</script>'


class Elements(HTMLParser):
    """Collects tags with their attributes, and the text of script and style elements."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.inside = [], [], None

    def handle_starttag(self, tag, attrs):
        self.inside = (tag, dict(attrs))
        self.tags.append(self.inside)

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.texts.append((self.inside, data))


def parse(page):
    elements = Elements()
    elements.feed(page)
    return elements


def find_text(elements, tag, **attrs):
    kept = [text for (name, found), text in elements.texts if name == tag and found == attrs]
    return "".join(kept)


def test_the_data_come_back_from_the_page(schools_explorer):
    found = find_text(parse(schools_explorer.html), "script", type="application/json", id="data")

    assert json.loads(found) == as_document(schools_explorer.exploration)


def test_the_policy_allows_this_script_and_this_style_only(schools_explorer):
    elements = parse(schools_explorer.html)

    policy = next(a["content"] for t, a in elements.tags if "http-equiv" in a)
    script, style = find_text(elements, "script", type="module"), find_text(elements, "style")
    digests = [
        base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (script, style)
    ]
    assert policy == schools_explorer.policy
    assert policy.startswith("default-src 'none'; ")
    assert re.findall(r"'sha256-(.*?)'", policy) == digests
    assert "unsafe" not in policy


def test_nothing_on_the_page_points_elsewhere(schools_explorer):
    page = schools_explorer.html

    assert set(re.findall(r"https?://[^\s\"'`]+", page)) <= {"http://www.w3.org/2000/svg"}
    for _, attributes in parse(page).tags:
        assert not {"src", "href", "style", "srcset", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]


def test_hostile_names_stay_text():
    data = {"y": [1.0, 2.0, 4.0, 3.0], HOSTILE: [HOSTILE, HOSTILE, "b", "b"]}

    page = explore_table(data, "y", HOSTILE, title=HOSTILE).html

    assert "<script>alert" not in page
    assert [tag for tag, _ in parse(page).tags].count("script") == 2
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;") in page


def test_marks_of_html_are_escaped_in_json():
    text = embed_json({"<!--": "&</script>"})

    assert not set(text) & set("<>&")
    assert json.loads(text) == {"<!--": "&</script>"}


def test_the_same_exploration_makes_the_same_page(schools_explorer):
    assert schools_explorer.html == schools_explorer.html


def test_a_notebook_shows_the_page_in_a_frame(schools_explorer):
    [(tag, attributes)] = parse(schools_explorer._repr_html_()).tags

    assert tag == "iframe"
    assert attributes["srcdoc"] == schools_explorer.html


def test_saving_replaces_the_file_and_leaves_nothing_else(schools_explorer, tmp_path):
    path = tmp_path / "explore.html"
    path.write_text("old")

    schools_explorer.save(path)

    assert path.read_text(encoding="utf-8") == schools_explorer.html
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_named(schools_explorer, tmp_path):
    with pytest.raises(FileError, match=r"cannot write(?s:.*)make the folder"):
        schools_explorer.save(tmp_path / "none" / "explore.html")


def test_estimates_that_do_not_exist_are_null():
    data = {
        "y": [1.0, 2.0, 4.0, 3.0, 3.5, 3.0, 5.0],
        "x": [0, 1, 2, 0, 1, 2, 1],
        "g": list("aaabbbc"),
    }

    document = as_document(explore_table(data, "y", "g", predictor="x").exploration)

    assert document["effects"][1]["own"][2] is None
    assert document["effects"][1]["info"][2] is None
    assert document["selected"] == 0  # the smallest group that has a line of its own


def test_the_demonstration_is_sleepstudy_with_fewer_days(root, sleepstudy):
    rows = read_demo()

    shipped = root / "src" / "poolish" / "explore" / "demo.csv"
    original = root / "models" / "sleepstudy" / "data.csv"
    assert shipped.read_bytes() == original.read_bytes()
    assert len(rows["Reaction"]) == len(sleepstudy) - 35
    assert set(rows["Reaction"]) <= set(sleepstudy["Reaction"])


def test_the_demonstration_shows_all_that_can_be_shown():
    shown = demo().exploration

    assert shown.n_draws == 4000
    assert shown.plane is not None
    assert np.isnan(shown.effects[1].own).sum() == 1  # a subject of a single day
    assert "only the first days" in shown.note
