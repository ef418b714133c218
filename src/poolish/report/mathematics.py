"""Mathematics as MathML for browsers, as LaTeX for Markdown, and as a tree for typst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

TILDE = "\N{TILDE OPERATOR}"


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of mathematics.

    Parameters
    ----------
    kind : str
        `letter`, `word`, `sign`, `row`, `sub`, `sum`.
    text : str
        Of the first three.
    parts : tuple of Node
        Of the others.
    """

    kind: str
    text: str = ""
    parts: tuple[Node, ...] = ()


def letter(text: str) -> Node:
    """Return a variable, in italics."""
    return Node("letter", text)


def word(text: str) -> Node:
    """Return an upright name."""
    return Node("word", text)


def sign(text: str) -> Node:
    """Return an operator or a bracket."""
    return Node("sign", text)


def row(*parts: Node) -> Node:
    """Return pieces side by side."""
    return Node("row", parts=parts)


def sub(base: Node, index: Node) -> Node:
    """Return a letter with an index."""
    return Node("sub", parts=(base, index))


def joined(parts: list[Node], by: str) -> Node:
    """Return pieces with a sign between them."""
    filled = [piece for part in parts for piece in (sign(by), part)]
    return row(*filled[1:])


def call(name: Node, *arguments: Node) -> Node:
    """Return a name with arguments in brackets."""
    return row(name, sign("("), joined(list(arguments), ","), sign(")"))


def to_mathml(node: Node) -> str:
    """Return a formula as a MathML element.

    Examples
    --------
    >>> to_mathml(sub(letter("y"), letter("i")))
    '<math display="block"><msub><mi>y</mi><mi>i</mi></msub></math>'
    """
    return f'<math display="block">{_MATHML[node.kind](node)}</math>'


def to_latex(node: Node) -> str:
    r"""Return a formula as LaTeX.

    Examples
    --------
    >>> to_latex(row(sub(letter("y"), letter("i")), sign(TILDE), word("Normal")))
    '{y}_{i} \\sim \\mathrm{Normal}'
    """
    return _LATEX[node.kind](node)


def to_tree(node: Node) -> dict[str, object]:
    """Return a formula as plain values: `kind`, `text` and `parts`; of signs their spacing.

    Examples
    --------
    >>> to_tree(sign("="))
    {'kind': 'sign', 'text': '=', 'parts': [], 'class': 'relation'}
    """
    spacing = {"class": _SPACING.get(node.text, "normal")} if node.kind == "sign" else {}
    parts = [to_tree(part) for part in node.parts]
    return {"kind": node.kind, "text": node.text, "parts": parts, **spacing}


# The classes of TeX and typst, which decide the space around a sign.
_SPACING = {"=": "relation", TILDE: "relation", "+": "binary", "⋅": "binary",
            ",": "punctuation", "(": "opening", ")": "closing"}  # fmt: skip


def _mathml_row(node: Node) -> str:
    return f"<mrow>{''.join(_MATHML[part.kind](part) for part in node.parts)}</mrow>"


def _mathml_sub(node: Node) -> str:
    return f"<msub>{''.join(_MATHML[part.kind](part) for part in node.parts)}</msub>"


_MATHML: dict[str, Callable[[Node], str]] = {
    "letter": lambda node: f"<mi>{escape(node.text)}</mi>",
    "word": lambda node: f"<mtext>{escape(node.text)}</mtext>",
    # Brackets as high as the letters: nothing in them is higher.
    "sign": lambda node: f'<mo stretchy="false">{escape(node.text)}</mo>',
    "row": _mathml_row,
    "sub": _mathml_sub,
}

_SIGNS = {
    TILDE: r"\sim",
    "\N{MULTIPLICATION SIGN}": r"\times",
    "⋅": r"\cdot",
    "{": r"\{",
    "}": r"\}",
}
_LETTERS = {
    "μ": r"\mu",
    "\N{GREEK SMALL LETTER SIGMA}": r"\sigma",
    "β": r"\beta",
    "η": r"\eta",
    "Σ": r"\Sigma",
    "τ": r"\tau",
}
_SPECIAL = {mark: f"\\{mark}" for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # A dollar would end the formula in Markdown, angles could be read as HTML.
    "<": r"\lt{}",
    ">": r"\gt{}",
    "`": "'",
    "\n": " ",
    "\u2003": r"\quad{}",
    " ": "~",
}


def _latex_text(text: str) -> str:
    return "".join(_SPECIAL.get(mark, mark) for mark in text)


_LATEX: dict[str, Callable[[Node], str]] = {
    "letter": lambda node: _LETTERS.get(node.text, _latex_text(node.text)),
    "word": lambda node: f"\\mathrm{{{_latex_text(node.text)}}}",
    "sign": lambda node: _SIGNS.get(node.text, node.text),
    "row": lambda node: " ".join(to_latex(part) for part in node.parts),
    "sub": lambda node: "{" + to_latex(node.parts[0]) + "}_{" + to_latex(node.parts[1]) + "}",
}
