"""The result of maximum likelihood: point estimates, their standard errors, conditional modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from poolish.engines.exact.point_print import print_estimates

if TYPE_CHECKING:
    import pandas as pd

# lme4's `isSingular`: a diagonal element of the relative Cholesky factor below this.
SINGULAR_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class GroupEstimate:
    """Estimates of one grouping factor.

    Parameters
    ----------
    name : str
    effects, levels : tuple of str
    blocks : tuple of tuple of int
        Effects that are correlated with each other.
    sd : ndarray, shape (effect,)
    correlation : ndarray, shape (effect, effect)
        NaN beside an effect whose standard deviation is 0.
    modes : ndarray, shape (level, effect)
        Conditional modes (BLUPs) of the group effects.
    mode_sds : ndarray, shape (level, effect)
        Conditional standard deviations given the estimated parameters and b, as lme4's.
    """

    name: str
    effects: tuple[str, ...]
    levels: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    sd: np.ndarray
    correlation: np.ndarray
    modes: np.ndarray
    mode_sds: np.ndarray


@dataclass(frozen=True, slots=True)
class Heritability:
    """The share of the variance that a known covariance explains, at its mean diagonal.

    Parameters
    ----------
    group : str
    estimate : float
        In [0, 1].
    se : float
        By the delta method from the curvature of the likelihood; NaN at the boundary.
    """

    group: str
    estimate: float
    se: float


@dataclass(frozen=True, slots=True, eq=False)
class PointFit:
    """Point estimates by restricted (REML) or ordinary (ML) maximum likelihood.

    Parameters
    ----------
    formula : str
    reml : bool
    coefs : tuple of str
    b, se : ndarray, shape (coef,)
        Population effects and their standard errors.
    vcov : ndarray, shape (coef, coef)
    groups : tuple of GroupEstimate
    sigma : float or None
        Residual standard deviation; None with known standard errors or a formula for `sigma`.
    sigma_coefs : tuple of str
    b_sigma : ndarray, shape (coef of sigma,)
        Coefficients of log sigma when it has a formula, otherwise empty.
    heritabilities : tuple of Heritability
        Of the groups with a known covariance, where every group has an intercept only.
    log_likelihood : float
        Restricted when `reml`.
    df : int
        Number of estimated parameters.
    n_obs : int
    is_singular : bool
        Whether a variance is 0 or a correlation 1 or -1, by lme4's rule.
    y, X : ndarray
        What was fitted, for comparisons.
    scaled_residuals : ndarray, shape (obs,)
        y less its conditional mean, divided by its residual standard deviation.
    """

    formula: str
    reml: bool
    coefs: tuple[str, ...]
    b: np.ndarray
    se: np.ndarray
    vcov: np.ndarray
    groups: tuple[GroupEstimate, ...]
    sigma: float | None
    sigma_coefs: tuple[str, ...]
    b_sigma: np.ndarray
    heritabilities: tuple[Heritability, ...]
    log_likelihood: float
    df: int
    n_obs: int
    is_singular: bool
    y: np.ndarray
    X: np.ndarray
    scaled_residuals: np.ndarray

    @property
    def deviance(self) -> float:
        """Return minus twice the log likelihood: the REML criterion when `reml`."""
        return -2.0 * self.log_likelihood

    @property
    def aic(self) -> float:
        """Return Akaike's information criterion."""
        return self.deviance + 2.0 * self.df

    @property
    def bic(self) -> float:
        """Return Schwarz's information criterion, log(n) by rows as lme4 counts them."""
        return self.deviance + float(np.log(self.n_obs)) * self.df

    def group(self, name: str) -> GroupEstimate:
        """Return the estimates of one grouping factor."""
        return next(group for group in self.groups if group.name == name)

    def to_frame(self) -> pd.DataFrame:
        """Return estimates and standard errors, one row per parameter; NaN where there is none."""
        import pandas as pd

        rows = [
            *((f"b[{c}]", b, se) for c, b, se in zip(self.coefs, self.b, self.se, strict=True)),
            *self._variance_rows(),
        ]
        return pd.DataFrame(rows, columns=["parameter", "estimate", "se"]).set_index("parameter")

    def _variance_rows(self) -> list[tuple[str, float, float]]:
        found: list[tuple[str, float]] = []
        for g in self.groups:
            found += [(f"sd_{g.name}[{e}]", float(s)) for e, s in zip(g.effects, g.sd, strict=True)]
            found += [
                (f"cor_{g.name}[{g.effects[i]}, {g.effects[j]}]", float(g.correlation[i, j]))
                for block in g.blocks
                for j in block
                for i in block
                if i < j
            ]
        found += [
            (f"b_sigma[{coef}]", float(value))
            for coef, value in zip(self.sigma_coefs, self.b_sigma, strict=True)
        ]
        found += [] if self.sigma is None else [("sigma", self.sigma)]
        shares = [(f"h2_{item.group}", item.estimate, item.se) for item in self.heritabilities]
        return [*((name, value, np.nan) for name, value in found), *shares]

    def __repr__(self) -> str:
        return print_estimates(self)
