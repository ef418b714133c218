"""Wide tables, one row a subject, as long ones, one row a visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from poolish.errors import UnknownColumnError


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
    columns: Sequence[str] | Mapping[str, object],
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
        `{"week0": 0, "week4": 4}`.

    Raises
    ------
    UnknownColumnError
        If a column does not exist.

    Examples
    --------
    >>> wide = pd.DataFrame({"id": ["a", "b"], "w0": [1.0, 2.0], "w4": [3.0, None]})
    >>> to_long(wide, id="id", time="week", value="y", columns={"w0": 0, "w4": 4})
    3 visits of 2 subjects, 1 of them complete; 1 visits missing
    """
    times: dict[str, object] = (
        dict(columns)
        if isinstance(columns, Mapping)
        else {name: k for k, name in enumerate(columns)}
    )
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
