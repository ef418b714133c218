"""What columns and effects are called in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolish.posterior import Posterior
from poolish.spec.model import ModelSpec
from poolish.summaries.numbers import count_decimals, format_interval

# By column name: `label` and, where there is one, `unit`; as `[labels]` of a model folder.
type Labels = Mapping[str, Mapping[str, str]]


def find_labels(posterior: Posterior, labels: Labels | None) -> Labels:
    """Return the labels given, on top of those that the fit remembers."""
    remembered: Mapping[str, Any] = posterior.record.options.get("labels", {})
    return {**remembered, **(labels or {})}


def describe_column(labels: Labels | None, name: str) -> tuple[str, str]:
    """Return label and unit of a column; its name and nothing when there is no label."""
    stated = (labels or {}).get(name, {})
    return stated.get("label", name), stated.get("unit", "")


def name_column(labels: Labels | None, name: str) -> str:
    """Return the label of a column with its unit, or its name.

    Examples
    --------
    >>> name_column({"Days": {"label": "Sleep restriction", "unit": "days"}}, "Days")
    'Sleep restriction (days)'
    """
    return with_unit(*describe_column(labels, name))


def name_group(labels: Labels, group: str) -> str:
    """Return what a group is called, `a:b` by the labels of both columns.

    Examples
    --------
    >>> name_group({"cask": {"label": "Cask"}}, "batch:cask")
    'batch:Cask'
    """
    return ":".join(labels.get(name, {}).get("label", name) for name in group.split(":"))


def name_effect(spec: ModelSpec, response: str, effect: str, labels: Labels) -> str:
    """Return the title of the axis of a coefficient, with unit or the scale of the link.

    Examples
    --------
    >>> from poolish.plots.words import with_unit
    >>> with_unit("Slope: Time", "ms per day")
    'Slope: Time (ms per day)'
    """
    stated, x = labels.get(response, {}), labels.get(effect, {})
    label, unit = stated.get("label", response), stated.get("unit", "")
    link = spec.main.link.name
    if effect == "Intercept":
        is_mean = spec.main.coefs == ("Intercept",)
        text, unit = ("" if is_mean else "Intercept: ") + label, unit
    else:
        per = singular(x.get("unit", "")) or "unit"
        unit = f"{unit} per {per}" if unit and "[" not in effect else unit
        text = f"{'Effect of' if '[' in effect else 'Slope on'} {x.get('label', effect)}: {label}"
    return with_unit(text, unit if link == "identity" else f"{link} scale")


def with_unit(label: str, unit: str) -> str:
    """Return a label with its unit in brackets, if it has one."""
    return f"{label} ({unit})" if unit else label


def say_range(low: float, high: float) -> str:
    """Return two numbers with the digits that their distance asks for.

    Examples
    --------
    >>> say_range(0.0515, 0.2), say_range(8.78, 2870.0)
    ('0.05 to 0.20', '9 to 2,870')
    """
    return format_interval(low, high, count_decimals(abs(high - low)))


def join_words(words: list[str]) -> str:
    """Return words as a list in a sentence.

    Examples
    --------
    >>> join_words(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def singular(unit: str) -> str:
    """Return one of a unit: `day` of `days`, `ms` as it is."""
    return unit[:-1] if unit.endswith("s") and len(unit) > 3 else unit
