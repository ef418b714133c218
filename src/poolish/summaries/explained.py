"""The share of the variance that a model explains: R2, marginal, conditional and Bayesian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.marginal import normal_rule
from poolish.predict.policies import Policy, parse_policies
from poolish.predict.rows import PredictionRows, PredictorRows, collect_rows
from poolish.spec.model import ModelSpec
from poolish.summaries.places import list_places, place_draws, quadratic_form
from poolish.summaries.shares import latent_variance

# Means over rows are over this many of them, evenly spaced, where there are more.
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class LinkVariances:
    """The parts of the variance on the scale of the link, averaged over rows.

    Parameters
    ----------
    population : ndarray, shape (sample,)
        Of the population-level linear predictor between rows.
    groups : Mapping of str to ndarray, shape (sample,)
        Of the effects of each group: mean of z' S z over rows.
    distribution : ndarray, shape (sample,)
        Distribution-specific.
    """

    population: np.ndarray
    groups: Mapping[str, np.ndarray]
    distribution: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Return their sum."""
        return np.asarray(self.population + self.all_groups + self.distribution)

    @property
    def all_groups(self) -> np.ndarray:
        """Return the variance between groups of every kind together."""
        return np.asarray(sum(self.groups.values(), np.zeros_like(self.population)))


def link_variances(posterior: Posterior) -> LinkVariances:
    """Return the parts of the variance on the scale of the link.

    Parameters
    ----------
    posterior : Posterior

    References
    ----------
    Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14: 20170213, equations 3.1 to 3.9;
    Johnson (2014), Methods in Ecology and Evolution 5(9), 944-946, equation 10 for slopes.
    doi:10.1098/rsif.2017.0213, doi:10.1111/2041-210X.12225
    """
    spec, main = posterior.spec, posterior.design.main
    n_samples = posterior.draws.sizes["chain"] * posterior.draws.sizes["draw"]
    population = np.zeros(n_samples)
    if spec.main.coefs:
        b = posterior.draws[spec.main.variable("b")].values.reshape(n_samples, -1)
        covariance = np.atleast_2d(np.cov(main.X, rowvar=False))
        population = np.einsum("sk,kl,sl->s", b, covariance, b)
    groups = {
        group.name: quadratic_form(posterior, spec.main, group, design.Z.T @ design.Z / main.n_obs)
        for group, design in zip(spec.main.groups, main.groups, strict=True)
    }
    distribution = _distribution_variance(posterior)
    return LinkVariances(np.maximum(population, 0.0), groups, distribution)


def nakagawa_r2(parts: LinkVariances) -> dict[str, np.ndarray]:
    """Return marginal and conditional R2 on the scale of the link, shape (sample,) each."""
    total = parts.total
    return {
        "R2 marginal": parts.population / total,
        "R2 conditional": (parts.population + parts.all_groups) / total,
    }


def repeatabilities(parts: LinkVariances) -> dict[str, np.ndarray]:
    """Return each group's variance over all of it, that of the population effects included.

    References
    ----------
    Nakagawa & Schielzeth (2010), Biological Reviews 85(4), 935-956, agreement repeatability; the
    share of `share_draws` is the one adjusted for the population effects.
    doi:10.1111/j.1469-185X.2010.00141.x
    """
    return {name: part / parts.total for name, part in parts.groups.items()}


def bayesian_r2(posterior: Posterior) -> np.ndarray:
    """Return Var(fit) / (Var(fit) + residual variance) on the scale of the response.

    Over the fitted rows with their own groups, the residual variance that of the model.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    ndarray, shape (sample,)

    References
    ----------
    Gelman, Goodrich, Gabry & Vehtari (2019), The American Statistician 73(3), 307-309, equation 3.
    doi:10.1080/00031305.2018.1549100
    """
    rows, response = _some_rows(posterior, "observed")
    family = posterior.spec.family
    fitted, residual = np.empty(rows.n_samples), np.empty(rows.n_samples)
    for block in iterate_blocks(posterior.spec, rows, np.random.default_rng(0)):
        mean = family.mean(block.parameters, response)
        fitted[block.draws] = mean.var(axis=1, ddof=1)
        residual[block.draws] = family.variance(block.parameters, response).mean(axis=1)
    return fitted / (fitted + residual)


def _distribution_variance(posterior: Posterior) -> np.ndarray:
    """Return the distribution-specific variance at the mean of `mu` over rows and groups."""
    spec = posterior.spec
    (values,) = place_draws(posterior, list_places(posterior, {}, None)[:1])
    at_place = latent_variance(spec, values)
    elsewhere = latent_variance(spec, values, spec.main.link.inverse(values.eta + 0.1))
    # The same wherever it is stated: Gaussian, logistic, probit, gamma with log link, ...
    if np.allclose(at_place, elsewhere, rtol=1e-12):
        return at_place
    return latent_variance(spec, values, _mean_parameter(posterior))


def _mean_parameter(posterior: Posterior) -> np.ndarray:
    rows, _ = _some_rows(posterior, "zero")
    spec, main = posterior.spec, posterior.design.main
    groups = zip(spec.main.groups, main.groups, strict=True)
    variance = np.zeros(rows.n_samples)
    for group, design in groups:
        weights = design.Z.T @ design.Z / main.n_obs
        variance += quadratic_form(posterior, spec.main, group, weights)
    sd, total = np.sqrt(variance), np.zeros(rows.n_samples)
    for block in iterate_blocks(spec, rows, np.random.default_rng(0)):
        total[block.draws] = _mean_of_block(spec, block, sd[block.draws])
    return total


def _mean_of_block(spec: ModelSpec, block: Block, sd: np.ndarray) -> np.ndarray:
    eta, total = block.linear[spec.main.parameter], np.zeros(len(sd))
    for weight, z in normal_rule(float(sd.max(initial=0.0))):
        total += weight * spec.main.link.inverse(eta + sd[:, None] * z).mean(axis=1)
    return total


def _some_rows(posterior: Posterior, groups: Policy) -> tuple[PredictionRows, ResponseDesign]:
    """Return the fitted rows for a prediction, evenly spaced where there are many."""
    rows = collect_rows(posterior, None, parse_policies(posterior.spec, groups))
    return thin_rows(rows, posterior.design.response, MOST_ROWS)


def thin_rows(
    rows: PredictionRows, response: ResponseDesign, at_most: int
) -> tuple[PredictionRows, ResponseDesign]:
    """Return evenly spaced rows of a prediction, all of them where there are no more.

    Parameters
    ----------
    rows : PredictionRows
    response : ResponseDesign
    at_most : int
    """
    n_obs = rows.shape[2]
    if n_obs <= at_most:
        return rows, response
    chosen = np.linspace(0, n_obs - 1, at_most).round().astype(int)
    predictors = {name: _predictor_part(p, chosen) for name, p in rows.predictors.items()}
    shape = (*rows.shape[:2], at_most)
    part = PredictionRows(predictors, rows.auxiliary, rows.labels[chosen], shape)
    return part, _response_part(response, chosen)


def _predictor_part(predictor: PredictorRows, chosen: np.ndarray) -> PredictorRows:
    groups = tuple(replace(g, Z=g.Z[chosen], codes=g.codes[chosen]) for g in predictor.groups)
    return replace(predictor, X=predictor.X[chosen], offset=predictor.offset[chosen], groups=groups)


def _response_part(response: ResponseDesign, chosen: np.ndarray) -> ResponseDesign:
    """Return the outcome of some rows, as if nothing had been cut off: moments are of it whole."""
    part = response.at(chosen)
    return replace(part, censoring=None, upper=None, lower_bound=None, upper_bound=None)
