"""The explorer's page: one HTML file with everything in it, and no way out."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from poolish.errors import FileError, as_path
from poolish.explore.document import as_document
from poolish.explore.payload import Exploration
from poolish.explore.rows import round_up

_SCRIPTS = ("pooling.js", "charts.js", "explore.js")
_STYLE = "explore.css"
_TEMPLATE = "page.html"
# Until the script of a frame has measured its page; what a notebook that runs no scripts shows.
_FRAME_HEIGHT = 900


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Explorer:
    """A page on which shrinkage can be explored by hand.

    Parameters
    ----------
    exploration : Exploration
        The numbers it shows.
    """

    exploration: Exploration

    @property
    def html(self) -> str:
        """Return the page: one HTML document that asks nothing of any network."""
        return render_page(self.exploration)

    @property
    def policy(self) -> str:
        """Return the content security policy of the page, for a document that frames it."""
        return content_policy(_script(), _read(_STYLE))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file; an older file of that name stays until the new one is whole.

        Parameters
        ----------
        path : str or path
            Conventionally `NAME.html`.

        Raises
        ------
        FileError
            If the folder does not exist or cannot be written to.
        """
        write_page(self.html, as_path(path))

    def __repr__(self) -> str:
        shown = self.exploration
        nouns = " and ".join(f"{effect.words.noun}s" for effect in shown.effects)
        return (
            f"Explorer: {len(shown.groups)} groups of {shown.group}, {nouns}; "
            '`.save("explore.html")` writes the page'
        )

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.exploration.title)}" '
            f'width="100%" height="{_FRAME_HEIGHT}" frameborder="0"></iframe>'
        )


def render_page(exploration: Exploration) -> str:
    """Return the page of an exploration."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("poolish.explore", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, style = _script(), _read(_STYLE)
    document = as_document(exploration)
    return environment.get_template(_TEMPLATE).render(
        data=document,
        json=Markup(embed_json(document)),  # no `<` is left in it
        script=Markup(script),
        style=Markup(style),
        policy=content_policy(script, style),
        sigma_unit=round_up(exploration.sigma),
    )


def content_policy(script: str, style: str) -> str:
    """Return a content security policy that allows this script, this style, and nothing else."""
    allowed = [f"'sha256-{_digest(text)}'" for text in (script, style)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; "
        "base-uri 'none'; form-action 'none'"
    )


def embed_json(document: object) -> str:
    r"""Return JSON that may stand in a script element: no `<`, `>` or `&` in it.

    Examples
    --------
    >>> embed_json({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"})


def _script() -> str:
    return "\n".join(_read(name) for name in _SCRIPTS)


def _read(name: str) -> str:
    return resources.files("poolish.explore").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_page(html: str, path: Path) -> None:
    """Write a page to a file, whole or not at all.

    Raises
    ------
    FileError
        If the folder does not exist or cannot be written to.
    """
    target = path.resolve()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            draft = Path(folder) / target.name
            draft.write_text(html, encoding="utf-8", newline="\n")
            os.replace(draft, target)
    except OSError as error:
        raise FileError(
            f"cannot write `{path}`",
            given="a folder" if target.is_dir() else str(error),
            expected="the name of a file, in a folder that exists and can be written to",
            fix="choose another name, or make the folder; no file was changed",
        ) from error
