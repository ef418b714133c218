"""Counts with additional zeros: zi is the chance that a row is zero whatever its mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Graph, MakeNative, Pymc, Tensor, Tensors
from poolish.spec.families.binomial import BINOMIAL, binomial_native
from poolish.spec.families.checks import Check, check_binomial, check_count
from poolish.spec.families.counts import (
    NEGBINOMIAL,
    POISSON,
    negbinomial_native,
    negbinomial_survival,
    poisson_native,
    poisson_survival,
    units,
)
from poolish.spec.families.defaults import probability
from poolish.spec.families.graph import Pieces, log_complement, log_survival, native_graph
from poolish.spec.families.latent import LatentVariance, Moment, by_link, delta, lognormal
from poolish.spec.families.rows import broadcast, build_family, without
from poolish.spec.families.zeros import WithZeros, complement
from poolish.spec.family import Family, Parameters

ZI = probability("zi")


def _count_latent(mean: Moment, variance: Moment) -> LatentVariance:
    def gain(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return np.asarray((1.0 - parameters["zi"]) * units(parameters, response))

    return by_link({"log": lognormal(mean, variance)}, delta(variance, gain))


def _no_latent(mean: Moment, variance: Moment) -> None:
    """Return None: the latent variable of a chance says nothing about the additional zeros."""


def zero_inflated(
    base: Family,
    native: MakeNative,
    check: Check,
    *,
    survival: Graph | None = None,
    latent: Callable[[Moment, Moment], LatentVariance | None] = _count_latent,
) -> Family:
    """Return the mixture of a point at zero (chance zi) and a family of counts.

    Parameters
    ----------
    base : Family
    native : callable
        The PyMC distribution of `base`.
    check : callable
        The support of `base`.
    survival : callable, optional
        log P(Y > value) of `base` as a tensor; by PyMC when left out.
    latent : callable
        Makes the latent variance from the mean and the variance.

    Notes
    -----
    P(0) = zi + (1 - zi) f(0), P(y) = (1 - zi) f(y) (Lambert 1992, doi:10.2307/1269547).
    """
    base_graph = native_graph(native)
    pieces = Pieces(native, base_graph, log_survival=survival)

    def distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
        assert base.distribution is not None
        counted = base.distribution(without(parameters, "zi"), response)
        return WithZeros(counted, np.log1p(-parameters["zi"]))

    def above(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        counted = log_survival(pieces, pm, value, without(parameters, "zi"), response)
        return log_complement(pm, parameters["zi"]) + counted

    def log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        zi = parameters["zi"]
        count = np.log1p(-zi) + base.log_density(y, without(parameters, "zi"), response)
        with np.errstate(divide="ignore"):
            zero = np.logaddexp(np.log(zi), count)
        return np.asarray(np.where(y == 0, zero, count))

    def sample(
        rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
    ) -> np.ndarray:
        count = base.sample(rng, without(parameters, "zi"), response)
        count, zi = broadcast(response, count, parameters["zi"])
        return np.where(rng.random(count.shape) < zi, 0.0, count)

    def mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return np.asarray((1.0 - parameters["zi"]) * base.mean(without(parameters, "zi"), response))

    def variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        zi, rest = parameters["zi"], without(parameters, "zi")
        inner = base.variance(rest, response) + zi * base.mean(rest, response) ** 2
        return np.asarray((1.0 - zi) * inner)

    def graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
        zi = parameters["zi"]
        counted = base_graph(pm, value, without(parameters, "zi"), response)
        count = log_complement(pm, zi) + counted
        zero = pm.math.logaddexp(pm.math.log(zi), count)
        return pm.math.switch(pm.math.eq(value, 0), zero, count)

    return build_family(
        f"zero_inflated_{base.name}",
        (*base.parameters, ZI),
        check=check,
        log_density=log_density,
        sample=sample,
        mean=mean,
        variance=variance,
        graph=graph,
        distribution=distribution,
        log_cdf=complement(above),
        log_survival=above,
        latent_variance=latent(mean, variance),
        main_scale=base.main_scale,
        response_kind=base.response_kind,
        is_discrete=True,
        additions=base.additions,
    )


ZERO_INFLATED_POISSON = zero_inflated(
    POISSON, poisson_native, check_count, survival=poisson_survival
)
ZERO_INFLATED_NEGBINOMIAL = zero_inflated(
    NEGBINOMIAL, negbinomial_native, check_count, survival=negbinomial_survival
)
ZERO_INFLATED_BINOMIAL = zero_inflated(BINOMIAL, binomial_native, check_binomial, latent=_no_latent)
