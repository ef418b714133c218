"""Successes and proportions: bernoulli, binomial, beta_binomial, beta."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Native, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_binary, check_binomial, check_proportion
from poolish.spec.families.defaults import positive, vague_gamma
from poolish.spec.families.graph import where_positive
from poolish.spec.families.latent import delta, threshold
from poolish.spec.families.rows import location, scipy_family
from poolish.spec.family import Parameter, Parameters

CHANCE = Parameter(
    "mu",
    ("logit", "probit", "cloglog", "cauchit", "identity", "log"),
    lower=0.0,
    upper=1.0,
)
PHI = positive("phi", vague_gamma)
_TINY = 1e-300


def _trials(response: ResponseDesign) -> np.ndarray:
    assert response.trials is not None  # check_binomial has refused the response otherwise
    return response.trials


def _proportion(response: ResponseDesign) -> np.ndarray:
    return np.asarray(response.y / np.maximum(_trials(response), 1.0))


def _shapes(pm: Pymc, parameters: Tensors) -> tuple[Tensor, Tensor]:
    """Return mu phi and (1 - mu) phi as tensors, not 0 where rounding would make them so.

    1 - mu by the log odds, which keep the digits that the difference loses near 1.
    """
    mu, phi = parameters["mu"], parameters["phi"]
    rest = pm.math.sigmoid(-pm.math.logit(mu))
    return mu * phi + _TINY, rest * phi + _TINY


# --- bernoulli ---


def _bernoulli_log_density(
    y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    mu = parameters["mu"]
    return np.asarray(special.xlogy(y, mu) + special.xlog1py(1.0 - y, -mu))


def _bernoulli_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    mu = location(parameters, response)
    return mu * (1.0 - mu)


BERNOULLI = scipy_family(
    "bernoulli",
    (CHANCE,),
    check=check_binary,
    distribution=lambda p, response: scipy.stats.bernoulli(p["mu"]),
    log_density=_bernoulli_log_density,
    mean=location,
    variance=_bernoulli_variance,
    native=lambda pm, p, response: (pm.Bernoulli, {"p": p["mu"]}),
    latent_variance=threshold(location, _bernoulli_variance),
    response_kind="binary",
    is_discrete=True,
    additions=("weights",),
)


# --- binomial: mu is the chance of one trial. ---


def binomial_distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    """Return SciPy's binomial distribution."""
    return scipy.stats.binom(_trials(response), parameters["mu"])


def binomial_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    """Return PyMC's binomial distribution."""
    return pm.Binomial, {"n": _trials(response).astype("int64"), "p": parameters["mu"]}


def _successes(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return np.asarray(location(parameters, response) * _trials(response))


def _binomial_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return np.asarray(_bernoulli_variance(parameters, response) * _trials(response))


BINOMIAL = scipy_family(
    "binomial",
    (CHANCE,),
    check=check_binomial,
    distribution=binomial_distribution,
    mean=_successes,
    variance=_binomial_variance,
    native=binomial_native,
    # The latent variable belongs to one trial, whatever their number.
    latent_variance=threshold(location, _bernoulli_variance),
    main_scale=_proportion,
    response_kind="binomial",
    is_discrete=True,
    additions=("trials", "weights", "cens", "trunc"),
)


# --- beta_binomial: the chance of a row is beta(mu phi, (1 - mu) phi). ---


def _beta_binomial(parameters: Parameters, response: ResponseDesign) -> Frozen:
    mu, phi = parameters["mu"], parameters["phi"]
    return scipy.stats.betabinom(_trials(response), mu * phi, (1.0 - mu) * phi)


def _beta_binomial_graph(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    # PyMC's sums n - value + beta in an order that loses a small beta: infinite where value = n.
    n_trials = _trials(response)
    alpha, beta = _shapes(pm, parameters)
    failures = pm.math.maximum(n_trials - value, 0.0)
    log_ways = -_log_beta(pm, value + 1.0, failures + 1.0) - np.log(n_trials + 1.0)
    chance = _log_beta(pm, value + alpha, failures + beta) - _log_beta(pm, alpha, beta)
    return where_positive(pm, parameters["phi"], log_ways + chance)


def _log_beta(pm: Pymc, a: Tensor, b: Tensor) -> Tensor:
    return pm.math.gammaln(a) + pm.math.gammaln(b) - pm.math.gammaln(a + b)


def _beta_binomial_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    n_trials, phi = _trials(response), parameters["phi"]
    return np.asarray(_binomial_variance(parameters, response) * (phi + n_trials) / (phi + 1.0))


BETA_BINOMIAL = scipy_family(
    "beta_binomial",
    (CHANCE, PHI),
    check=check_binomial,
    distribution=_beta_binomial,
    mean=_successes,
    variance=_beta_binomial_variance,
    graph=_beta_binomial_graph,
    latent_variance=threshold(location, _bernoulli_variance),
    main_scale=_proportion,
    response_kind="binomial",
    is_discrete=True,
    additions=("trials", "weights"),
)


# --- beta: mean mu, variance mu (1 - mu) / (1 + phi). ---


def _beta(parameters: Parameters, response: ResponseDesign) -> Frozen:
    mu, phi = parameters["mu"], parameters["phi"]
    return scipy.stats.beta(mu * phi, (1.0 - mu) * phi)


def _beta_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    alpha, beta = _shapes(pm, parameters)
    return pm.Beta, {"alpha": alpha, "beta": beta}


def _beta_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    # 1 - Y is beta with the two shapes exchanged.
    alpha, beta = _shapes(pm, parameters)
    return pm.logcdf(pm.Beta.dist(alpha=beta, beta=alpha), 1.0 - value)


def _beta_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return np.asarray(_bernoulli_variance(parameters, response) / (1.0 + parameters["phi"]))


BETA = scipy_family(
    "beta",
    (CHANCE, PHI),
    check=check_proportion,
    distribution=_beta,
    mean=location,
    variance=_beta_variance,
    native=_beta_native,
    log_survival=_beta_survival,
    latent_variance=delta(_beta_variance),
    response_kind="proportion",
    additions=("weights", "cens", "trunc"),
)
