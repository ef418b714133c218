"""Transforms against SciPy and the closed form of the LKJ density."""

import numpy as np
import pytest
from scipy import integrate, special

from poolish.engines.exact.transforms import correlation_root, prior_transform, resolved
from poolish.spec.prior import Prior


@pytest.mark.parametrize("q", [2, 3, 4])
@pytest.mark.parametrize("eta", [0.7, 1.0, 2.0, 5.0])
def test_lkj_density_is_that_of_the_determinant(q, eta):
    # LKJ: p(R) = c |R|^(eta - 1) (Lewandowski, Kurowicka & Joe 2009, eq. 16 gives 1/c); the
    # Jacobian of theta -> R is computed by finite differences.
    rng = np.random.default_rng(q)
    theta = rng.normal(scale=0.5, size=q * (q - 1) // 2)
    lower = np.tril_indices(q, -1)

    def correlations(t):
        R, _ = correlation_root(t[:, None], q, eta)
        return (R[:, :, 0] @ R[:, :, 0].T)[lower]

    h = 1e-5
    steps = [
        (correlations(theta + h * e) - correlations(theta - h * e)) / (2 * h)
        for e in np.eye(len(theta))
    ]
    root, found = correlation_root(theta[:, None], q, eta)
    log_det = 2 * np.log(np.diag(root[:, :, 0])).sum()
    k = np.arange(1, q)
    log_normaliser = np.sum(
        (2 * eta - 2 + q - k) * (q - k) * np.log(2)
        + (q - k) * special.betaln(eta + (q - k - 1) / 2, eta + (q - k - 1) / 2)
    )
    expected = (eta - 1) * log_det - log_normaliser + np.linalg.slogdet(np.array(steps))[1]
    assert found[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_correlation_roots_have_unit_rows():
    theta = np.random.default_rng(0).normal(size=(6, 5))

    R, _ = correlation_root(theta, 4, 2.0)

    assert np.sum(R**2, axis=1) == pytest.approx(np.ones((4, 5)))


def test_extreme_correlations_stay_finite():
    R, log_density = correlation_root(np.array([[300.0, -300.0]]), 2, 2.0)

    assert R[1, 0] == pytest.approx([1, -1])
    assert np.isfinite(log_density).all()


@pytest.mark.parametrize(
    ("prior", "lower"),
    [
        (Prior("half_normal", (0.0, 2.0)), 0.0),
        (Prior("uniform", (1.0, 4.0)), 0.0),
        (Prior("uniform", (-1.0, 4.0)), 0.0),
        (Prior("beta", (2.0, 3.0)), 0.0),
        (Prior("normal", (0.0, 1.0)), -np.inf),
        (Prior("exponential", (2.0,)), -np.inf),
    ],
)
def test_transforms_have_their_own_jacobian_and_inverse(prior, lower):
    transform = prior_transform(prior, lower=lower)
    theta = np.linspace(-2, 2, 9)

    x, log_jacobian = transform.forward(theta)

    slope = transform.forward(theta + 1e-30j)[0].imag / 1e-30
    assert log_jacobian == pytest.approx(np.log(slope), abs=1e-12)
    assert [transform.inverse(value) for value in x] == pytest.approx(theta)


def test_interval_transform_covers_the_interval():
    transform = prior_transform(Prior("uniform", (1.0, 4.0)), lower=0.0)

    area, _ = integrate.quad(lambda t: np.exp(transform.forward(np.array(t))[1]), -40, 40)

    assert area == pytest.approx(3.0)


@pytest.mark.parametrize("resolution", [1e-6, 1.0, 1e4])
def test_resolved_scale_is_exponential_then_linear_then_logarithmic(resolution):
    forward = resolved(resolution).forward

    sd, _ = forward(np.array([-30.0, -29.0, 2.5, 3.5, 60.0, 66.0]))

    assert sd[1] / sd[0] == pytest.approx(np.e)
    assert (sd[3] - sd[2]) / resolution == pytest.approx(1.0, abs=0.15)
    assert sd[5] / sd[4] == pytest.approx(np.e, rel=1e-3)


def test_resolved_scale_has_its_inverse_and_slope():
    transform, theta = resolved(3.0), np.array([-5.0, 0.0, 2.0, 20.0])

    sd, log_slope = transform.forward(theta)
    stepped, _ = transform.forward(theta + 1e-30j)

    assert [transform.inverse(float(x)) for x in sd] == pytest.approx(theta)
    assert np.exp(log_slope) == pytest.approx(stepped.imag / 1e-30)
