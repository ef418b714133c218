"""Zeros from a process of their own: hu is the chance of a zero, the rest is above zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Graph, MakeNative, Pymc, Tensor, Tensors
from poolish.spec.families.checks import Check, check_count, check_non_negative
from poolish.spec.families.counts import (
    NEGBINOMIAL,
    POISSON,
    negbinomial_native,
    negbinomial_survival,
    poisson_native,
    poisson_survival,
)
from poolish.spec.families.defaults import probability
from poolish.spec.families.graph import log_complement, native_graph
from poolish.spec.families.latent import LatentVariance, Moment, by_link, lognormal, unknown
from poolish.spec.families.positive import (
    GAMMA,
    LOGNORMAL,
    gamma_native,
    gamma_survival,
    lognormal_native,
    lognormal_survival,
)
from poolish.spec.families.rows import broadcast, build_family, without
from poolish.spec.families.zeros import WithZeros, complement
from poolish.spec.family import Family, Parameters

HU = probability("hu")


def _positive_values(response: ResponseDesign) -> np.ndarray:
    values = response.y if response.rate is None else response.y / response.rate
    return values[response.y > 0]


def _log_latent(mean: Moment, variance: Moment) -> LatentVariance:
    return by_link({"log": lognormal(mean, variance)}, unknown(mean))


def _no_latent(mean: Moment, variance: Moment) -> None:
    """Return None: `mu` of a lognormal is no mean, so no moment gives a variance on its scale."""


def hurdle(
    base: Family,
    native: MakeNative,
    check: Check,
    survival: Graph,
    *,
    latent: Callable[[Moment, Moment], LatentVariance | None] = _log_latent,
    main_scale: Callable[[ResponseDesign], np.ndarray] = _positive_values,
) -> Family:
    """Return the family with P(0) = hu and P(y) = (1 - hu) f(y) / (1 - f(0)) for y > 0.

    A continuous `f` has f(0) = 0 (Mullahy 1986, doi:10.1016/0304-4076(86)90002-3).

    Parameters
    ----------
    base : Family
    native : callable
        The PyMC distribution of `base`.
    check : callable
        Support of the outcome.
    survival : callable
        log P(Y > value) of `base` as a tensor.
    latent : callable
        Makes the latent variance from the mean and the variance.
    main_scale : callable
    """
    base_graph = native_graph(native)

    def log_positive(parameters: Parameters, response: ResponseDesign) -> Frozen:
        """Return log(1 - f(0))."""
        if not base.is_discrete:
            return np.zeros(())
        zeros = np.zeros(len(response.y))
        return np.log(-np.expm1(base.log_density(zeros, parameters, response)))

    def log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        hu, rest = parameters["hu"], without(parameters, "hu")
        inside = np.where(y > 0, y, 1.0)
        above = base.log_density(inside, rest, response) - log_positive(rest, response)
        with np.errstate(divide="ignore"):
            zero = np.log(hu)
        return np.where(y == 0, zero, np.log1p(-hu) + above)

    def distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
        rest = without(parameters, "hu")
        assert base.distribution is not None
        log_share = np.log1p(-parameters["hu"]) - log_positive(rest, response)
        return WithZeros(base.distribution(rest, response), log_share)

    def sample(
        rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
    ) -> np.ndarray:
        rest = without(parameters, "hu")
        hu, chance = broadcast(
            response, parameters["hu"], np.exp(log_positive(rest, response)), *rest.values()
        )[:2]
        assert base.distribution is not None
        # Upper tail probabilities in [0, 1 - f(0)): quantiles above zero.
        above = base.distribution(rest, response).isf(rng.random(hu.shape) * chance)
        return np.where(rng.random(hu.shape) < hu, 0.0, above)

    def _scaled(parameters: Parameters, response: ResponseDesign, moment: np.ndarray) -> np.ndarray:
        chance = np.exp(log_positive(without(parameters, "hu"), response))
        return np.asarray((1.0 - parameters["hu"]) / chance * moment)

    def mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return _scaled(parameters, response, base.mean(without(parameters, "hu"), response))

    def variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        rest = without(parameters, "hu")
        square = base.variance(rest, response) + base.mean(rest, response) ** 2
        return np.asarray(_scaled(parameters, response, square) - mean(parameters, response) ** 2)

    def log_share(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Tensor:
        """Return log((1 - hu) / (1 - f(0)))."""
        share = log_complement(pm, parameters["hu"])
        if not base.is_discrete:
            return share
        zeros = np.zeros(len(response.y), dtype="int64")
        return share - pm.math.log1mexp(base_graph(pm, zeros, without(parameters, "hu"), response))

    def log_above(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        base_above = survival(pm, value, without(parameters, "hu"), response)
        return log_share(pm, parameters, response) + base_above

    def graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        hu, rest = parameters["hu"], without(parameters, "hu")
        inside = pm.math.switch(pm.math.gt(value, 0), value, 1)
        above = log_share(pm, parameters, response) + base_graph(pm, inside, rest, response)
        return pm.math.switch(pm.math.eq(value, 0), pm.math.log(hu), above)

    return build_family(
        f"hurdle_{base.name}",
        (*base.parameters, HU),
        check=check,
        log_density=log_density,
        sample=sample,
        mean=mean,
        variance=variance,
        graph=graph,
        distribution=distribution,
        log_cdf=complement(log_above),
        log_survival=log_above,
        latent_variance=latent(mean, variance),
        main_scale=main_scale,
        response_kind="count" if base.is_discrete else "positive",
        is_discrete=base.is_discrete,
        additions=base.additions,
        has_zeros=True,
    )


HURDLE_POISSON = hurdle(POISSON, poisson_native, check_count, poisson_survival)
HURDLE_NEGBINOMIAL = hurdle(NEGBINOMIAL, negbinomial_native, check_count, negbinomial_survival)
HURDLE_GAMMA = hurdle(GAMMA, gamma_native, check_non_negative, gamma_survival)
HURDLE_LOGNORMAL = hurdle(
    LOGNORMAL,
    lognormal_native,
    check_non_negative,
    lognormal_survival,
    latent=_no_latent,
    main_scale=lambda response: np.log(_positive_values(response)),
)
