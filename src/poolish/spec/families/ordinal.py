"""Ordered categories: cumulative and sratio, by the distribution function of a latent variable.

`mu` is the linear predictor itself. A model has no intercept: the thresholds take its place.

References
----------
Bürkner & Vuorre (2019), Ordinal Regression Models in Psychology: A Tutorial, Advances in Methods
and Practices in Psychological Science 2(1), 77-101. doi:10.1177/2515245918823199.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Graph, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_levels
from poolish.spec.families.defaults import BRMS, fixed
from poolish.spec.families.graph import log_normal_cdf
from poolish.spec.families.latent import GUMBEL, LOGISTIC, NORMAL
from poolish.spec.families.rows import broadcast, build_family
from poolish.spec.family import Family, Parameter, Parameters
from poolish.spec.links import Link

MU = Parameter("mu", ("latent",), lower=-np.inf)


@dataclass(frozen=True, slots=True)
class Latent:
    """The distribution of the latent variable, on NumPy arrays and as PyMC tensors.

    Parameters
    ----------
    link : str
    variance : float
    log_cdf, log_survival : callable
        log F(x) and log(1 - F(x)).
    log_between : callable
        log(F(b) - F(a)) for a < b, without cancellation.
    log_cdf_graph, log_survival_graph, log_between_graph : callable
        The same as tensors, `pm` first.
    """

    link: str
    variance: float
    log_cdf: Callable[[np.ndarray], np.ndarray]
    log_survival: Callable[[np.ndarray], np.ndarray]
    log_between: Callable[[np.ndarray, np.ndarray], np.ndarray]
    log_cdf_graph: Callable[[Pymc, Tensor], Tensor]
    log_survival_graph: Callable[[Pymc, Tensor], Tensor]
    log_between_graph: Callable[[Pymc, Tensor, Tensor], Tensor]


def _log1mexp(x: np.ndarray) -> np.ndarray:
    return np.log(-np.expm1(x))


def _logit_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)).
    return np.asarray(special.log_expit(b) + special.log_expit(-a) + _log1mexp(a - b))


def _log_expit(pm: Pymc, x: Tensor) -> Tensor:
    return -pm.math.log1pexp(-x)


def _logit_between_graph(pm: Pymc, a: Tensor, b: Tensor) -> Tensor:
    return _log_expit(pm, b) + _log_expit(pm, -a) + pm.math.log1mexp(a - b)


def _probit_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # By symmetry in the lower tail, where log F keeps its digits.
    is_upper = a + b > 0
    low, high = np.where(is_upper, -b, a), np.where(is_upper, -a, b)
    larger = special.log_ndtr(high)
    return np.asarray(larger + _log1mexp(special.log_ndtr(low) - larger))


def _probit_between_graph(pm: Pymc, a: Tensor, b: Tensor) -> Tensor:
    is_upper = pm.math.gt(a + b, 0)
    low, high = pm.math.switch(is_upper, -b, a), pm.math.switch(is_upper, -a, b)
    larger = log_normal_cdf(pm, high)
    return larger + pm.math.log1mexp(log_normal_cdf(pm, low) - larger)


def _cloglog_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # F(x) = 1 - exp(-exp(x)), so F(b) - F(a) = exp(-exp(a)) (1 - exp(exp(a) - exp(b))).
    return np.asarray(-np.exp(a) + _log1mexp(np.exp(a) - np.exp(b)))


def _cloglog_between_graph(pm: Pymc, a: Tensor, b: Tensor) -> Tensor:
    return -pm.math.exp(a) + pm.math.log1mexp(pm.math.exp(a) - pm.math.exp(b))


LATENTS = (
    Latent(
        "logit",
        LOGISTIC,
        special.log_expit,
        lambda x: special.log_expit(-x),
        _logit_between,
        _log_expit,
        lambda pm, x: _log_expit(pm, -x),
        _logit_between_graph,
    ),
    Latent(
        "probit",
        NORMAL,
        special.log_ndtr,
        lambda x: special.log_ndtr(-x),
        _probit_between,
        log_normal_cdf,
        lambda pm, x: log_normal_cdf(pm, -x),
        _probit_between_graph,
    ),
    Latent(
        "cloglog",
        GUMBEL,
        lambda x: _log1mexp(-np.exp(x)),
        lambda x: -np.exp(x),
        _cloglog_between,
        lambda pm, x: pm.math.log1mexp(-pm.math.exp(x)),
        lambda pm, x: -pm.math.exp(x),
        _cloglog_between_graph,
    ),
)


def _below(parameters: Parameters) -> np.ndarray:
    """Return threshold - mu, shape (..., obs, threshold)."""
    return np.asarray(parameters["threshold"][..., None, :] - parameters["mu"][..., None])


def _cumulative_log_probabilities(latent: Latent, below: np.ndarray) -> np.ndarray:
    """Return log P(Y = k) = log(F(threshold_k - mu) - F(threshold_{k-1} - mu))."""
    first = latent.log_cdf(below[..., :1])
    last = latent.log_survival(below[..., -1:])
    return np.concatenate((first, latent.log_between(below[..., :-1], below[..., 1:]), last), -1)


def _sratio_log_probabilities(latent: Latent, below: np.ndarray) -> np.ndarray:
    """Return log P(Y = k) = log F(threshold_k - mu) + sum_{j<k} log(1 - F(threshold_j - mu))."""
    passed = np.cumsum(latent.log_survival(below), axis=-1)
    before = np.concatenate((np.zeros_like(passed[..., :1]), passed), -1)
    stops = np.concatenate((latent.log_cdf(below), np.zeros_like(passed[..., :1])), -1)
    return np.asarray(before + stops)


def _cumulative_graph(latent: Latent) -> Graph:
    def graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        threshold, mu = parameters["threshold"].flatten(), parameters["mu"]
        last = len(response.levels) - 1
        is_first, is_last = pm.math.eq(value, 0), pm.math.eq(value, last)
        # Ends outside the thresholds are replaced by finite ones, so that gradients stay finite.
        high = threshold[pm.math.switch(is_last, last - 1, value)] - mu
        low = threshold[pm.math.switch(is_first, 0, value - 1)] - mu
        inner_low = pm.math.switch(is_first | is_last, high - 1.0, low)
        between = latent.log_between_graph(pm, inner_low, high)
        outer = pm.math.switch(
            is_first, latent.log_cdf_graph(pm, high), latent.log_survival_graph(pm, low)
        )
        return pm.math.switch(is_first | is_last, outer, between)

    return graph


def _sratio_graph(latent: Latent) -> Graph:
    def graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        mu = parameters["mu"]
        total = 0.0
        for k in range(len(response.levels) - 1):
            below = parameters["threshold"].flatten()[k] - mu
            stops = pm.math.switch(pm.math.eq(value, k), latent.log_cdf_graph(pm, below), 0.0)
            passes = pm.math.switch(pm.math.gt(value, k), latent.log_survival_graph(pm, below), 0.0)
            total = total + stops + passes
        return total

    return graph


def _threshold(size: int | None, *, is_ordered: bool) -> Parameter:
    return Parameter(
        "threshold",
        ("identity",),
        fixed("student_t", 3.0, 0.0, 2.5),
        BRMS,
        lower=-np.inf,
        size=size,
        dim="threshold",
        is_ordered=is_ordered,
    )


def ordinal(
    name: str,
    latent: Latent,
    log_probabilities: Callable[[Latent, np.ndarray], np.ndarray],
    graph: Graph,
    *,
    is_ordered: bool,
    has_latent_variable: bool,
) -> Family:
    """Return an ordinal family.

    Parameters
    ----------
    name : str
    latent : Latent
    log_probabilities : callable
        `(latent, threshold - mu)` -> log probability of each category, on the last axis.
    graph : callable
        The log density as a tensor.
    is_ordered : bool
        Whether the thresholds must increase.
    has_latent_variable : bool
        Whether the outcome is one latent variable cut at the thresholds.
    """

    def log_all(parameters: Parameters) -> np.ndarray:
        return log_probabilities(latent, _below(parameters))

    def log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return pick(log_all(parameters), y)

    def probabilities(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return np.exp(log_all(parameters))

    def latent_variance(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
        return np.full_like(broadcast(response, parameters["mu"])[0], latent.variance)

    return build_family(
        name,
        (MU, _threshold(None, is_ordered=is_ordered)),
        check=check_levels,
        log_density=log_density,
        graph=graph,
        latent_variance=latent_variance if has_latent_variable else None,
        parameters_for=lambda response: (
            MU,
            _threshold(len(response.levels) - 1, is_ordered=is_ordered),
        ),
        response_kind="ordinal",
        replaces_intercept=True,
        **category_fields(probabilities),
    )


def pick(log_probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the entry of each row's own category, shape (..., obs)."""
    shape = np.broadcast_shapes(y.shape, log_probabilities.shape[:-1])
    codes = np.broadcast_to(y.astype(int), shape)
    table = np.broadcast_to(log_probabilities, (*shape, log_probabilities.shape[-1]))
    return np.take_along_axis(table, codes[..., None], axis=-1)[..., 0]


def category_fields(
    probabilities: Callable[[Parameters, ResponseDesign], np.ndarray],
) -> dict[str, Any]:
    """Return sampler, mean and variance of the 0-based code, from category probabilities."""

    def sample(
        rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
    ) -> np.ndarray:
        cumulated = np.cumsum(probabilities(parameters, response), axis=-1)
        uniform = rng.random((*cumulated.shape[:-1], 1))
        return np.sum(uniform > cumulated[..., :-1], axis=-1)

    def moment(parameters: Parameters, response: ResponseDesign, power: int) -> np.ndarray:
        chances = probabilities(parameters, response)
        return np.asarray(chances @ np.arange(chances.shape[-1]) ** power)

    def mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return moment(parameters, response, 1)

    def variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return np.asarray(moment(parameters, response, 2) - mean(parameters, response) ** 2)

    return {
        "sample": sample,
        "mean": mean,
        "variance": variance,
        "probabilities": probabilities,
        "is_discrete": True,
        "additions": ("weights",),
    }


def _name(base: str, latent: Latent) -> str:
    return base if latent.link == "logit" else f"{base}_{latent.link}"


CUMULATIVE = tuple(
    ordinal(
        _name("cumulative", latent),
        latent,
        _cumulative_log_probabilities,
        _cumulative_graph(latent),
        is_ordered=True,
        has_latent_variable=True,
    )
    for latent in LATENTS
)
SRATIO = tuple(
    ordinal(
        _name("sratio", latent),
        latent,
        _sratio_log_probabilities,
        _sratio_graph(latent),
        is_ordered=False,
        has_latent_variable=False,
    )
    for latent in LATENTS
)
# The link that people ask for, and the row it means.
ORDINAL_LINKS: dict[tuple[str, str], str] = {
    (base, latent.link): _name(base, latent)
    for base in ("cumulative", "sratio")
    for latent in LATENTS
}
