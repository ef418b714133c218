from __future__ import annotations

import pytest

from poolish.errors import FamilyError
from poolish.spec.families import FAMILIES, family, parse_family
from poolish.spec.links import LINKS

# Issue 4, "Families".
ASKED_FOR = [
    "gaussian",
    "student",
    "skew_normal",
    "lognormal",
    "gamma",
    "exponential",
    "weibull",
    "inverse_gaussian",
    "beta",
    "bernoulli",
    "binomial",
    "beta_binomial",
    "poisson",
    "negbinomial",
    "geometric",
    "zero_inflated_poisson",
    "zero_inflated_negbinomial",
    "zero_inflated_binomial",
    "hurdle_poisson",
    "hurdle_negbinomial",
    "hurdle_gamma",
    "hurdle_lognormal",
    "cumulative",
    "sratio",
    "categorical",
    "asymmetric_laplace",
    "von_mises",
]


@pytest.mark.parametrize("name", ASKED_FOR)
def test_every_family_asked_for_exists_under_its_name(name: str) -> None:
    assert family(name).family.name == name


@pytest.mark.parametrize("name", FAMILIES)
def test_every_row_has_known_links_and_priors_with_a_source(name: str) -> None:
    for position, parameter in enumerate(FAMILIES[name].parameters):
        assert parameter.links
        assert set(parameter.links) <= set(LINKS)
        assert (parameter.default_prior is None) == (position == 0)
        assert (parameter.source == "") == (position == 0)


def test_links_are_the_first_of_each_parameter_unless_asked_for() -> None:
    choice = family("negbinomial", shape="softplus")

    assert {name: link.name for name, link in choice.links.items()} == {
        "mu": "log",
        "shape": "softplus",
    }


@pytest.mark.parametrize(
    ("base", "link", "name"),
    [
        ("cumulative", "logit", "cumulative"),
        ("cumulative", "probit", "cumulative_probit"),
        ("sratio", "cloglog", "sratio_cloglog"),
    ],
)
def test_link_of_an_ordinal_family_names_its_row(base: str, link: str, name: str) -> None:
    choice = family(base, link=link)

    assert choice.family.name == name
    assert parse_family(name).family is choice.family


def test_choice_and_family_parse_to_themselves() -> None:
    choice = family("binomial", link="probit")

    assert parse_family(choice) is choice
    assert parse_family(choice.family).links["mu"].name == "logit"
    assert parse_family("binomial").family is choice.family


def test_unknown_family_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        FamilyError, match=r'no family `poison`(?s:.)*fix: +write `family="poisson"'
    ):
        family("poison")


def test_link_that_a_parameter_cannot_have_is_refused() -> None:
    with pytest.raises(FamilyError, match=r"`mu` of family `poisson` cannot have the link `logit`"):
        family("poisson", link="logit")


def test_link_of_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(FamilyError, match="family `poisson` has no parameter `sigma`"):
        family("poisson", sigma="log")


def test_unknown_link_is_refused() -> None:
    with pytest.raises(FamilyError, match="there is no link `logg`"):
        family("poisson", link="logg")
