"""Models compared by how well they predict what they have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from scipy.special import softmax

from poolish.errors import DataError
from poolish.summaries.loo import GOOD_K, LooResult
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

# Sivula, Magnusson, Matamoros & Vehtari (2020): with a difference below 4 the normal
# approximation of its distribution is poor, and the models predict alike anyway.
_SMALL = 4.0

_FORMATS: dict[str, Format] = {
    **dict.fromkeys(("elpd", "elpd_diff", "se_diff", "p", "weight"), "share"),
    "n_doubtful": "count",
}


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Models, the best first.

    Parameters
    ----------
    table : TableResult
        Columns `model`, `elpd`, `elpd_diff` and `se_diff` (to the first), `p`, `weight`
        (stacking), `n_doubtful` (units with a high Pareto k).
    sentence : str
        What it means.
    """

    table: TableResult
    sentence: str

    def to_df(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.to_df()

    def to_markdown(self) -> str:
        """Return table and sentence as Markdown."""
        return f"{self.table.to_markdown()}\n\n{self.sentence}"

    def __repr__(self) -> str:
        return f"{self.table!r}\n{self.sentence}"

    def _repr_html_(self) -> str:
        return f"{self.table._repr_html_()}<p>{escape(self.sentence)}</p>"


def compare_loo(results: Mapping[str, LooResult]) -> Comparison:
    """Return the comparison of leave-one-out results of the same data.

    Parameters
    ----------
    results : Mapping of str to LooResult
        By the name of the model.

    Raises
    ------
    DataError
        If there are fewer than two, or they are of different data or left out different units.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), section 5.2, for the difference and its standard error;
    Yao, Vehtari, Simpson & Gelman (2018), Using stacking to average Bayesian predictive
    distributions, Bayesian Analysis 13(3), 917-1007, equation 8. doi:10.1214/17-BA1091
    """
    _check_same(results)
    order = sorted(results, key=lambda name: -results[name].elpd)
    pointwise = {name: results[name].pointwise["elpd"].to_numpy() for name in order}
    gaps = {name: pointwise[name] - pointwise[order[0]] for name in order}
    n_units = len(gaps[order[0]])
    frame = pd.DataFrame(
        {
            "model": order,
            "elpd": [results[name].elpd for name in order],
            "elpd_diff": [gaps[name].sum() for name in order],
            "se_diff": [np.sqrt(n_units * gaps[name].var(ddof=1)) for name in order],
            "p": [results[name].p for name in order],
            "weight": stacking_weights(np.column_stack(list(pointwise.values()))),
            "n_doubtful": [len(results[name].doubtful) for name in order],
        }
    )
    unit = results[order[0]].left_out
    title = f"Comparison: leave one {'row' if unit == 'row' else f'level of {unit}'} out"
    caption = "elpd: higher is better; differences to the first model; weights by stacking"
    return Comparison(TableResult(frame, title, caption, _FORMATS), _say(frame))


def stacking_weights(elpd: np.ndarray) -> np.ndarray:
    """Return the weights that maximise the sum of log of the mixed predictive densities.

    Parameters
    ----------
    elpd : ndarray, shape (unit, model)

    Examples
    --------
    >>> stacking_weights(np.log([[0.5, 0.5], [0.25, 0.25]])).tolist()
    [0.5, 0.5]
    """
    density = np.exp(elpd - elpd.max(axis=1, keepdims=True))

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        w = softmax(np.append(free, 0.0))
        mixed = density @ w
        by_weight = (density / mixed[:, None]).mean(axis=0)
        return -float(np.log(mixed).mean()), -(w * (by_weight - by_weight @ w))[:-1]

    from scipy.optimize import minimize

    found = minimize(loss, np.zeros(elpd.shape[1] - 1), jac=True, method="L-BFGS-B")
    return np.asarray(softmax(np.append(found.x, 0.0)))


def _say(frame: pd.DataFrame) -> str:
    best, second = frame.iloc[0], frame.iloc[1]
    gap, se = -second["elpd_diff"], second["se_diff"]
    numbers = f"elpd difference {gap:.1f}, se {se:.1f}"
    doubt = (
        f" Pareto k is above {GOOD_K} for some units: see `fit.loo()` before relying on this."
        if frame["n_doubtful"].any()
        else ""
    )
    if gap < _SMALL or gap < 2 * se:
        return (
            f"No clear difference between `{best['model']}` and `{second['model']}` ({numbers}): "
            f"choose by purpose, not by this number.{doubt}"
        )
    return f"`{best['model']}` predicts better than `{second['model']}` ({numbers}).{doubt}"


def _check_same(results: Mapping[str, LooResult]) -> None:
    if len(results) < 2:
        raise DataError(
            "a comparison needs two models or more",
            given=f"{len(results)}",
            expected='fits by name, `{"a": fit_a, "b": fit_b}`',
            fix="add another fit of the same data",
        )
    (name, first), *others = results.items()
    for other, result in others:
        if result.left_out != first.left_out or len(result.pointwise) != len(first.pointwise):
            problem = "leave out different units"
        elif result.response != first.response or not np.array_equal(result.y, first.y):
            problem = "are fits to different data"
        else:
            continue
        raise DataError(
            f"`{name}` and `{other}` {problem}",
            given=f"{len(first.pointwise)} units of `{first.response}` and "
            f"{len(result.pointwise)} of `{result.response}`",
            expected="the same outcomes in the same rows",
            fix="fit both to the same rows (a row missing in one is dropped from both) and to the "
            "same outcome: a transformed one has another density",
        )
