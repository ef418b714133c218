"""An exploration as the JSON document that the page's scripts read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from poolish.explore.payload import Effect, EffectDraws, Exploration, Plane

# Around the ellipse.
_ROOM = 1.08


def as_document(exploration: Exploration) -> dict[str, Any]:
    """Return an exploration as JSON values, under the names that the scripts use."""
    e = exploration
    return {
        "title": e.title,
        "note": e.note,
        "group": e.group,
        "groups": list(e.groups),
        "n": e.n.tolist(),
        "selected": _first_selected(e),
        "sigma": _digits(e.sigma),
        "isScale": e.is_known_error,
        "effects": [_effect(effect) for effect in e.effects],
        "plane": None if e.plane is None else _plane(e.plane, e),
        "rho": _digits(e.rho),
        "nDraws": e.n_draws,
    }


def _first_selected(e: Exploration) -> int:
    """Return the smallest group that has estimates of its own: it moves the most."""
    is_own = np.all([np.isfinite(effect.own) for effect in e.effects], axis=0)
    return int(np.argmin(np.where(is_own, e.n, np.inf) if is_own.any() else e.n))


def _effect(effect: Effect) -> dict[str, Any]:
    words = effect.words
    return {
        "name": effect.name,
        "noun": words.noun,
        "axis": words.axis,
        "unit": words.unit,
        "own": _values(effect.own),
        "info": _values(effect.info),
        "tauMax": _digits(effect.tau_max),
        "domain": _values(effect.domain),
        "decimals": max(0, 1 - int(np.floor(np.log10(effect.tau_max / 20)))),
        "draws": None if effect.draws is None else _draws(effect.draws),
    }


def _draws(draws: EffectDraws) -> dict[str, Any]:
    return {
        "tau": _digits(draws.tau),
        "mu": _digits(draws.mu),
        "partial": [_values(row) for row in draws.partial],
        "fresh": _values(draws.fresh),
        "histogram": {"tau": _values(draws.bins), "p": _values(draws.shares)},
    }


def _plane(plane: Plane, e: Exploration) -> dict[str, Any]:
    rows = [
        [_values(pair) for pair in zip(x, y, strict=True)]
        for x, y in zip(plane.x, plane.y, strict=True)
    ]
    return {
        "A": [_values(row) for row in plane.A],
        "b": [_values(row) for row in plane.b],
        "rows": rows or None,
        "xRange": _values(plane.x_range),
        "yRange": _values(plane.y_range),
        "xAxis": plane.x_axis,
        "yAxis": plane.y_axis,
        "domain": [_values(_hold_ellipse(effect)) for effect in e.effects],
    }


def _hold_ellipse(effect: Effect) -> tuple[float, float]:
    """Return ends of an axis between which the ellipse of 95 % of the groups has room."""
    known = effect.own[np.isfinite(effect.own)]
    draws = effect.draws
    middle, sd = (known.mean(), known.std()) if draws is None else (draws.mu, draws.tau)
    reach = _ROOM * np.sqrt(-2 * np.log(0.05)) * sd
    low, high = effect.domain
    return float(min(low, middle - reach)), float(max(high, middle + reach))


def _values(values: Iterable[float]) -> list[float | None]:
    return [_digits(value) if np.isfinite(value) else None for value in values]


def _digits(value: float) -> float:
    """Return a number with nine significant digits: pages stay small."""
    return float(f"{value:.9g}")
