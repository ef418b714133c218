"""Random formulas: expressions as values, right sides as text."""

import hypothesis.strategies as st

from poolish.formula import Binary, Call, Name, Number, Text, Unary

TOKENS = (
    *("y", "x", "a.b", ".", "`my col`", "`", '"b"', "'", "0", "1", "2", "1.5", "1e3", "1e999", "é"),
    *("~", "+", "-", "*", "/", "^", "**", ":", "%in%", "|", "||", "(", ")", ",", "=", "==", "\n"),
    *("log(", "I(", "C(", "poly(", "offset(", "gr(", "kin(", "mm(", "cbind(", "trials(", "trunc("),
    *("cov=", "by=", "lb=", "df=", "ref=", "sum", "treatment(", "sigma", "$", "\t", " ", "lag("),
)

letters = st.sampled_from("abcdefgh")
names = st.one_of(
    letters,
    st.sampled_from(
        ["log", "Intercept", "a.b", ".x", "my col", "1st", "_z", "é", ".", "x-y", "TRUE"]
    ),
    st.text(st.characters(exclude_characters="`\n", exclude_categories=["Cs"]), min_size=1),
).map(Name)
numbers = st.floats(0, allow_infinity=False, allow_nan=False).map(abs).map(Number)


def expressions():
    """Return a strategy of arithmetic and calls over columns."""
    return st.recursive(st.one_of(names, numbers), _compound, max_leaves=12)


def _compound(inner):
    return st.one_of(
        st.builds(Unary, st.sampled_from("+-"), inner),
        st.builds(Binary, st.sampled_from("+-*/^"), inner, inner),
        st.builds(Call, st.sampled_from(["log", "exp", "I"]), st.tuples(inner)),
        st.builds(Call, st.just("within"), st.tuples(inner, names)),
        st.builds(Call, st.just("factor"), st.tuples(names), _reference()),
    )


def _reference():
    quoted = st.text(st.characters(exclude_characters='"\n', exclude_categories=["Cs"])).map(Text)
    return st.tuples(st.tuples(st.just("ref"), quoted))


atoms = st.one_of(
    letters, letters, st.sampled_from(["I(x^2)", "poly(x, 2)", "`my col`", "C(f, sum)"])
)


def _products(inner):
    joined = st.tuples(inner, st.sampled_from([":", "*", "/", " %in% "]), inner).map("".join)
    added = st.builds("({}{}{})".format, inner, st.sampled_from([" + ", " - "]), inner)
    squared = st.builds("({} + v + w + {})^2".format, atoms, inner)
    return st.one_of(joined, added, squared)


terms = st.recursive(atoms, _products, max_leaves=6)
groupings = st.sampled_from(["g", "g:h", "g/h", "g/h/k", "gr(g, cov=K)", "kin(g, K)", "mm(g, h)"])
bars = st.sampled_from(["|", "||", "|p|"])
effects = st.one_of(st.just("1"), terms, terms.map("0 + w + {}".format))
groups = st.builds("({} {} {})".format, effects, bars, groupings)
addends = st.one_of(terms, terms, groups, st.sampled_from(["1", "0", "offset(log(n))"]))
right_sides = st.lists(addends, min_size=1, max_size=6).map(" + ".join)
left_sides = st.sampled_from(
    [
        *("y", "log(y)", "y | trials(n)", "cbind(s, n - s)", "cbind(s, f) | weights(w)"),
        *("y | se(v) + weights(w)", "y | cens(status, y2) + trunc(0, ub=9)", "-y / 2"),
    ]
)
formulas = st.builds("{} ~ {}".format, left_sides, right_sides)
parameters = st.sampled_from(["", "\nsigma ~ x + (1 |p| g)", "\nzi ~ 0 + x\nsigma ~ 1"])
systems = st.builds("{}{}".format, formulas, parameters)
