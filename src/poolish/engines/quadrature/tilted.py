"""Normal densities times the exponential of a polynomial: what is between the nodes of a group."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.polynomial import hermite_e

from poolish.engines.quadrature.integral import NodeValues, Rule
from poolish.engines.quadrature.placement import Centres

DEGREE = 4
# Scale of the normal that is drawn from, and how far out, in scales, the polynomial is followed.
BASE_SCALE, REACH = 1.2, 3.2
# Where the largest ratio is looked for.
LOOKS = np.linspace(-REACH, REACH, 9)
# From coefficients of He_0, He_1, ... times their squared norms 0!, 1!, ... to those of powers.
TO_POWERS = np.array(
    [
        np.pad(hermite_e.herme2poly([0.0] * k + [1.0]), (0, DEGREE - k)) / factorial(k)
        for k in range(DEGREE + 1)
    ]
).T
_TILT = 0.5 * (1.0 / BASE_SCALE**2 - 1.0)


@dataclass(frozen=True, slots=True)
class TiltedNormal:
    """Densities of v = mode + scale z, proportional to N(z; 0, BASE_SCALE^2) exp(r(z)).

    r is a polynomial, kept at its value at -REACH or REACH beyond, and cut off at `highest`.

    Parameters
    ----------
    centres : Centres
    powers : ndarray, shape (DEGREE + 1, group, value)
        Coefficients of r.
    highest : ndarray, shape (group, value)
    """

    centres: Centres
    powers: np.ndarray
    highest: np.ndarray

    def take(self, groups: np.ndarray) -> TiltedNormal:
        """Return the densities of some groups."""
        centres = Centres(self.centres.mode[groups], self.centres.scale[groups])
        return TiltedNormal(centres, self.powers[:, groups], self.highest[groups])

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one draw per group and value, and its log density up to a constant of each.

        Draws of the normal are kept with probability exp(r - highest).
        """
        powers, highest = self.powers.reshape(DEGREE + 1, -1), self.highest.ravel()
        z, logs = np.empty_like(highest), np.empty_like(highest)
        missing = np.arange(len(highest))
        while len(missing):
            proposed = BASE_SCALE * rng.standard_normal(len(missing))
            ratio = np.minimum(_polynomial(powers, proposed), highest)
            is_kept = ratio + rng.standard_exponential(len(missing)) > highest
            kept = missing[is_kept]
            z[kept], logs[kept] = proposed[is_kept], ratio[is_kept]
            missing = missing[~is_kept]
            powers, highest = powers[:, ~is_kept], highest[~is_kept]
        logs -= 0.5 * (z / BASE_SCALE) ** 2
        v = self.centres.mode + self.centres.scale * z.reshape(self.highest.shape)
        return v, logs.reshape(self.highest.shape)


def _polynomial(powers: np.ndarray, z: np.ndarray) -> np.ndarray:
    near = np.clip(z, -REACH, REACH)
    found = powers[DEGREE] * near
    for power in powers[DEGREE - 1 : 0 : -1]:
        found += power
        found *= near
    found += powers[0]
    return found


def tilted_normal(nodes: NodeValues) -> TiltedNormal:
    """Return densities whose logarithms are nearly those at the nodes of a Gauss-Hermite rule."""
    excess = np.maximum(nodes.logs - nodes.logs.max(axis=0), -700.0)
    excess += 0.5 * nodes.rule.nodes[:, None, None] ** 2
    powers = np.tensordot(_regression(nodes.rule), excess, axes=1)
    powers[2] += _TILT
    looks = np.vander(LOOKS, DEGREE + 1, increasing=True)
    highest = np.tensordot(looks, powers, axes=1).max(axis=0)
    return TiltedNormal(nodes.centres, powers, highest)


def _regression(rule: Rule) -> np.ndarray:
    """Return the map from values at the nodes to the polynomial that fits best under a normal.

    Its coefficients by Hermite polynomials are sums over the nodes. With five nodes it passes
    through all of them.
    """
    weights = np.exp(rule.log_weights - 0.5 * rule.nodes**2) / np.sqrt(2.0 * np.pi)
    values = hermite_e.hermevander(rule.nodes, DEGREE)
    return TO_POWERS @ (values * weights[:, None]).T
