"""Group effects that are not stored: drawn again from what is, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.exact.blocked import Blocked
from poolish.engines.exact.cross_products import build_cross_products
from poolish.engines.exact.late import LateEffects
from poolish.engines.exact.late_precision import LatePrecision
from poolish.engines.exact.layout import build_layout
from poolish.engines.exact.mixed_equations import build_equations
from poolish.engines.exact.parameters import build_parameters
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.prepare import prior_population
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.structure import structure_kind
from poolish.engines.exact.variables import stored_draws
from poolish.errors import UnknownNameError
from poolish.spec.model import GroupSpec, ModelSpec


def late_effects(
    spec: ModelSpec, likelihood: Blocked, posterior: Mapping[str, np.ndarray], seed: int
) -> LateEffects:
    """Return the eliminated factor's effects, ready to be drawn from stored variables."""
    blocks = likelihood.blocks
    stored = stored_draws(spec, build_parameters(spec, likelihood.residual), posterior)
    n_chains = len(posterior["b"])
    return LateEffects(blocks.layout, blocks.population, blocks.sums, stored, n_chains, seed)


def group_redraw(
    spec: ModelSpec,
    design: Design,
    posterior: Mapping[str, np.ndarray],
    seed: int,
    name: str | None = None,
) -> LateEffects | LatePrecision:
    """Return the effects that a fit did not store, ready to be drawn in parts.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
        Of the data the model was fitted to.
    posterior : Mapping of str to ndarray, shape (chain, draw, ...)
        The variables of the fit: all but the group effects to be drawn.
    seed : int
        The seed of the fit.
    name : str, optional
        The group, where sparse precisions leave the effects of all groups to be drawn again; the
        first when left out.
    """
    residual = build_residual(design)
    population = prior_population(spec, design, residual)
    stored = stored_draws(spec, build_parameters(spec, residual), posterior)
    n_chains = len(posterior["b"])
    if structure_kind(design.main, residual) is Precision:
        equations = build_equations(design.main.groups, residual, population)
        likelihood = Precision(design.main, residual, population, equations, None)
        names = [group.name for group in spec.main.groups]
        return LatePrecision(likelihood, names.index(name or names[0]), stored, n_chains, seed)
    layout = build_layout(design.main.groups, population.n_free)
    sums = build_cross_products(design.main.groups, layout, population, residual)
    return LateEffects(layout, population, sums, stored, n_chains, seed)


def redraw_groups(
    spec: ModelSpec,
    design: Design,
    posterior: Mapping[str, np.ndarray],
    seed: int,
    name: str,
    *,
    draws: slice = slice(None),
    levels: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """Return the draws of group effects that a fit made but did not store, bit for bit.

    To draw many parts one after the other, keep the value of `group_redraw` and call its `draw`.

    Parameters
    ----------
    spec, design, posterior, seed
        As for `group_redraw`.
    name : str
        The group.
    draws : slice
        Which draws of every chain.
    levels : sequence of int, optional
        Positions of the levels wanted; all when left out.

    Returns
    -------
    ndarray, shape (chain, draw, level, effect)

    Raises
    ------
    UnknownNameError
        If `name` is not the group whose effects are drawn again.
    """
    late = _late_groups(spec, design)
    if name not in late:
        raise UnknownNameError(
            f"the effects of `{name}` are not drawn again",
            given=f"group `{name}`",
            expected=f"`{'`, `'.join(late)}`, not stored" if late else "no group",
            fix="read the effects of the other groups from the posterior variables",
        )
    wanted = np.arange(len(late[name].levels)) if levels is None else np.asarray(levels)
    return group_redraw(spec, design, posterior, seed, name).draw(draws, wanted)


def _late_groups(spec: ModelSpec, design: Design) -> dict[str, GroupSpec]:
    """Return the groups, by name, whose effects can be drawn again."""
    groups = spec.main.groups
    kind = structure_kind(design.main, build_residual(design))
    if kind is not Precision:
        eliminated = build_layout(design.main.groups, 0).eliminated if kind is Blocked else None
        groups = () if eliminated is None else (groups[eliminated],)
    return {group.name: group for group in groups}
