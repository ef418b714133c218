"""Centred or non-centred group effects, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import Design, GroupDesign, PredictorDesign
from poolish.engines.nuts.working import working_ratios, working_response
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec

# Ratio of the effects' variance to the sampling variance of one group's own estimate above which
# the data are called rich. Papaspiliopoulos, Roberts & Skoeld (2007), Statistical Science 22(1),
# 59-73, section 3: with known variances the two parameterizations mix alike at 1; here the variance
# is estimated, and a non-centred sampler that is a little slow does less harm than a centred one
# in a funnel, hence a margin. Centred is better for dietox (8.5) and Penicillin (15 and 356), and
# diverges for Dyestuff (3.6).
RICH_RATIO = 5.0
MINIMUM_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The parameterization of each effect of a group, and its reason, in one clause."""

    centered: tuple[bool, ...]
    reason: str

    @property
    def words(self) -> str:
        """Return `centred`, `non-centred`, or both."""
        if all(self.centered):
            return "centred"
        return "partly centred" if any(self.centered) else "non-centred"


def choose_centering(spec: ModelSpec, design: Design) -> dict[tuple[str, str], Choice]:
    """Return the parameterization of every group, by (parameter, group)."""
    return {
        (name, group.name): _choose(spec, predictor, group, arrays, design)
        for name, predictor in spec.predictors.items()
        for group, arrays in zip(predictor.groups, design.predictors[name].groups, strict=True)
    }


def _choose(
    spec: ModelSpec,
    predictor: PredictorSpec,
    group: GroupSpec,
    arrays: GroupDesign,
    design: Design,
) -> Choice:
    def same(is_centered: bool, reason: str) -> Choice:
        return Choice((is_centered,) * len(group.effects), reason)

    if arrays.relation is not None:
        return same(False, "effects with a known covariance are always non-centred")
    if group.is_centered is not None:
        return same(group.is_centered, "asked for")
    if predictor is not spec.main:
        return same(False, "the safe choice where the data do not inform effects directly")
    if len(group.levels) < MINIMUM_LEVELS:
        return same(False, f"only {len(group.levels)} levels inform the standard deviation")
    if predictor.link.name != "identity":
        return _choose_by_working_weights(spec, group, arrays, design)
    ratio = information_ratio(design.main, arrays, design.response.y)
    if ratio > RICH_RATIO:
        return same(True, f"the data are rich: variance ratio {ratio:.3g} > {RICH_RATIO:g}")
    return same(False, f"the data are not rich: variance ratio {ratio:.3g} <= {RICH_RATIO:g}")


def _choose_by_working_weights(
    spec: ModelSpec, group: GroupSpec, arrays: GroupDesign, design: Design
) -> Choice:
    """Return the parameterization of each effect of a model with another link."""
    working = working_response(spec, design, arrays)
    if working is None:
        safe = "the safe choice where the data do not inform effects directly"
        return Choice((False,) * len(group.effects), safe)
    ratios = working_ratios(design.main, arrays, working)
    shown = ", ".join(f"{e} {r:.3g}" for e, r in zip(group.effects, ratios, strict=True))
    return Choice(
        tuple(ratio > 1.0 for ratio in ratios),
        f"by working weights the variance ratio, rich above 1, is at least {shown}",
    )


def information_ratio(predictor: PredictorDesign, group: GroupDesign, y: np.ndarray) -> float:
    """Return the least ratio, over effects, of their variance to its sampling variance.

    Parameters
    ----------
    predictor : PredictorDesign
    group : GroupDesign
    y : ndarray, shape (obs,)

    Notes
    -----
    Moments only. The residuals of y on X, the other factors' own estimates taken out, are
    regressed on Z within each group, with the pooled residual variance s^2; for effect e,
    v_je = s^2 [(Z_j'Z_j)^-1]_ee is the sampling variance of its estimate, and
    var_j(estimate) - mean_j(v_je), not below 0, estimates its own variance. The ratio is that
    over the median v_je. 0 when fewer than `MINIMUM_LEVELS` groups identify their effects, and for
    a factor whose differences nested factors explain too.
    """
    residual = y - predictor.offset
    residual = residual - predictor.X @ np.linalg.lstsq(predictor.X, residual, rcond=None)[0]
    for other in predictor.groups:
        if other.name != group.name:
            residual = residual - _fitted(other, residual)
    own = _own_estimates(group, residual)
    if np.sum(own.is_known) < MINIMUM_LEVELS or not own.variance > 0:
        return 0.0
    sampling = own.variance * np.einsum("jee->je", own.inverses)
    between = np.maximum(own.estimates.var(axis=0, ddof=1) - sampling.mean(axis=0), 0.0)
    return float(np.min(between / np.median(sampling, axis=0)))


@dataclass(frozen=True, slots=True)
class _OwnEstimates:
    """Least squares within each group that identifies its effects.

    Parameters
    ----------
    is_known : ndarray of bool, shape (group,)
    estimates : ndarray, shape (known group, effect)
    inverses : ndarray, shape (known group, effect, effect)
        (Z'Z)^-1.
    variance : float
        Pooled residual variance.
    """

    is_known: np.ndarray
    estimates: np.ndarray
    inverses: np.ndarray
    variance: float


def _fitted(group: GroupDesign, residual: np.ndarray) -> np.ndarray:
    own = _own_estimates(group, residual)
    effects = np.zeros((group.n_levels, group.n_effects))
    effects[own.is_known] = own.estimates
    return np.asarray(np.einsum("oe,oe->o", group.Z, effects[group.codes]))


def _own_estimates(group: GroupDesign, residual: np.ndarray) -> _OwnEstimates:
    q, n = group.n_effects, group.n_levels
    grams = np.zeros((n, q, q))
    products = np.zeros((n, q))
    np.add.at(grams, group.codes, group.Z[:, :, None] * group.Z[:, None, :])
    np.add.at(products, group.codes, group.Z * residual[:, None])
    counts = np.bincount(group.codes, minlength=n)
    squares = np.bincount(group.codes, weights=residual**2, minlength=n)
    eigenvalues = np.linalg.eigvalsh(grams)
    is_known = (eigenvalues[:, 0] > 1e-8 * eigenvalues[:, -1]) & (counts > q)
    inverses = np.linalg.inv(grams[is_known])
    estimates = np.einsum("jef,jf->je", inverses, products[is_known])
    explained = np.einsum("je,je->j", estimates, products[is_known])
    freedom = max(int((counts[is_known] - q).sum()), 1)
    variance = float((squares[is_known] - explained).sum()) / freedom
    return _OwnEstimates(is_known, estimates, inverses, variance)
