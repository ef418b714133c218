"""What columns, groups and coefficients are called on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# By column name: `label` and, where there is one, `unit`; as `[labels]` of a model folder.
type Labels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Words:
    """What a coefficient is called.

    Parameters
    ----------
    noun : str
        In a sentence: "mean", "intercept", "slope".
    axis, unit : str
        Title of its axis; its unit, which may be empty.
    """

    noun: str
    axis: str
    unit: str


def describe_column(labels: Labels | None, name: str) -> tuple[str, str]:
    """Return label and unit of a column; its name and nothing when there is no label."""
    stated = (labels or {}).get(name, {})
    return stated.get("label", name), stated.get("unit", "")


def name_axis(labels: Labels | None, name: str) -> str:
    """Return the title of a column's axis, with its unit.

    Examples
    --------
    >>> name_axis({"Days": {"label": "Sleep restriction", "unit": "days"}}, "Days")
    'Sleep restriction (days)'
    """
    return _with_unit(*describe_column(labels, name))


def name_group(labels: Labels | None, name: str) -> str:
    """Return what one group is called inside a sentence.

    Examples
    --------
    >>> name_group(None, "Subject"), name_group(None, "siteID")
    ('subject', 'siteID')
    """
    label, _ = describe_column(labels, name)
    return label if any(letter.isupper() for letter in label[1:]) else label.lower()


def name_effects(
    response: str, effects: tuple[str, ...], *, is_mean: bool, labels: Labels | None
) -> tuple[Words, ...]:
    """Return what each effect is called.

    Parameters
    ----------
    response : str
    effects : tuple of str
        `Intercept` and names of columns.
    is_mean : bool
        Whether the intercept is a group's mean: there are no other predictors.
    labels : Mapping, optional

    Examples
    --------
    >>> labels = {"Days": {"label": "Days", "unit": "days"}, "y": {"label": "Time", "unit": "ms"}}
    >>> name_effects("y", ("Intercept", "Days"), is_mean=False, labels=labels)[1]
    Words(noun='slope', axis='Slope: Time (ms per day)', unit='ms per day')
    """
    label, unit = describe_column(labels, response)
    intercepts = {
        True: Words("mean", _with_unit(label, unit), unit),
        False: Words("intercept", _with_unit(f"Intercept: {label}", unit), unit),
    }
    return tuple(
        intercepts[is_mean] if effect == "Intercept" else _slope(label, unit, effect, labels)
        for effect in effects
    )


def _slope(label: str, unit: str, effect: str, labels: Labels | None) -> Words:
    name, x_unit = describe_column(labels, effect)
    # "ms per day", of a predictor in "days"
    one = x_unit[:-1] if x_unit.endswith("s") and len(x_unit) > 3 else x_unit
    rate = f"{unit} per {one or name}".strip()
    return Words("slope", _with_unit(f"Slope: {label}", rate), rate if unit else "")


def _with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit else label
