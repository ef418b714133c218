"""What columns, groups and coefficients are called on the page."""

from __future__ import annotations

from dataclasses import dataclass

from poolish.plots.words import Labels, describe_column, singular, with_unit


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
        True: Words("mean", with_unit(label, unit), unit),
        False: Words("intercept", with_unit(f"Intercept: {label}", unit), unit),
    }
    return tuple(
        intercepts[is_mean] if effect == "Intercept" else _slope(label, unit, effect, labels)
        for effect in effects
    )


def _slope(label: str, unit: str, effect: str, labels: Labels | None) -> Words:
    name, x_unit = describe_column(labels, effect)
    # "ms per day", of a predictor in "days"
    rate = f"{unit} per {singular(x_unit) or name}".strip()
    return Words("slope", with_unit(f"Slope: {label}", rate), rate if unit else "")
