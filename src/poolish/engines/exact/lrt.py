"""The likelihood-ratio test of two nested maximum-likelihood fits, at the boundary too."""

from __future__ import annotations

from dataclasses import dataclass

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
    reference : str
        The distribution the p-value comes from, and why.
    """

    smaller: str
    larger: str
    statistic: float
    df: int
    p_value: float
    reference: str

    def __repr__(self) -> str:
        return (
            f"likelihood-ratio test\n  {self.smaller}\n  {self.larger}\n"
            f"  chi-square {self.statistic:.4f}, {self.df} more parameter{'s' * (self.df > 1)},"
            f" p = {self.p_value:.4g}\n  {self.reference}"
        )


def lrt(a: PointFit, b: PointFit) -> LikelihoodRatio:
    """Return the likelihood-ratio test of two nested fits, in either order.

    Notes
    -----
    A variance under test is 0, at its boundary, under the smaller model. When one effect is
    added, with q covariances to others, twice the log likelihood ratio is a 50:50 mixture of
    chi-squares with q and q + 1 degrees of freedom (more by the other parameters tested). When
    several are added, the mixture is unknown and the plain chi-square is conservative.

    References
    ----------
    Self & Liang (1987), JASA 82, 605-610, cases 5-6. doi:10.1080/01621459.1987.10478472
    Stram & Lee (1994), Biometrics 50(4), 1171-1177, section 3. doi:10.2307/2533455

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
    df = large.df - small.df
    p_value, reference = _tail(statistic, df, len(_effects(large) - _effects(small)))
    return LikelihoodRatio(small.formula, large.formula, statistic, df, p_value, reference)


def _tail(statistic: float, df: int, n_variances: int) -> tuple[float, str]:
    """Return the p-value and the distribution it comes from."""
    if n_variances == 0:
        return _chi_square(statistic, df), f"reference: chi-square with {df} degrees of freedom"
    if n_variances == 1:
        p_value = 0.5 * _chi_square(statistic, df) + 0.5 * _chi_square(statistic, df - 1)
        return p_value, (
            f"reference: 50:50 mixture of chi-squares with {df - 1} and {df} degrees of freedom,"
            " because the variance tested is at its boundary, 0, in the smaller model"
        )
    return _chi_square(statistic, df), (
        f"reference: chi-square with {df} degrees of freedom, conservative because the"
        f" {n_variances} variances tested are at their boundary, 0, in the smaller model"
    )


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
