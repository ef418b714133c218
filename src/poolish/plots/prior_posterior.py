"""What the data added: the prior and the posterior of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from poolish.errors import UnknownNameError
from poolish.plots.marks import hide_unused, legend_below, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import PARTIAL, PRIOR
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.spec.build import spec_priors
from poolish.spec.distributions import log_density
from poolish.spec.priors import ResolvedPrior
from poolish.summaries.prior_values import prior_values
from poolish.summaries.scalars import Scalars, collect_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AT_MOST = 12
_N_GRID = 200
_N_COLUMNS = 3
# Parameters whose prior has no density to draw.
_NO_DENSITY = ("flat", "constant")


def picture_prior_posterior(
    posterior: Posterior,
    parameters: Sequence[str] = (),
    *,
    at_most: int = AT_MOST,
    labels: Labels,
) -> Picture:
    """Return the picture of the prior and the posterior density of each parameter.

    Parameters
    ----------
    posterior : Posterior
    parameters : sequence of str
        `b[Days]`, `sd_Subject[Intercept]`, ...; the first ones when left out.
    at_most : int
        Panels.
    labels : Mapping

    Raises
    ------
    UnknownNameError
        If there is no such parameter.
    """
    scalars = collect_scalars(posterior)
    priors = {row.slot.names[0]: row for row in spec_priors(posterior.spec)}
    moving = [i for i in range(len(scalars.labels)) if np.ptp(scalars.values[:, :, i]) > 0]
    places = [_place(scalars, name) for name in parameters] or moving[:at_most]
    frame = pd.concat([_tabulate(posterior, scalars, i, priors) for i in places], ignore_index=True)
    names = [scalars.labels[i] for i in places]
    ratio = frame.groupby("parameter", sort=False)["sd_ratio"].first()
    tight = ratio.dropna()
    n_rows = -(-len(names) // min(_N_COLUMNS, len(names)))
    left = len(moving) - len(places)
    return Picture(
        frame=frame,
        title=f"The data narrowed {int((tight < 0.5).sum())} of {len(tight)} parameters to less "
        "than half of their prior spread",
        caption="Filled: posterior (kernel density of the draws). Dashed: prior density. The axis "
        "shows the posterior; a prior that is wide looks flat there. Intercepts and thresholds are "
        "at average predictors where their priors are."
        + (f" {left} more parameters are not shown." if left > 0 and not parameters else ""),
        alt=f"Prior and posterior of {len(names)} parameters; posterior spread over prior spread: "
        + ", ".join(f"{name} {value:.2g}" for name, value in tight.items())
        + ".",
        draw=partial(_draw, frame, names),
        size=(WIDTH + 1, 1.2 + 1.9 * n_rows),
        grid=(n_rows, min(_N_COLUMNS, len(names))),
    )


def _place(scalars: Scalars, name: str) -> int:
    if name not in scalars.labels:
        raise UnknownNameError(
            f"`{name}` is not a parameter of this fit",
            given=f"`{name}`",
            expected=f"one of {', '.join(scalars.labels[:12])}",
            fix=f'write, for example, `"{scalars.labels[0]}"`',
        )
    return scalars.labels.index(name)


def _tabulate(
    posterior: Posterior, scalars: Scalars, i: int, priors: dict[str, ResolvedPrior]
) -> pd.DataFrame:
    label = scalars.labels[i]
    resolved = priors.get(label) or priors.get(label.split("[")[0])
    values = _draws(posterior, scalars, i, resolved)
    low, high = np.quantile(values, (0.001, 0.999))
    pad = 0.25 * (high - low)
    bottom = resolved.slot.lower if resolved and not resolved.slot.n_effects else -np.inf
    is_cor = bool(resolved and resolved.slot.n_effects)
    floor, ceiling = (-1.0, 1.0) if is_cor else (bottom, np.inf)
    grid = np.linspace(max(low - pad, floor), min(high + pad, ceiling), _N_GRID)
    prior, prior_sd = (np.full(_N_GRID, np.nan), np.nan) if resolved is None else _prior(
        resolved, grid)  # fmt: skip
    return pd.DataFrame(
        {
            "parameter": label,
            "value": grid,
            "posterior": stats.gaussian_kde(values)(grid),
            "prior": prior,
            "sd_ratio": values.std() / prior_sd,
        }
    )


def _draws(
    posterior: Posterior, scalars: Scalars, i: int, resolved: ResolvedPrior | None
) -> np.ndarray:
    """Return the draws of what the prior is a prior of."""
    values = None if resolved is None else prior_values(posterior, scalars, resolved)
    if resolved is None or values is None:
        return scalars.values[:, :, i].ravel()
    # One element, or that of each threshold.
    name = resolved.slot.names[0]
    first = next(k for k, label in enumerate(scalars.labels) if label in (name, f"{name}[1]"))
    return values[:, :, i - first].ravel()


def _prior(resolved: ResolvedPrior, grid: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the prior density on a grid, and a spread: half the width of its central 68 %."""
    from poolish.spec.priors import implied_range

    low, high = implied_range(resolved, 0.682689)
    spread = (high - low) / 2 if np.isfinite([low, high]).all() and high > low else np.nan
    slot, prior = resolved.slot, resolved.prior
    if slot.n_effects:
        # Lewandowski, Kurowicka & Joe (2009), section 3: (rho + 1) / 2 is beta.
        shape = prior.arguments[0] + (slot.n_effects - 2) / 2
        return stats.beta.pdf((grid + 1) / 2, shape, shape) / 2, spread
    if prior.distribution in _NO_DENSITY:
        return np.full(len(grid), np.nan), np.nan
    inside = np.clip(grid, np.nextafter(slot.lower, np.inf), slot.upper)
    # A density may have a pole at the end of its range.
    height = np.minimum(log_density(prior, inside, lower=slot.lower, upper=slot.upper), 700.0)
    return np.exp(height), spread


def _draw(frame: pd.DataFrame, names: list[str], axes: Sequence[Axes]) -> None:
    by_name = dict(tuple(frame.groupby("parameter", sort=False)))
    for ax, name in zip(axes, names, strict=False):
        part = by_name[name]
        ax.fill_between(part["value"], part["posterior"], color=PARTIAL, alpha=0.3, linewidth=0)
        ax.plot(part["value"], part["posterior"], color=PARTIAL, label="posterior")
        ax.plot(part["value"], part["prior"], color=PRIOR, linestyle="--", linewidth=2.2,
                label="prior")  # fmt: skip
        ax.set_title(shorten(name, 30), fontsize=9, loc="left")
        ax.set_yticks([])
        ax.locator_params(axis="x", nbins=5)
        ax.set_ylim(bottom=0.0)
        ax.grid(visible=False, axis="y")
    hide_unused(axes, len(names), _N_COLUMNS)
    legend_below(axes[0])
