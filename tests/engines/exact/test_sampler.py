"""Adaptation and sampling of targets whose answer is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from poolish.engines.exact import adaptation
from poolish.engines.exact.adaptation import Round, efficiency, evaluate_round, lighten, refine
from poolish.engines.exact.mode import NU, curvature_axes, find_mode, split_along, split_at_mode
from poolish.engines.exact.newton import climb
from poolish.engines.exact.proposals import Mixture, SplitT, student_t

MEAN, SD = np.array([1.0, -1.0]), np.array([0.5, 2.0])


@dataclass(frozen=True)
class Normal:
    """A normal target with a gradient."""

    size: int = 2

    def log_density(self, theta):
        return stats.norm(MEAN, SD).logpdf(theta).sum(axis=1)

    def gradient(self, theta):
        return float(self.log_density(theta[None])[0]), (MEAN - theta) / SD**2


@dataclass(frozen=True)
class TwoModes:
    """Two normals, six standard deviations apart, 30:70."""

    size: int = 1

    def log_density(self, theta):
        parts = stats.norm([-3, 3], 1).logpdf(theta) + np.log([0.3, 0.7])
        return np.logaddexp(*parts.T)


def test_the_mode_of_a_normal_is_its_mean():
    assert find_mode(Normal(), np.zeros(2)) == pytest.approx(MEAN, abs=0.05)


def test_the_mode_and_curvature_of_a_normal_are_found_from_values():
    mode, hessian = climb(Normal().log_density, np.array([9.0, -30.0]))

    assert mode == pytest.approx(MEAN, abs=0.05)
    assert hessian == pytest.approx(-np.diag(SD**-2), abs=1e-6)


def test_newton_s_steps_climb_where_the_density_is_convex():
    # Cauchy tails are convex, and Rosenbrock's valley is curved.
    def log_density(theta):
        return stats.cauchy(0, 1).logpdf(theta[:, 0]) - 10 * (theta[:, 1] - theta[:, 0] ** 2) ** 2

    mode, _ = climb(log_density, np.array([8.0, -20.0]))

    assert mode == pytest.approx([0.0, 0.0], abs=0.05)


def test_newton_s_steps_stop_where_nothing_can_be_computed():
    start = np.array([1.0])

    mode, _ = climb(lambda theta: np.full(len(theta), -np.inf), start)

    assert mode == start


def test_axes_have_the_length_of_standard_deviations():
    axes = curvature_axes(Normal(), MEAN)

    assert axes @ axes.T == pytest.approx(np.diag(SD**2), rel=1e-6)


def test_both_sides_of_a_normal_are_equal():
    split = split_at_mode(Normal(), MEAN)

    assert split.above == pytest.approx(np.ones(2), rel=1e-5)
    assert split.below == pytest.approx(np.ones(2), rel=1e-5)


def test_a_side_is_as_wide_as_a_slow_fall_far_from_the_mode():
    # Laplace's tail three and a half scales away falls like a normal's of scale sqrt(3.5 / 2).
    split = split_along(lambda theta: -np.abs(theta[:, 0]), np.zeros(1), np.eye(1))

    assert split.above == pytest.approx(np.sqrt(3.5 / 2))


def test_efficiency_is_kish_s():
    assert efficiency(np.zeros(10)) == pytest.approx(1.0)
    assert efficiency(np.log([1.0, 1, 0.0001, 0.0001])) == pytest.approx(0.5, rel=1e-3)
    assert efficiency(np.full(3, -np.inf)) == 0.0


def test_lighter_tails_are_taken_for_a_normal(rng):
    split = split_at_mode(Normal(), MEAN)
    found = lighten(evaluate_round(Normal(), split, rng, 400))

    assert found is not None
    assert found.nu > NU


def test_heavy_tails_are_kept_for_a_heavy_target(rng):
    heavy = student_t(np.zeros(1), np.eye(1), NU)
    theta = heavy.sample(rng, 400)
    item = Round(heavy, theta, heavy.log_density(theta), heavy.log_density(theta))

    assert lighten(item) is None
    assert lighten(replace(item, proposal=Mixture([heavy], np.ones(1)))) is None


class Banana:
    """A ridge along y = x^2 / 2, as two sds have whose squares add up to what is known."""

    def log_density(self, theta):
        x, y = theta.T
        return -0.5 * (x**2 + ((y - 0.5 * x**2) / 0.1) ** 2)


def test_the_heaviest_known_draw_weighs_half_or_less_on_a_curved_ridge(rng, monkeypatch):
    start = SplitT(np.zeros(2), np.diag([0.5, 0.1]), np.ones(2), np.ones(2), NU)
    rounds = [evaluate_round(Banana(), start, rng, 400)]
    for _ in range(4):
        rounds.append(evaluate_round(Banana(), refine(rounds, rng), rng, 400))
    theta = np.concatenate([item.theta for item in rounds])
    # The target's integral is 2 pi / 10.
    log_target = Banana().log_density(theta) - np.log(0.2 * np.pi)

    def heaviest():
        return np.max(log_target - refine(rounds, np.random.default_rng(1)).log_density(theta))

    with_local = heaviest()
    monkeypatch.setattr(adaptation, "MOST_LOCAL", 0)
    assert with_local < heaviest() - np.log(2.0)


def test_adaptation_finds_a_second_mode(rng):
    # Begun at one mode, wide enough to reach the other at times.
    start = SplitT(np.array([3.0]), np.eye(1), np.full(1, 1.0), np.full(1, 3.0), NU)
    rounds = [evaluate_round(TwoModes(), start, rng, 400)]
    for _ in range(3):
        rounds.append(evaluate_round(TwoModes(), refine(rounds, rng), rng, 400))

    assert efficiency(rounds[-1].log_weights) > 0.8
    share = np.mean(rounds[-1].proposal.sample(rng, 4000) < 0)
    assert share == pytest.approx(0.3, abs=0.1)
