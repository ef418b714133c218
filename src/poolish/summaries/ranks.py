"""League tables: the posterior of each group's rank, and which groups cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from poolish.errors import DataError, UnknownNameError, UnsupportedError
from poolish.frame import Table, read_table
from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects, select_group
from poolish.summaries.groups import count_rows
from poolish.summaries.moments import CI_PROB, describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.shares import has_response_shares
from poolish.summaries.standardised import standardised_means
from poolish.summaries.table import TableResult

type Better = Literal["better", "worse"]

# Values that are ranked; with more groups and draws, evenly spaced draws are taken.
_MOST_VALUES = 40_000_000
_FEWEST_DRAWS = 200
_CHANCES = ("p_best", "p_top", "p_bottom", "p_worse", "reliability")
_FORMATS: dict[str, Format] = {
    **dict.fromkeys(("n", "rank_lower", "rank_upper", "set"), "count"),
    **dict.fromkeys(("estimate", "sd", "lower", "upper"), "estimate"),
    **dict.fromkeys(("rank", *_CHANCES), "share"),
}


@dataclass(frozen=True, slots=True)
class _Values:
    """What is ranked: draws of each group's value, and of a typical group's."""

    name: str
    draws: np.ndarray
    typical: np.ndarray
    reliability: np.ndarray


def summarise_ranks(
    posterior: Posterior,
    group: str,
    *,
    effect: str | None = None,
    higher_is: Better = "better",
    top: int | None = None,
    reference: object = None,
    ci_prob: float = CI_PROB,
) -> TableResult:
    """Return the league table of a group's levels, best first, with the posterior of each rank.

    Parameters
    ----------
    posterior : Posterior
    group : str
    effect : str, optional
        The coefficient that is ranked; the group's first one when left out.
    higher_is : "better" or "worse"
        Rank 1 is the best.
    top : int, optional
        The `k` of `p_top` and `p_bottom`; a tenth of the groups, and at least 1, when left out.
    reference : "data" or data frame, optional
        Rank mean outcomes at this reference population instead of a coefficient: "data" for the
        rows that were fitted. Groups are compared at equal case mix.
    ci_prob : float
        Probability of the intervals, and of telling two groups apart.

    Returns
    -------
    TableResult
        `estimate` (posterior mean), sd and interval of the value; `rank` (posterior mean) and its
        interval; `p_best`, `p_top`, `p_bottom`; `p_worse`: the probability of being worse than a
        typical group; `reliability`: 1 - posterior variance over variance between groups; `set`:
        no group of a set is told from the set's first one, which is better than the first of the
        next set with probability `ci_prob` or more.

    Raises
    ------
    UnknownNameError
        If there is no such group, effect or direction.
    DataError
        If `top` is not a number of groups.
    UnsupportedError
        If mean outcomes are asked for where there are none.

    References
    ----------
    Goldstein & Spiegelhalter (1996), JRSS A 159(3), 385-443, section 4. doi:10.2307/2983325

    Laird & Louis (1989), Journal of Educational Statistics 14(1), 29-46, posterior mean ranks.
    doi:10.3102/10769986014001029

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit = poolish.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False)
    >>> list(fit.ranks("g", higher_is="worse", top=1).to_df()["level"])
    ['a', 'b', 'c']
    """
    _check_direction(higher_is)
    found = select_group(posterior, group)
    n_best = max(1, found.n_levels // 10) if top is None else top
    _check_top(n_best, found)
    values = _values(posterior, found, effect, reference)
    is_high_good = higher_is == "better"
    ranks = rank_draws(values.draws, is_high_good=is_high_good)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    tails = (0.5 - ci_prob / 2, 0.5 + ci_prob / 2)
    rank_lower, rank_upper = np.quantile(ranks, tails, axis=0, method="inverted_cdf")
    estimate = describe_draws(values.draws[None], ci_prob=ci_prob)
    good = values.draws if is_high_good else -values.draws
    typical = values.typical if is_high_good else -values.typical
    columns = {
        "level": np.array(found.group.levels),
        "n": count_rows(found),
        "estimate": estimate.pop("mean"),
        **estimate,
        "rank": ranks.mean(axis=0),
        "rank_lower": rank_lower,
        "rank_upper": rank_upper,
        "p_best": (ranks == 1).mean(axis=0),
        "p_top": (ranks <= n_best).mean(axis=0),
        "p_bottom": (ranks > found.n_levels - n_best).mean(axis=0),
        "p_worse": (good < typical[:, None]).mean(axis=0),
        "reliability": values.reliability,
    }
    frame = pd.DataFrame({name: column[order] for name, column in columns.items()})
    frame["set"] = part_in_sets(good[:, order], prob=ci_prob)
    return TableResult(
        frame,
        title=f"Ranks of {group} by {values.name}",
        caption=f"rank 1 is the {'highest' if is_high_good else 'lowest'}; top and bottom are of "
        f"{n_best}; worse than a typical group; {ci_prob:.0%} intervals; "
        "groups of one set are not told from its first",
        formats=_FORMATS,
    )


def rank_draws(values: np.ndarray, *, is_high_good: bool) -> np.ndarray:
    """Return the rank of each group in each draw, 1 the best.

    Parameters
    ----------
    values : ndarray, shape (sample, level)
    is_high_good : bool

    Examples
    --------
    >>> rank_draws(np.array([[3.0, 9.0, 5.0]]), is_high_good=True).tolist()
    [[3, 1, 2]]
    """
    order = np.argsort(-values if is_high_good else values, axis=1, kind="stable")
    ranks = np.empty(values.shape, dtype=np.int32)
    places = np.arange(1, values.shape[1] + 1, dtype=np.int32)
    np.put_along_axis(ranks, order, np.broadcast_to(places, values.shape), axis=1)
    return ranks


def part_in_sets(good: np.ndarray, *, prob: float) -> np.ndarray:
    """Return the number of each group's set, groups given best first.

    Parameters
    ----------
    good : ndarray, shape (sample, level)
        Values of which more is better.
    prob : float
        A new set starts at the first group that the set's first one beats with this probability.

    Returns
    -------
    ndarray of int, shape (level,)
    """
    n_levels = good.shape[1]
    numbers, first, number = np.zeros(n_levels, dtype=int), 0, 0
    while first < n_levels:
        number += 1
        beaten = (good[:, first : first + 1] > good[:, first:]).mean(axis=0) >= prob
        n_in_set = int(np.argmax(beaten)) if beaten.any() else n_levels - first
        numbers[first : first + n_in_set] = number
        first += n_in_set
    return numbers


def _values(
    posterior: Posterior, found: GroupEffects, effect: str | None, reference: object
) -> _Values:
    if reference is not None:
        return _standardised(posterior, found, effect, reference)
    names = found.group.effects
    _check_effect(found, effect)
    k = names.index(effect) if effect is not None else 0
    chosen = _chosen_draws(found)
    r = _collect(found, k, chosen)
    typical = found.population[..., k].reshape(-1)[chosen]
    share = r.var(axis=0) / np.square(found.sd[..., k]).mean()
    return _Values(names[k], r + typical[:, None], typical, np.clip(1.0 - share, 0.0, 1.0))


def _standardised(
    posterior: Posterior, found: GroupEffects, effect: str | None, reference: object
) -> _Values:
    _check_standardised(posterior, found, effect)
    table = None if isinstance(reference, str) else _as_table(reference)
    values, typical = standardised_means(posterior, found, table)
    centred = values - values.mean(axis=1, keepdims=True)
    between = np.square(centred).mean()
    share = centred.var(axis=0) / between if between > 0 else np.ones(found.n_levels)
    name = "mean outcome at the reference population"
    return _Values(name, values, typical, np.clip(1.0 - share, 0.0, 1.0))


def _as_table(reference: object) -> Table:
    return reference if isinstance(reference, Table) else read_table(reference)


def _chosen_draws(found: GroupEffects) -> np.ndarray:
    n_samples = found.sd.shape[0] * found.sd.shape[1]
    n_used = min(n_samples, max(_FEWEST_DRAWS, _MOST_VALUES // found.n_levels))
    return np.linspace(0, n_samples - 1, n_used).round().astype(int)


def _collect(found: GroupEffects, k: int, chosen: np.ndarray) -> np.ndarray:
    values = np.empty((len(chosen), found.n_levels))
    for levels, r in found.chunks():
        values[:, levels] = r[..., k].reshape(-1, len(levels))[chosen]
    return values


def _check_direction(higher_is: str) -> None:
    if higher_is not in ("better", "worse"):
        raise UnknownNameError(
            f"higher values are `better` or `worse`, not `{higher_is}`",
            given=f'higher_is="{higher_is}"',
            expected="`better` (rank 1 is the highest) or `worse` (rank 1 is the lowest)",
            fix='write `higher_is="worse"` for mortality and the like',
        )


def _check_top(top: int, found: GroupEffects) -> None:
    if not 1 <= top <= found.n_levels:
        raise DataError(
            f"`top` is a number of groups, and `{found.group.name}` has {found.n_levels}",
            given=f"top={top}",
            expected=f"a number from 1 to {found.n_levels}",
            fix="write, for example, `top=1`",
        )


def _check_effect(found: GroupEffects, effect: str | None) -> None:
    names = found.group.effects
    if effect is not None and effect not in names:
        raise UnknownNameError(
            f"`{effect}` is not an effect of group `{found.group.name}`",
            given=f'effect="{effect}"',
            expected=f"one of {', '.join(names)}",
            fix=f'write `effect="{names[0]}"`',
        )


def _check_standardised(posterior: Posterior, found: GroupEffects, effect: str | None) -> None:
    spec = posterior.spec
    is_main = found.predictor.parameter == spec.main.parameter
    if effect is None and is_main and has_response_shares(spec):
        return
    raise UnsupportedError(
        f"group `{found.group.name}` cannot be ranked by mean outcomes",
        given=f"reference= and effect={effect!r}, on `{found.predictor.parameter}`, "
        f"family {spec.family.name}",
        expected="a group of the main formula, an outcome that has a mean, and no `effect`",
        fix="leave out `reference`, or `effect`",
    )
