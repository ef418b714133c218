"""The effect of a predictor within groups and between them, and their difference."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format, count_decimals, format_interval, format_number
from poolish.summaries.table import TableResult

_WITHIN = re.compile(r"within\((?P<inside>.+)\)")
_FORMATS: dict[str, Format] = dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate")

# Predictor, effect, what it means, draws of shape (chain, draw).
type _Row = tuple[str, str, str, np.ndarray]


def summarise_within_between(posterior: Posterior, *, ci_prob: float = CI_PROB) -> TableResult:
    """Return the effect of each predictor within groups, between groups, and their difference.

    For formulas with `within(x, g)` and `between(x, g)`.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    TableResult
        `effect`: `within`, `between`, `contextual` (between - within: what the group's mean adds
        for two members with the same x), and for a product `within(x, g):z` the within effect at
        values of `z` (simple slopes: mean and one sd to each side; 0 and 1 of an indicator).
        `meaning` says it in words.

    Raises
    ------
    UnsupportedError
        If no predictor of the main formula is split into both parts.

    References
    ----------
    Mundlak (1978), Econometrica 46(1), 69-85. doi:10.2307/1913646

    Bell, Fairbrother & Jones (2019), Quality & Quantity 53, 1051-1074, equations 1 to 3.
    doi:10.1007/s11135-018-0802-x

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "x": [0, 1, 2, 1, 3, 5],
    ...                      "g": list("aabbcc")})
    >>> formula = "y ~ within(x, g) + between(x, g) + (1 | g)"
    >>> fit = poolish.fit(formula, data, seed=1, progress=False)
    >>> list(fit.within_between().to_df()["effect"])
    ['within', 'between', 'contextual']
    """
    rows = list(_rows(posterior))
    _check_found(posterior, rows)
    described = describe_draws(np.stack([draws for *_, draws in rows], axis=2), ci_prob=ci_prob)
    frame = pd.DataFrame([row[:2] for row in rows], columns=["predictor", "effect"])
    frame = frame.assign(estimate=described.pop("mean"), **described)
    frame["meaning"] = [
        _in_words(text, values)
        for (_, _, text, _), values in zip(rows, _records(frame), strict=True)
    ]
    return TableResult(
        frame,
        title="Effects within and between groups",
        caption=f"{ci_prob:.0%} equal-tailed intervals; contextual = between - within",
        formats=_FORMATS,
    )


def _rows(posterior: Posterior) -> Iterator[_Row]:
    spec = posterior.spec.main
    if not spec.coefs:
        return
    b = posterior.draws[spec.variable("b")].values
    for place, coef in enumerate(spec.coefs):
        found = _WITHIN.fullmatch(coef)
        partner = f"between({found['inside']})" if found else ""
        if found is None or partner not in spec.coefs:
            continue
        predictor, group = (part.strip() for part in found["inside"].rsplit(",", 1))
        within, between = b[..., place], b[..., spec.coefs.index(partner)]
        yield predictor, "within", f"{predictor} one higher than the mean of its {group}", within
        yield predictor, "between", f"a {group} whose mean of {predictor} is one higher", between
        text = f"the mean of {group} one higher, {predictor} itself the same"
        yield predictor, "contextual", text, between - within
        yield from _simple_slopes(posterior, coef, predictor, group, within)


def _simple_slopes(
    posterior: Posterior, coef: str, predictor: str, group: str, within: np.ndarray
) -> Iterator[_Row]:
    """Yield the within effect at values of each variable it has a product with."""
    spec, X = posterior.spec.main, posterior.design.main.X
    b = posterior.draws[spec.variable("b")].values
    for place, name in enumerate(spec.coefs):
        other = _other_factor(name, coef)
        if other not in spec.coefs:
            continue
        for value in _values_of(X[:, spec.coefs.index(other)]):
            text = f"{predictor} one higher than the mean of its {group}, at {other} = {value:.3g}"
            label = f"within, at {other} = {value:.3g}"
            yield predictor, label, text, within + b[..., place] * value


def _other_factor(name: str, coef: str) -> str:
    """Return the factor that a product has beside `coef`, empty where it is no such product."""
    if name.startswith(f"{coef}:"):
        return name.removeprefix(f"{coef}:")
    return name.removesuffix(f":{coef}") if name.endswith(f":{coef}") else ""


def _values_of(column: np.ndarray) -> list[float]:
    if set(np.unique(column)) <= {0.0, 1.0}:
        return [0.0, 1.0]
    mean, sd = float(column.mean()), float(column.std(ddof=1))
    return [mean - sd, mean, mean + sd]


def _records(frame: pd.DataFrame) -> list[dict[str, float]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _in_words(text: str, values: dict[str, float]) -> str:
    decimals = count_decimals(values["sd"])
    interval = format_interval(values["lower"], values["upper"], decimals)
    has_zero = values["lower"] <= 0.0 <= values["upper"]
    clear = "no clear difference" if has_zero else "a clear difference"
    estimate = format_number(values["estimate"], decimals)
    return f"{text}: {estimate} ({interval}), {clear}"


def _check_found(posterior: Posterior, rows: list[_Row]) -> None:
    if rows:
        return
    raise UnsupportedError(
        "no predictor of this model is split into its parts within and between groups",
        given=f"coefficients {', '.join(posterior.spec.main.coefs) or '(none)'}",
        expected="`within(x, g)` and `between(x, g)` in the formula",
        fix="write, for example, `y ~ within(x, g) + between(x, g) + (1 | g)`",
    )
