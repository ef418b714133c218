"""Phylogenies: Newick text to the covariance of Brownian motion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poolish.errors import RelationError, Source
from poolish.relations.relation import Relation, check_labels

MAX_LENGTH = 50_000_000
_SHOWN = 40
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>\[[^\]]*\])|(?P<mark>[(),:;])"
    r"|(?P<quoted>'(?:[^']|'')*')|(?P<word>[^\s()\[\],:;']+)"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    stop: int


@dataclass(slots=True)
class _Node:
    """A node while the tree is read: its parent, name and branch length."""

    parent: int
    start: int
    label: str = ""
    length: float | None = None
    is_tip: bool = True


def newick_covariance(text: str) -> Relation:
    """Return the covariance between species under Brownian motion along a phylogeny.

    Parameters
    ----------
    text : str
        One tree in Newick form with a length on every branch: `((a:1,b:1):2,c:3);`. Polytomies,
        quoted labels and comments in brackets are read; underscores are kept; a length at the
        root is left out.

    Raises
    ------
    RelationError
        With the place in the text: if the tree cannot be read, a branch has no length or a
        negative one, or a tip has no label or another's.

    Notes
    -----
    The covariance of two tips is the length of the path they share from the root (Felsenstein
    1985, American Naturalist 125, 1-15, doi:10.1086/284325), as `ape::vcv.phylo` in R. Ultrametric
    trees have a constant diagonal, the height of the tree.

    Examples
    --------
    >>> newick_covariance("((a:1,b:1):2,c:3);").covariance
    array([[3., 2., 0.],
           [2., 3., 0.],
           [0., 0., 3.]])
    """
    nodes = _parse(text)
    tips = [index for index, node in enumerate(nodes) if node.is_tip]
    labels = tuple(nodes[index].label for index in tips)
    check_labels(labels, "tree")
    covariance = _shared_paths(nodes, tips)
    return Relation(
        labels,
        covariance,
        variances=np.diagonal(covariance).copy(),
        scaling=f"branch lengths; mean height of the tips {np.diagonal(covariance).mean():.6g}",
    )


def _shared_paths(nodes: list[_Node], tips: list[int]) -> np.ndarray:
    """Return the covariance: each branch adds its length to every pair of tips below it.

    Nodes are in the order of the text, so the tips below a node are a range.
    """
    first = np.searchsorted(tips, np.arange(len(nodes)))
    after = first + np.array([node.is_tip for node in nodes])
    for index in range(len(nodes) - 1, 0, -1):
        parent = nodes[index].parent
        after[parent] = max(after[parent], after[index])
    covariance = np.zeros((len(tips), len(tips)))
    for index, node in enumerate(nodes[1:], start=1):
        below = slice(first[index], after[index])
        covariance[below, below] += node.length or 0.0
    return covariance


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(text, at, "a quote or bracket is not closed", f"`{text[at]}`")
        kind = str(match.lastgroup)
        if kind not in ("space", "comment"):
            yield _Token(kind, match.group(), at, match.end())
        at = match.end()
    yield _Token("end", "", at, at)


def _error(text: str, at: int, problem: str, given: str) -> RelationError:
    start = max(0, at - _SHOWN)
    shown = text[start : at + _SHOWN].replace("\n", " ")
    return RelationError(
        f"the tree cannot be read at position {at}: {problem}",
        given=given,
        expected="a Newick tree with a length on every branch, `((a:1,b:1):2,c:3);`",
        fix="correct the text at the mark, or write the tree again with branch lengths",
        source=Source(shown, at - start, at - start + 1),
    )


def _parse(text: str) -> list[_Node]:
    """Return the nodes in the order of the text, the root first; no recursion, depth is free."""
    if len(text) > MAX_LENGTH:
        raise _error(text[:_SHOWN], 0, "the text is too long", f"{len(text)} characters")
    tokens = list(_tokens(text))
    nodes = [_Node(parent=-1, start=tokens[0].start)]
    at, index = 0, 0
    while True:
        at, index = _descend(text, tokens, at, nodes, index)
        at = _label_and_length(text, tokens, at, nodes[index])
        while tokens[at].text == ")" and tokens[at].kind == "mark" and nodes[index].parent >= 0:
            index = nodes[index].parent
            at = _label_and_length(text, tokens, at + 1, nodes[index])
        if nodes[index].parent < 0:
            return _finished(text, tokens, at, nodes)
        if not _is_mark(tokens[at], ","):
            raise _unexpected(text, tokens[at], "`,` or `)`")
        at += 1
        nodes.append(_Node(parent=nodes[index].parent, start=tokens[at].start))
        index = len(nodes) - 1


def _descend(
    text: str, tokens: list[_Token], at: int, nodes: list[_Node], index: int
) -> tuple[int, int]:
    """Return the place after the opening brackets, and the innermost first child."""
    while _is_mark(tokens[at], "("):
        nodes[index].is_tip = False
        nodes.append(_Node(parent=index, start=tokens[at + 1].start))
        at, index = at + 1, len(nodes) - 1
    if tokens[at].kind not in ("word", "quoted"):
        raise _unexpected(text, tokens[at], "a tip with a label")
    return at, index


def _label_and_length(text: str, tokens: list[_Token], at: int, node: _Node) -> int:
    if tokens[at].kind in ("word", "quoted"):
        node.label = _unquoted(tokens[at])
        at += 1
    if not _is_mark(tokens[at], ":"):
        if node.parent >= 0:
            name = f"`{node.label}`" if node.label else "an inner node"
            raise _error(
                text, tokens[at].start, "a branch has no length", f"{name} without `:length`"
            )
        return at
    node.length = _length(text, tokens[at + 1])
    return at + 2


def _length(text: str, token: _Token) -> float:
    try:
        length = float(token.text)
    except ValueError:
        raise _unexpected(text, token, "a branch length") from None
    if not 0.0 <= length < np.inf:
        raise _error(text, token.start, "a branch length must be 0 or more", f"`{token.text}`")
    return length


def _finished(text: str, tokens: list[_Token], at: int, nodes: list[_Node]) -> list[_Node]:
    if _is_mark(tokens[at], ";"):
        at += 1
    if tokens[at].kind != "end":
        raise _unexpected(text, tokens[at], "the end of the tree")
    return nodes


def _is_mark(token: _Token, mark: str) -> bool:
    return token.kind == "mark" and token.text == mark


def _unquoted(token: _Token) -> str:
    return token.text[1:-1].replace("''", "'") if token.kind == "quoted" else token.text


def _unexpected(text: str, token: _Token, wanted: str) -> RelationError:
    given = f"`{token.text}`" if token.text else "the end of the text"
    return _error(text, token.start, f"expected {wanted}", given)
