"""The likelihood-ratio test of two nested maximum-likelihood fits, at the boundary too."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.special import chdtrc

from poolish.engines.exact.point_fit import PointFit
from poolish.errors import EngineError


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test.

    Parameters
    ----------
    smaller, larger : str
        Formulas.
    statistic : float
        Twice the difference of the log likelihoods.
    df : int
        Difference of the numbers of parameters.
    p_value : float
    p_bounds : tuple of (float, float)
        The least and the largest p-value that the variances at their boundary allow; equal where
        the reference is known.
    reference : str
        The distribution the p-value comes from, and why.
    """

    smaller: str
    larger: str
    statistic: float
    df: int
    p_value: float
    p_bounds: tuple[float, float]
    reference: str

    def __repr__(self) -> str:
        low, high = self.p_bounds
        between = f", from {low:.4g} to {high:.4g}" if low < high else ""
        return (
            f"likelihood-ratio test\n  {self.smaller}\n  {self.larger}\n"
            f"  chi-square {self.statistic:.4f}, {self.df} more parameter{'s' * (self.df > 1)},"
            f" p = {self.p_value:.4g}{between}\n  {self.reference}"
        )


@dataclass(frozen=True, slots=True)
class _Cone:
    """Where the parameters under test may lie, seen from the smaller model.

    Parameters
    ----------
    dimension : int
        All parameters under test.
    half_lines : int
        Variances under test that no other effect under test is correlated with.
    matrices : int
        Parameters in covariance matrices of two or more effects under test.
    """

    dimension: int
    half_lines: int
    matrices: int

    @property
    def n_free(self) -> int:
        """Return the parameters that are not at a boundary."""
        return self.dimension - self.half_lines - self.matrices


def lrt(a: PointFit, b: PointFit) -> LikelihoodRatio:
    """Return the likelihood-ratio test of two nested fits, in either order.

    Notes
    -----
    A variance under test is 0, at its boundary, under the smaller model, and twice the log
    likelihood ratio is a mixture of chi-squares. With one variance under test, and q covariances
    to effects of the smaller model, it is 50:50 with q and q + 1 degrees of freedom (more by the
    other parameters tested). With k variances in blocks of their own whose estimates are
    independent the weights are binomial(k, 1/2). In every other case the weights depend on the
    information; those of even and of odd degrees of freedom each add up to 1/2 all the same, so
    that with f parameters off the boundary and d in all the p-value lies between the 50:50
    mixtures of f and f + 1, and of d - 1 and d: the latter is taken, which is conservative.

    References
    ----------
    Self & Liang (1987), JASA 82, 605-610, cases 5-7. doi:10.1080/01621459.1987.10478472
    Stram & Lee (1994), Biometrics 50(4), 1171-1177, section 3. doi:10.2307/2533455
    Shapiro (1988), International Statistical Review 56(1), 49-62, for the sums of the weights.
    doi:10.2307/1403361

    Raises
    ------
    EngineError
        If the fits are not of the same response, are REML fits with different population effects,
        differ in method, or are not nested.
    """
    small, large = sorted((a, b), key=lambda fit: fit.df)
    _check_comparable(small, large)
    _check_nested(small, large)
    statistic = max(0.0, 2.0 * (large.log_likelihood - small.log_likelihood))
    cone = _tested(small, large)
    bounds = _half_and_half(statistic, cone.n_free), _half_and_half(statistic, cone.dimension - 1)
    p_value, reference = _tail(statistic, cone, bounds[1])
    if not cone.half_lines + cone.matrices:
        bounds = p_value, p_value
    elif small.is_singular:
        reference += "; doubtful, as the smaller model is singular"
    return LikelihoodRatio(
        small.formula, large.formula, statistic, cone.dimension, p_value, bounds, reference
    )


def _tested(small: PointFit, large: PointFit) -> _Cone:
    """Return the cone of what the larger model adds."""
    old = _effects(small)
    added = [
        sum((group.name, group.effects[i]) not in old for i in block)
        for group in large.groups
        for block in group.blocks
    ]
    matrices = sum(k * (k + 1) // 2 for k in added if k > 1)
    return _Cone(large.df - small.df, added.count(1), matrices)


def _tail(statistic: float, cone: _Cone, conservative: float) -> tuple[float, str]:
    """Return the p-value and the distribution it comes from."""
    d, k = cone.dimension, cone.half_lines
    at_boundary = "at the boundary, 0, in the smaller model"
    if not k + cone.matrices:
        return _chi_square(statistic, d), f"reference: chi-square with {_degrees(d)}"
    if cone.matrices:
        return conservative, (
            f"reference: 50:50 mixture of chi-squares with {d - 1} and {_degrees(d)}, conservative:"
            f" several correlated variances tested are {at_boundary}"
        )
    if k == 1:
        return conservative, (
            f"reference: 50:50 mixture of chi-squares with {d - 1} and {_degrees(d)},"
            f" because the variance tested is {at_boundary}"
        )
    weights = [comb(k, j) / 2**k for j in range(k + 1)]
    p_value = sum(w * _chi_square(statistic, d - k + j) for j, w in enumerate(weights))
    return p_value, (
        f"reference: chi-squares with {d - k} to {_degrees(d)}, weights binomial({k}, 1/2), because"
        f" the {k} variances tested are {at_boundary}; exact where their estimates are independent"
    )


def _degrees(df: int) -> str:
    return f"{df} degree{'s' * (df != 1)} of freedom"


def _half_and_half(statistic: float, df: int) -> float:
    """Return the upper tail of the 50:50 mixture of chi-squares with df and df + 1."""
    return 0.5 * _chi_square(statistic, df) + 0.5 * _chi_square(statistic, df + 1)


def _chi_square(statistic: float, df: int) -> float:
    """Return the upper tail; chi-square with 0 degrees of freedom is 0 for certain."""
    return float(statistic <= 0) if df == 0 else float(chdtrc(df, statistic))


def _effects(fit: PointFit) -> set[tuple[str, str]]:
    return {(group.name, effect) for group in fit.groups for effect in group.effects}


def _correlated(fit: PointFit) -> set[tuple[str, str, str]]:
    return {
        (group.name, group.effects[i], group.effects[j])
        for group in fit.groups
        for block in group.blocks
        for i in block
        for j in block
        if i < j
    }


def _check_comparable(small: PointFit, large: PointFit) -> None:
    if small.n_obs != large.n_obs or not np.array_equal(small.y, large.y):
        raise EngineError(
            "the two fits are not of the same response",
            given=f"{small.n_obs} and {large.n_obs} rows",
            expected="two models of the same rows of the same response",
            fix="fit both to one data frame without missing values in any of their columns",
        )
    if small.reml != large.reml:
        raise EngineError(
            "one fit is by REML, the other by maximum likelihood",
            given=f"reml={small.reml} for {small.formula}, reml={large.reml} for {large.formula}",
            expected="the same method for both",
            fix="fit both with `reml=False`",
        )
    if small.reml and not (_spans(small.X, large.X) and _spans(large.X, small.X)):
        raise EngineError(
            "REML fits with different population effects cannot be compared",
            given=f"{', '.join(small.coefs)} and {', '.join(large.coefs)}",
            expected="the same population effects, or fits by maximum likelihood",
            fix="fit both with `reml=False`",
        )


def _check_nested(small: PointFit, large: PointFit) -> None:
    is_nested = (
        small.df < large.df
        and _spans(large.X, small.X)
        and _effects(small) <= _effects(large)
        and _correlated(small) <= _correlated(large)
        and len(small.b_sigma) <= max(len(large.b_sigma), 1)
    )
    if not is_nested:
        raise EngineError(
            "neither model contains the other",
            given=f"{small.formula} ({small.df} parameters), {large.formula} ({large.df})",
            expected="a smaller model whose terms are all in the larger one",
            fix="compare models that are not nested by `aic`, or by `po.compare` of fits",
        )


def _spans(X: np.ndarray, columns: np.ndarray) -> bool:
    """Return whether the columns lie in the span of X."""
    if not columns.shape[1]:
        return True
    if not X.shape[1]:
        return not columns.any()
    fitted = X @ np.linalg.lstsq(X, columns, rcond=None)[0]
    return bool(np.allclose(fitted, columns, rtol=1e-8, atol=1e-8 * np.abs(columns).max()))
