"""The two kinds of unknown: theta (standard deviations, shape) and the inner ones (b, effects).

Both are unconstrained vectors. theta holds log standard deviations and the family's shape or
precision; the inner vector w holds the coefficients, in coordinates where their priors are
independent, and the standard normal effects of the terms that are not integrated out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poolish.engines.exact.parameters import Scalar, coefficient, standard_deviation
from poolish.engines.exact.transforms import resolved
from poolish.engines.quadrature.terms import Terms
from poolish.spec.model import ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

_LOG_2PI = np.log(2.0 * np.pi)
_COMPLEX_STEP = 1e-30
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Natural:
    """theta as people know it, one column per value.

    Parameters
    ----------
    sds : ndarray, shape (term, value)
    auxiliary : ndarray, shape (value,)
        The family's shape or precision; ones where it has none.
    log_prior : ndarray, shape (value,)
        In theta, with the change of variables.
    """

    sds: np.ndarray
    auxiliary: np.ndarray
    log_prior: np.ndarray

    def take(self, values: np.ndarray) -> Natural:
        """Return some of the values."""
        return Natural(self.sds[:, values], self.auxiliary[values], self.log_prior[values])


@dataclass(frozen=True, slots=True)
class Outer:
    """The parameters in theta.

    Parameters
    ----------
    sds : tuple of Scalar
        One per term.
    auxiliary : Scalar or None
    """

    sds: tuple[Scalar, ...]
    auxiliary: Scalar | None

    @property
    def size(self) -> int:
        """Return the number of elements of theta."""
        return sum(scalar.n_theta for scalar in self._scalars)

    @property
    def _scalars(self) -> tuple[Scalar, ...]:
        return self.sds if self.auxiliary is None else (*self.sds, self.auxiliary)

    def natural(self, theta: np.ndarray) -> Natural:
        """Return natural parameters of theta, shape (value, parameter)."""
        values, log_prior = _evaluate(self._scalars, theta.T)
        n_terms = len(self.sds)
        auxiliary = np.ones(len(theta)) if self.auxiliary is None else values[n_terms]
        return Natural(values[:n_terms], auxiliary, log_prior.sum(axis=0))

    def at_resolution(self, resolutions: np.ndarray) -> Outer:
        """Return the same parameters, standard deviations on scales of a known resolution.

        Parameters
        ----------
        resolutions : ndarray, shape (term,), > 0
            Below it the data cannot tell a standard deviation from 0.
        """
        sds = tuple(
            standard_deviation(scalar.prior, resolved(float(r)))
            for scalar, r in zip(self.sds, resolutions, strict=True)
        )
        return replace(self, sds=sds)

    def start(self, sd: float, auxiliary: float) -> np.ndarray:
        """Return theta for a guess of every standard deviation and of the auxiliary parameter."""
        theta = [number for scalar in self.sds for number in scalar.start(sd)]
        return np.array(theta + ([] if self.auxiliary is None else self.auxiliary.start(auxiliary)))


@dataclass(frozen=True, slots=True)
class Linear:
    """What multiplies the columns of the inner design, and its prior, at one w or several.

    Parameters
    ----------
    beta : ndarray, shape (column, value)
        Coefficients, then sd times standard normal effects.
    log_prior : ndarray, shape (value,)
    """

    beta: np.ndarray
    log_prior: np.ndarray


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives at one w, element by element, shape (inner,).

    Parameters
    ----------
    beta, beta_second : ndarray
        First and second derivatives of beta.
    log_prior, log_prior_second : ndarray
    """

    beta: np.ndarray
    beta_second: np.ndarray
    log_prior: np.ndarray
    log_prior_second: np.ndarray


@dataclass(frozen=True, slots=True)
class Inner:
    """The parameters in w.

    Parameters
    ----------
    coefs : tuple of Scalar
        All coefficients; constants take no element of w.
    to_typed : ndarray, shape (coef, coef)
        From coefficients with independent priors to those on the predictors as typed.
    term_of_effect : ndarray of int, shape (placed effect,)
        The term that each standard normal effect belongs to.
    """

    coefs: tuple[Scalar, ...]
    to_typed: np.ndarray
    term_of_effect: np.ndarray

    @property
    def n_coefs(self) -> int:
        """Return the number of coefficients in w."""
        return sum(scalar.n_theta for scalar in self.coefs)

    @property
    def size(self) -> int:
        """Return the number of elements of w."""
        return self.n_coefs + len(self.term_of_effect)

    def linear(self, w: np.ndarray, sds: np.ndarray) -> Linear:
        """Return beta and log prior of w, shape (value, inner), at sds, shape (term, value)."""
        b, log_prior = _evaluate(self.coefs, w[:, : self.n_coefs].T)
        v = w[:, self.n_coefs :].T
        normal = -0.5 * (v * v).sum(axis=0) - 0.5 * _LOG_2PI * len(v)
        beta = np.concatenate([b, v * sds[self.term_of_effect]])
        return Linear(beta, log_prior.sum(axis=0) + normal)

    def slopes(self, w: np.ndarray, sds: np.ndarray) -> Slopes:
        """Return derivatives at one w, shape (inner,), at sds, shape (term,)."""
        n = self.n_coefs
        moved = w[:n] + np.array([[0.0], [_STEP], [-_STEP]])
        b, log_prior = _evaluate(self.free, (moved + 1j * _COMPLEX_STEP).T)
        first = np.array([b.imag, log_prior.imag]).reshape(2, n, 3) / _COMPLEX_STEP
        second = (first[:, :, 1] - first[:, :, 2]) / (2.0 * _STEP)
        v, scale = w[n:], sds[self.term_of_effect]
        return Slopes(
            beta=np.append(first[0, :, 0], scale),
            beta_second=np.append(second[0], np.zeros(len(v))),
            log_prior=np.append(first[1, :, 0], -v),
            log_prior_second=np.append(second[1], -np.ones(len(v))),
        )

    @property
    def free(self) -> tuple[Scalar, ...]:
        """Return the coefficients that are not constant."""
        return tuple(scalar for scalar in self.coefs if scalar.n_theta)

    @property
    def is_free(self) -> np.ndarray:
        """Return whether each column of the inner design has an element in w."""
        coefs = [bool(scalar.n_theta) for scalar in self.coefs]
        return np.array(coefs + [True] * len(self.term_of_effect), dtype=bool)

    def smoothed(self) -> Inner:
        """Return the same parameters with priors that have two derivatives everywhere."""
        return replace(self, coefs=tuple(_smoothed(scalar) for scalar in self.coefs))

    def typed(self, w: np.ndarray) -> np.ndarray:
        """Return coefficients on the predictors as typed, (value, inner) -> (value, coef)."""
        b, _ = _evaluate(self.coefs, w[:, : self.n_coefs].T)
        return b.T @ self.to_typed.T

    def start(self, b: np.ndarray) -> np.ndarray:
        """Return w for guessed coefficients, effects at zero."""
        guess = [x for s, value in zip(self.coefs, b, strict=True) for x in s.start(float(value))]
        return np.append(guess, np.zeros(len(self.term_of_effect)))


def _smoothed(scalar: Scalar) -> Scalar:
    """Return the scalar with a logistic prior in place of a Laplace one, of the same variance."""
    if scalar.prior.distribution != "laplace":
        return scalar
    location, scale = scalar.prior.arguments
    return coefficient(Prior("logistic", (location, scale * np.sqrt(6.0) / np.pi)))


def _evaluate(scalars: Sequence[Scalar], theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and log priors, shape (scalar, value), of theta, shape (parameter, value)."""
    shape = (len(scalars), theta.shape[1])
    values, log_prior = np.zeros(shape, dtype=theta.dtype), np.zeros(shape, dtype=theta.dtype)
    at = 0
    for row, scalar in enumerate(scalars):
        values[row], log_prior[row] = scalar.evaluate(theta[at : at + scalar.n_theta])
        at += scalar.n_theta
    return values, log_prior


def build_outer(spec: ModelSpec, terms: Terms) -> Outer:
    """Return the parameters in theta of a model within reach."""
    groups = spec.main.groups
    sds = tuple(standard_deviation(groups[t.factor].sd_priors[t.effect]) for t in terms.all)
    auxiliary = [standard_deviation(prior) for prior in spec.auxiliary.values()]
    return Outer(sds, auxiliary[0] if auxiliary else None)


def build_inner(main: PredictorSpec, average: np.ndarray, terms: Terms) -> Inner:
    """Return the parameters in w of a predictor with column means `average`."""
    to_typed = np.eye(len(main.priors))
    if main.has_intercept and main.intercept_at == "average":
        to_typed[0, 1:] = -average[1:]
    term_of_effect = [np.repeat(i, terms.all[i].n_levels) for i in terms.placed]
    return Inner(
        tuple(coefficient(prior) for prior in main.priors),
        to_typed,
        np.concatenate([np.zeros(0, dtype=int), *term_of_effect]).astype(int),
    )
