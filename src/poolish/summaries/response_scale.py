"""Groups on the scale of the response: the mean outcome of each at average predictors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy import special

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.effects import normal_factor
from poolish.summaries.effects import GroupEffects
from poolish.summaries.groups import count_rows
from poolish.summaries.moments import describe_draws
from poolish.summaries.numbers import Format
from poolish.summaries.own_estimates import OwnEstimates, complete_coefs
from poolish.summaries.places import Place, PlaceDraws, place_draws
from poolish.summaries.shares import has_response_shares
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = {
    "n": "count",
    **dict.fromkeys(
        ("own", "own_lower", "own_upper", "partial", "sd", "lower", "upper", "complete"), "estimate"
    ),
}
EFFECT = "mean at average predictors"


def pool_responses(
    posterior: Posterior, found: GroupEffects, own: OwnEstimates, *, ci_prob: float
) -> TableResult:
    """Return own, partial and complete pooling of the mean outcome of each group.

    For an average row of the data (one trial, one unit), other groups being typical.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
    own : OwnEstimates
    ci_prob : float

    Raises
    ------
    UnsupportedError
        If the group is in the formula of another parameter, or the outcome has no mean.
    """
    _check_main(posterior, found)
    z = found.design.Z.mean(axis=0)
    values = _average_place(posterior, found)
    mean = _curve(posterior, values.others, values)
    parts = []
    for levels, r in found.chunks():
        draws = _by_chain(posterior, _partial(values, r, z, mean))
        parts.append(_level_rows(found, levels, describe_draws(draws, ci_prob=ci_prob)))
    frame = pd.concat(parts)
    own_columns, complete = _fixed(posterior, found, own, values, ci_prob)
    new = describe_draws(_new(posterior, found, values, z, mean), ci_prob=ci_prob)
    frame = frame.assign(**own_columns, complete=complete)
    last = pd.DataFrame(
        [{"level": "(new group)", "effect": EFFECT, "n": 0, "complete": complete}]
    ).assign(partial=new.pop("mean"), **new)
    columns = ["level", "effect", "n", *own_columns, "partial", "sd", "lower", "upper", "complete"]
    return TableResult(
        pd.concat([frame, last], ignore_index=True)[columns],
        title=f"Pooling of {found.group.name} on the scale of the response",
        caption=f"mean outcome at average predictors, other groups typical; "
        f"{ci_prob:.0%} intervals",
        formats=_FORMATS,
    )


type _Mean = Callable[[np.ndarray], np.ndarray]


def _average_place(posterior: Posterior, found: GroupEffects) -> PlaceDraws:
    at = dict(zip(found.group.effects, found.design.Z.mean(axis=0).tolist(), strict=True))
    at.pop("Intercept", None)
    everywhere = np.ones(posterior.design.n_obs, dtype=bool)
    return place_draws(posterior, [Place("", at, everywhere)])[0]


def _curve(posterior: Posterior, others: Mapping[str, np.ndarray], values: PlaceDraws) -> _Mean:
    spec = posterior.spec

    def mean(eta: np.ndarray) -> np.ndarray:
        parameters = {**others, spec.main.parameter: spec.main.link.inverse(eta)}
        return np.broadcast_to(spec.family.mean(parameters, values.response), eta.shape)

    return mean


def _partial(values: PlaceDraws, r: np.ndarray, z: np.ndarray, mean: _Mean) -> np.ndarray:
    moved = (r @ z).reshape(len(values.eta), -1)
    return mean(values.eta[:, None] + moved)


def _level_rows(
    found: GroupEffects, levels: np.ndarray, partial: dict[str, np.ndarray]
) -> pd.DataFrame:
    names = [found.group.levels[level] for level in levels]
    counts = count_rows(found)[levels]
    return pd.DataFrame(
        {"level": names, "effect": EFFECT, "n": counts, "partial": partial["mean"]}
        | {name: partial[name] for name in ("sd", "lower", "upper")}
    )


def _fixed(
    posterior: Posterior,
    found: GroupEffects,
    own: OwnEstimates,
    values: PlaceDraws,
    ci_prob: float,
) -> tuple[dict[str, np.ndarray], float]:
    """Return own and complete estimates, everything else at its posterior mean."""
    z = found.design.Z.mean(axis=0)
    others = {name: v.mean(axis=0, keepdims=True) for name, v in values.others.items()}
    mean = _curve(posterior, others, values)
    rest = values.eta.mean() - z @ found.population.mean(axis=(0, 1))
    # Effects whose column is zero on average play no part, and need not be determined.
    used = z != 0
    eta = rest + own.estimate[:, used] @ z[used]
    variance = np.einsum("lij,i,j->l", own.covariance[:, used][:, :, used], z[used], z[used])
    width = special.ndtri(0.5 + ci_prob / 2) * np.sqrt(variance)
    columns = {
        "own": mean(eta[None])[0],
        "own_lower": mean((eta - width)[None])[0],
        "own_upper": mean((eta + width)[None])[0],
    }
    arrays = posterior.design.predictors[found.predictor.parameter]
    complete = arrays.X.mean(axis=0) @ complete_coefs(posterior, found) + arrays.offset.mean()
    return columns, float(mean(np.array([[complete]]))[0, 0])


def _new(
    posterior: Posterior, found: GroupEffects, values: PlaceDraws, z: np.ndarray, mean: _Mean
) -> np.ndarray:
    rng = np.random.default_rng(posterior.record.seed)
    sd = np.linalg.norm(np.swapaxes(normal_factor(found.sd, found.cor), -1, -2) @ z, axis=-1)
    eta = values.eta + (sd * rng.standard_normal(sd.shape)).reshape(-1)
    return _by_chain(posterior, mean(eta[:, None]))[..., 0]


def _by_chain(posterior: Posterior, values: np.ndarray) -> np.ndarray:
    sizes = posterior.draws.sizes
    return values.reshape(sizes["chain"], sizes["draw"], -1)


def _check_main(posterior: Posterior, found: GroupEffects) -> None:
    spec = posterior.spec
    if found.predictor.parameter == spec.main.parameter and has_response_shares(spec):
        return
    raise UnsupportedError(
        f"group `{found.group.name}` has no mean outcome to pool",
        given=f"effects on `{found.predictor.parameter}` of family {spec.family.name}",
        expected="a group of the main formula, and an outcome that has a mean",
        fix='leave out `scale="response"`',
    )
