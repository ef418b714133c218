"""The printed point estimates, in lme4's order: criteria, residuals, group effects, population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from poolish.engines.exact.point_fit import GroupEstimate, PointFit

# Correlations of more coefficients than this are left to `vcov`.
MOST_CORRELATED = 8
_QUARTILES = {"min": 0.0, "1st quartile": 0.25, "median": 0.5, "3rd quartile": 0.75, "max": 1.0}

type Row = tuple[str, ...]


def print_estimates(fit: PointFit) -> str:
    """Return what a person sees of a fit by maximum likelihood."""
    blocks = (
        _head(fit),
        *map(_table, (_variation(fit), _heritabilities(fit), _sigma(fit), _population(fit))),
    )
    correlation = _table(_correlation(fit))
    return "\n\n".join("\n".join(block) for block in (*blocks, correlation) if block)


def _head(fit: PointFit) -> list[str]:
    criterion = "REML criterion" if fit.reml else "deviance"
    groups = ", ".join(f"{group.name} {len(group.levels):,}" for group in fit.groups)
    quartiles = np.quantile(fit.scaled_residuals, list(_QUARTILES.values()))
    lines = [
        f"{fit.formula}    gaussian, {'REML' if fit.reml else 'maximum likelihood'}",
        f"{fit.n_obs:,} observations{'; groups: ' * bool(groups)}{groups}",
        f"{criterion} {fit.deviance:.3f}   log likelihood {fit.log_likelihood:.3f}"
        f"   AIC {fit.aic:.2f}   BIC {fit.bic:.2f}   df {fit.df}",
        "Scaled residuals: "
        + ", ".join(f"{name} {q:.2f}" for name, q in zip(_QUARTILES, quartiles, strict=True)),
    ]
    singular = "Singular: a variance is 0 or a correlation is 1 or -1"
    return [*lines, singular] if fit.is_singular else lines


def _variation(fit: PointFit) -> Iterator[Row]:
    if not fit.groups and fit.sigma is None:
        return
    yield "Group-level effects", "variance", "sd", "correlations"
    for group in fit.groups:
        for i, effect in enumerate(group.effects):
            sd = float(group.sd[i])
            yield f"{group.name}  {effect}", f"{sd**2:.5g}", f"{sd:.5g}", _correlations(group, i)
    if fit.sigma is not None:
        yield "residual", f"{fit.sigma**2:.5g}", f"{fit.sigma:.5g}", ""


def _correlations(group: GroupEstimate, i: int) -> str:
    """Return the correlations with the effects before it in its block."""
    (block,) = (block for block in group.blocks if i in block)
    return "  ".join(f"{group.correlation[i, j]:5.2f}" if j < i else " " * 5 for j in block[:-1])


def _heritabilities(fit: PointFit) -> Iterator[Row]:
    if fit.heritabilities:
        yield "Heritability", "estimate", "se"
    for item in fit.heritabilities:
        yield item.group, f"{item.estimate:.5g}", f"{item.se:.5g}"


def _sigma(fit: PointFit) -> Iterator[Row]:
    if len(fit.b_sigma):
        yield "Log of the residual sd", "estimate"
    for coef, value in zip(fit.sigma_coefs, fit.b_sigma, strict=True):
        yield coef, f"{value:.5g}"


def _population(fit: PointFit) -> Iterator[Row]:
    if fit.coefs:
        yield "Population-level effects", "estimate", "se", "t"
    for coef, b, se in zip(fit.coefs, fit.b, fit.se, strict=True):
        yield coef, f"{b:.5g}", f"{se:.5g}", f"{b / se:.2f}"


def _correlation(fit: PointFit) -> Iterator[Row]:
    """Yield the correlations of the population effects' estimates, below the diagonal."""
    n_coefs = len(fit.coefs)
    if not 1 < n_coefs <= MOST_CORRELATED:
        return
    correlation = fit.vcov / np.outer(fit.se, fit.se)
    yield "Correlation of their estimates", *fit.coefs[:-1]
    for i in range(1, n_coefs):
        yield (
            fit.coefs[i],
            *(f"{correlation[i, j]:.2f}" if j < i else "" for j in range(n_coefs - 1)),
        )


def _table(rows: Iterator[Row]) -> Sequence[str]:
    """Return aligned lines: names to the left, indented under the first row, numbers right."""
    cells = [(row[0] if k == 0 else f"  {row[0]}", *row[1:]) for k, row in enumerate(rows)]
    if not cells:
        return []
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]
