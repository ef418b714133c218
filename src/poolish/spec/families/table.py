"""The table of families, and the choice of a family and its links."""

from __future__ import annotations

import difflib

from poolish.errors import FamilyError
from poolish.spec.families.binomial import BERNOULLI, BETA, BETA_BINOMIAL, BINOMIAL
from poolish.spec.families.categorical import CATEGORICAL
from poolish.spec.families.circular import VON_MISES
from poolish.spec.families.counts import GEOMETRIC, NEGBINOMIAL, POISSON
from poolish.spec.families.gaussian import GAUSSIAN
from poolish.spec.families.hurdle import (
    HURDLE_GAMMA,
    HURDLE_LOGNORMAL,
    HURDLE_NEGBINOMIAL,
    HURDLE_POISSON,
)
from poolish.spec.families.ordinal import CUMULATIVE, ORDINAL_LINKS, SRATIO
from poolish.spec.families.positive import (
    EXPONENTIAL,
    GAMMA,
    INVERSE_GAUSSIAN,
    LOGNORMAL,
    WEIBULL,
)
from poolish.spec.families.quantile import ASYMMETRIC_LAPLACE
from poolish.spec.families.student import SKEW_NORMAL, STUDENT
from poolish.spec.families.zero_inflated import (
    ZERO_INFLATED_BINOMIAL,
    ZERO_INFLATED_NEGBINOMIAL,
    ZERO_INFLATED_POISSON,
)
from poolish.spec.family import Family, FamilyChoice, Parameter
from poolish.spec.links import Link, parse_link
from poolish.spec.model import ModelSpec

FAMILIES: dict[str, Family] = {
    row.name: row
    for row in (
        GAUSSIAN,
        STUDENT,
        SKEW_NORMAL,
        LOGNORMAL,
        GAMMA,
        EXPONENTIAL,
        WEIBULL,
        INVERSE_GAUSSIAN,
        BETA,
        BERNOULLI,
        BINOMIAL,
        BETA_BINOMIAL,
        POISSON,
        NEGBINOMIAL,
        GEOMETRIC,
        ZERO_INFLATED_POISSON,
        ZERO_INFLATED_NEGBINOMIAL,
        ZERO_INFLATED_BINOMIAL,
        HURDLE_POISSON,
        HURDLE_NEGBINOMIAL,
        HURDLE_GAMMA,
        HURDLE_LOGNORMAL,
        *CUMULATIVE,
        *SRATIO,
        CATEGORICAL,
        ASYMMETRIC_LAPLACE,
        VON_MISES,
    )
}


def family(name: str, *, link: str | None = None, **links: str) -> FamilyChoice:
    """Return the family called `name` with the links asked for.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`.
    link : str, optional
        Link of the main parameter `mu`.
    **links : str
        Links of other parameters, by name: `sigma="softplus"`.

    Raises
    ------
    FamilyError
        If there is no such family, parameter or link.

    Examples
    --------
    >>> choice = family("gaussian", link="log", sigma="softplus")
    >>> choice.family.name, choice.links["mu"].name, choice.links["sigma"].name
    ('gaussian', 'log', 'softplus')
    """
    if link is not None and (name, link) in ORDINAL_LINKS:
        # The distribution of the latent variable is part of an ordinal family, not a link of mu.
        return family(ORDINAL_LINKS[name, link], **links)
    row = _find(name)
    wanted = links if link is None else {row.main.name: link} | links
    _check_names(row, wanted)
    return FamilyChoice(row, {p.name: _link(row, p, wanted.get(p.name)) for p in row.parameters})


def parse_family(value: str | Family | FamilyChoice) -> FamilyChoice:
    """Return the choice that a name, a family or a choice stands for.

    Examples
    --------
    >>> parse_family("gaussian").links["mu"].name
    'identity'
    """
    if isinstance(value, FamilyChoice):
        return value
    return family(value.name if isinstance(value, Family) else value)


def chosen_family(spec: ModelSpec) -> FamilyChoice:
    """Return the family of a model with the links that it was declared with."""
    choice = parse_family(spec.family)
    links = {predictor.formula_of: predictor.link for predictor in spec.predictors.values()}
    return FamilyChoice(choice.family, {**choice.links, **links})


def _find(name: str) -> Family:
    if name in FAMILIES:
        return FAMILIES[name]
    close = difflib.get_close_matches(str(name), FAMILIES, n=1)
    raise FamilyError(
        f"there is no family `{name}`",
        given=f"family `{name}`",
        expected=f"one of {', '.join(FAMILIES)}",
        fix=f'write `family="{(close or ["gaussian"])[0]}"`',
    )


def _check_names(row: Family, wanted: dict[str, str]) -> None:
    names = [parameter.name for parameter in row.parameters]
    for name in wanted:
        if name not in names:
            raise FamilyError(
                f"family `{row.name}` has no parameter `{name}`",
                given=f'`{name}="{wanted[name]}"`',
                expected=f"one of {', '.join(names)}",
                fix=f'write, for example, `po.family("{row.name}", link="{row.main.links[0]}")`',
            )


def _link(row: Family, parameter: Parameter, name: str | None) -> Link:
    chosen = parse_link(parameter.links[0] if name is None else name)
    if chosen.name not in parameter.links:
        raise FamilyError(
            f"`{parameter.name}` of family `{row.name}` cannot have the link `{chosen.name}`",
            given=f"link `{chosen.name}`",
            expected=f"one of {', '.join(parameter.links)}",
            fix=f'write, for example, `po.family("{row.name}", '
            f'{"link" if parameter is row.main else parameter.name}="{parameter.links[0]}")`',
        )
    return chosen
