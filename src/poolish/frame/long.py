"""Wide tables, one row a subject, as long ones, one row a visit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from poolish.errors import UnknownColumnError

_VISIT = re.compile(r"(?P<word>.*?)(?P<time>\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, repr=False)
class LongData:
    """A long table with an account of its visits.

    Parameters
    ----------
    data : pandas.DataFrame
        One row for each visit that took place.
    visits : pandas.DataFrame
        For each subject, the number of visits `present` and `missing`, and which are missing.
    """

    data: pd.DataFrame
    visits: pd.DataFrame

    def to_df(self) -> pd.DataFrame:
        """Return the long table."""
        return self.data.copy()

    def to_markdown(self) -> str:
        """Return the account, and the subjects who missed a visit, as Markdown."""
        head, *body = [[str(name) for name in self.visits], *self._incomplete()]
        rows = [head, ["---"] * len(head), *body]
        return "\n".join([repr(self), "", *(f"| {' | '.join(row)} |" for row in rows)])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(str(name))}</th>" for name in self.visits)
        rows = (
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._incomplete()
        )
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{''.join(rows)}</table>"

    def _incomplete(self) -> list[list[str]]:
        rows = self.visits[self.visits["missing"] > 0].to_numpy().tolist()
        return [[str(cell) for cell in row] for row in rows]

    def __repr__(self) -> str:
        complete = int((self.visits["missing"] == 0).sum())
        return (
            f"{len(self.data):,} visits of {len(self.visits):,} subjects, {complete:,} of them "
            f"complete; {int(self.visits['missing'].sum()):,} visits missing"
        )


def to_long(
    data: pd.DataFrame,
    *,
    id: str,
    time: str,
    value: str,
    columns: Sequence[str] | Mapping[str, object] | None = None,
) -> LongData:
    """Return a wide table as a long one, with an account of visits present and missing.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a subject.
    id : str
        The column of the subjects.
    time, value : str
        Names of the new columns.
    columns : sequence of str, or Mapping
        The columns of the visits, in order (times 0, 1, ...), or the time of each:
        `{"week0": 0, "week4": 4}`. Left out: the columns called by one word and a number, which is
        their time.

    Raises
    ------
    UnknownColumnError
        If a column does not exist, or it is not clear which ones are the visits.

    Examples
    --------
    >>> wide = pd.DataFrame({"id": ["a", "b"], "w0": [1.0, 2.0], "w4": [3.0, None]})
    >>> long = to_long(wide, id="id", time="week", value="y")
    >>> long
    3 visits of 2 subjects, 1 of them complete; 1 visits missing
    >>> long.visits
      id  present  missing which
    0  a        2        0
    1  b        1        1    w4
    >>> long.to_df()
      id  week    y
    0  a     0  1.0
    1  a     4  3.0
    2  b     0  2.0
    """
    times = _times(data, id) if columns is None else _stated(columns)
    for name in (id, *times):
        if name not in data.columns:
            raise UnknownColumnError(
                f"`{name}` is not a column of the table",
                given=f"columns {', '.join(map(str, data.columns))}",
                expected="the column of the subjects and those of the visits",
                fix="check the spelling",
            )
    others = [name for name in data.columns if name != id and name not in times]
    long = data.melt([id, *others], list(times), var_name=time, value_name=value)
    long[time] = long[time].map(times)
    absent = data[list(times)].isna()
    visits = pd.DataFrame(
        {
            id: data[id].to_numpy(),
            "present": (~absent).sum(axis=1).to_numpy(),
            "missing": absent.sum(axis=1).to_numpy(),
            "which": [", ".join(map(str, row.index[row])) for _, row in absent.iterrows()],
        }
    )
    kept = long.dropna(subset=[value]).sort_values([id, time], kind="stable", ignore_index=True)
    return LongData(kept, visits)


def _stated(columns: Sequence[str] | Mapping[str, object]) -> dict[str, object]:
    if isinstance(columns, Mapping):
        return dict(columns)
    return {name: k for k, name in enumerate(columns)}


def _times(data: pd.DataFrame, id: str) -> dict[str, object]:
    """Return the visits by their names, `week0`, `week4`: one word, then the time."""
    found: dict[str, dict[str, object]] = {}
    for name in data.columns:
        match = _VISIT.fullmatch(str(name)) if name != id else None
        if match:
            number = float(match["time"])
            time = int(number) if number.is_integer() else number
            found.setdefault(match["word"], {})[name] = time
    series = [times for times in found.values() if len(times) > 1]
    if len(series) != 1:
        raise UnknownColumnError(
            "it is not clear which columns are the visits",
            given=f"columns {', '.join(map(str, data.columns))}",
            expected="two columns or more called by one word and a number: `week0`, `week4`",
            fix='name them: `columns={"baseline": 0, "final": 12}`',
        )
    return series[0]
