from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolish.errors import RelationError
from poolish.relations import newick_covariance


def test_the_covariance_is_the_shared_path_from_the_root() -> None:
    relation = newick_covariance("((a:2,b:3):1,c:4);")

    assert relation.labels == ("a", "b", "c")
    np.testing.assert_array_equal(relation.covariance, [[3, 1, 0], [1, 4, 0], [0, 0, 4]])


def test_the_primates_share_their_paths() -> None:
    # The tree in the manual of R's ape (`compar.gee`); shared heights read off it by hand.
    tree = "((((Homo:0.21,Pongo:0.21):0.28,Macaca:0.49):0.13,Ateles:0.62):0.38,Galago:1.00);"

    K = newick_covariance(tree).covariance

    expected = np.array(
        [
            [1.00, 0.79, 0.51, 0.38, 0.00],
            [0.79, 1.00, 0.51, 0.38, 0.00],
            [0.51, 0.51, 1.00, 0.38, 0.00],
            [0.38, 0.38, 0.38, 1.00, 0.00],
            [0.00, 0.00, 0.00, 0.00, 1.00],
        ]
    )
    np.testing.assert_allclose(K, expected, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "((a:2,b:3):1,c:4)",
        " ( ( a : 2 , b : 3 ) : 1 ,\n c : 4 ) ; ",
        "((a:2,b:3)inner:1,c:4)root:7;",
        "((a:2,b:3)0.98:1,c:4.0e0);",
        "((a[comment (with, marks)]:2,b:3):1[&rate=1],c:4);",
        "(('a':2,b:3):1,c:4);",
    ],
)
def test_spelling_does_not_matter(text: str) -> None:
    relation = newick_covariance(text)

    assert relation.labels == ("a", "b", "c")
    np.testing.assert_array_equal(relation.covariance, [[3, 1, 0], [1, 4, 0], [0, 0, 4]])


def test_quoted_labels_may_hold_anything() -> None:
    relation = newick_covariance("('Homo sapiens':1,'it''s (odd), really':1,under_score:1);")

    assert relation.labels == ("Homo sapiens", "it's (odd), really", "under_score")


def test_polytomies_and_single_children_are_read() -> None:
    relation = newick_covariance("((a:1,b:1,c:1):1,((d:1):0.5):0.5);")

    expected = np.eye(4)
    expected[:3, :3] += 1
    expected[3, 3] = 2
    np.testing.assert_array_equal(relation.covariance, expected)


def test_a_single_tip_is_a_tree() -> None:
    np.testing.assert_array_equal(newick_covariance("(a:2);").covariance, [[2.0]])


def test_a_deep_tree_needs_no_recursion() -> None:
    depth = 5000
    text = "(" * depth + "a:1" + "):1" * (depth - 1) + ");"

    np.testing.assert_array_equal(newick_covariance(text).covariance, [[float(depth)]])


@given(seed=st.integers(0, 10_000), n=st.integers(2, 30))
def test_any_tree_agrees_with_walking_to_the_root(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [(f"t{i}", {f"t{i}": [0.0]}) for i in range(n)]  # text, and branches above each tip
    while len(parts) > 1:
        i, j = sorted(rng.choice(len(parts), 2, replace=False))
        (left, up_left), (right, up_right) = parts[i], parts.pop(j)
        a, b = rng.integers(0, 20, 2) / 4
        paths = {t: [*p, (left, a)] for t, p in up_left.items()}
        paths |= {t: [*p, (right, b)] for t, p in up_right.items()}
        parts[i] = (f"({left}:{a},{right}:{b})", paths)
    text, paths = parts[0]

    relation = newick_covariance(text + ";")

    for i, s in enumerate(relation.labels):
        for j, t in enumerate(relation.labels):
            shared = set(paths[s][1:]) & set(paths[t][1:])
            assert relation.covariance[i, j] == pytest.approx(sum(length for _, length in shared))


@pytest.mark.parametrize(
    "text, message",
    [
        ("((a:1,b):1,c:2);", "at position 7: a branch has no length\n"),
        ("((a:1,b:1),c:2);", "at position 10: a branch has no length\n"),
        ("((a:1,b:1):1,c:2;", "at position 16: expected `,` or `)`"),
        ("((a:1,b:1):1,c:2));", "at position 17: expected the end of the tree"),
        ("((a:1,b:1):1,:2);", "at position 13: expected a tip with a label"),
        ("((a:1,b:x):1,c:2);", "at position 8: expected a branch length"),
        ("((a:1,b:):1,c:2);", "at position 8: expected a branch length"),
        ("((a:1,b:-1):1,c:2);", "a branch length must be 0 or more"),
        ("((a:1,b:nan):1,c:2);", "a branch length must be 0 or more"),
        ("((a:1,'b:1):1,c:2);", "at position 6: a quote or bracket is not closed"),
        ("((a:1,a:1):1,c:2);", "duplicate labels"),
        ("(a:1,b:1);(c:1,d:1);", "at position 10: expected the end of the tree"),
        ("", "expected a tip with a label"),
        ("   ", "expected a tip with a label"),
        ("(a:1,", "expected a tip with a label"),
        ("(a:1 b:1);", "at position 5: expected `,` or `)`"),
    ],
)
def test_a_tree_that_cannot_be_read_names_the_place(text: str, message: str) -> None:
    with pytest.raises(RelationError, match=re.escape(message)):
        newick_covariance(text)


def test_the_error_marks_the_place_in_a_long_tree() -> None:
    text = "(" + ",".join(f"t{i}:1" for i in range(100)) + ",bad,z:1);"

    with pytest.raises(RelationError) as caught:
        newick_covariance(text)

    shown, mark = str(caught.value).split("\n")[1:3]
    assert shown[mark.index("^") - 4 : mark.index("^")] == ",bad"


def test_an_absurdly_long_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolish.relations.newick.MAX_LENGTH", 10)

    with pytest.raises(RelationError, match="the text is too long"):
        newick_covariance("(aaaaa:1,bbbbb:1);")
