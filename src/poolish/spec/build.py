"""Formula, design, family and stated priors to a `ModelSpec`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from poolish.design.arrays import Design, GroupDesign, PredictorDesign
from poolish.errors import UnknownNameError
from poolish.formula.terms import Formula
from poolish.spec.adapt import formula_parameter
from poolish.spec.correlated import list_correlated
from poolish.spec.defaults import (
    Scale,
    coef_priors,
    cor_prior,
    intercept_prior,
    parameter_scale,
    response_scale,
    sd_prior,
)
from poolish.spec.families import chosen_family, parse_family
from poolish.spec.family import Family, FamilyChoice, Parameter
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior
from poolish.spec.priors import ResolvedPrior, Slot, resolve_priors

type Centered = bool | Mapping[str, bool] | None
type StatedPriors = Mapping[str, str | Prior]

_RESERVED_DIMS = frozenset({"chain", "draw", "sample", "obs", "coef"})


def build_spec(
    formula: Formula,
    design: Design,
    *,
    family: str | Family | FamilyChoice = "gaussian",
    priors: StatedPriors | None = None,
    centered: Centered = None,
) -> ModelSpec:
    """Return the model that a formula and its design declare, every prior resolved.

    Parameters
    ----------
    formula : Formula
    design : Design
        As `adapt_design` made it for this family.
    family : str, Family or FamilyChoice
    priors : Mapping of str to (str or Prior), optional
        By the names people see; the most specific wins.
    centered : bool or Mapping of str to bool, optional
        Parameterization of group effects for NUTS, for all or by group; None is automatic.

    Raises
    ------
    FamilyError
        If the family is unknown.
    PriorError
        If a prior cannot be read or applies to nothing.
    UnknownNameError
        If `centered` names a group that is not there.
    """
    choice = parse_family(family)
    _check_centered(design, centered)
    free = _free_parameters(choice.family, design)
    bare = ModelSpec(
        formula,
        choice.family,
        {name: _bare_predictor(name, choice, design, centered) for name in design.predictors},
        {parameter.name: prior for parameter, prior in free},
        {parameter.name: parameter.size for parameter, _ in free if parameter.size is not None},
    )
    return _with_priors(bare, resolve_priors(tuple(prior_slots(bare)), priors or {}))


def prior_slots(spec: ModelSpec) -> Iterator[Slot]:
    """Yield every place for a prior in a model, in the order they are shown."""
    joint = [each for each in list_correlated(spec) if each.is_joint]
    for predictor in spec.predictors.values():
        yield from _coef_slots(predictor)
        for group in predictor.groups:
            yield from _group_slots(predictor, group, {each.variable for each in joint})
    for each in joint:
        names = (each.variable, f"cor_{each.members[0][1].name}", "cor")
        yield Slot(names, each.prior, n_effects=len(each.members))
    for name, prior in spec.auxiliary.items():
        row = spec.family.parameter(name)
        yield Slot((name,), prior, lower=row.lower, upper=row.upper)


def spec_priors(spec: ModelSpec) -> tuple[ResolvedPrior, ...]:
    """Return every prior that applies in a model, and whether the user stated it."""
    return tuple(
        ResolvedPrior(slot, slot.default, spec.stated.get(slot.names[0]))
        for slot in prior_slots(spec)
    )


def default_priors(spec: ModelSpec, design: Design) -> dict[str, Prior]:
    """Return the prior of every parameter where none is stated, by the parameter's own name."""
    bare = build_spec(spec.formula, design, family=chosen_family(spec))
    return {slot.names[0]: slot.default for slot in prior_slots(bare)}


# --- The parts of a bare spec: structure and default priors. ---


def _bare_predictor(
    name: str, choice: FamilyChoice, design: Design, centered: Centered
) -> PredictorSpec:
    predictor = design.predictors[name]
    formula_of = formula_parameter(choice.family, name)
    link = choice.links[formula_of]
    is_main = formula_of == choice.family.main.name
    scale = (
        response_scale(choice.family, design.response, link)
        if is_main
        else parameter_scale(name, link, design.response)
    )
    return PredictorSpec(
        parameter=name,
        link=link,
        coefs=predictor.coefs,
        priors=_default_coefs(predictor, _own_intercept(choice, formula_of), scale),
        intercept_at="average",
        groups=_bare_groups(predictor, scale, centered),
        formula_of=formula_of,
    )


def _own_intercept(choice: FamilyChoice, name: str) -> Prior | None:
    """Return the parameter's own default for an intercept, stated for its default link."""
    row = next(row for row in choice.family.parameters if row.name == name)
    return row.intercept_prior if choice.links[name].name == row.links[0] else None


def _default_coefs(
    predictor: PredictorDesign, own: Prior | None, scale: Scale
) -> tuple[Prior, ...]:
    intercept = (own or intercept_prior(scale),) if predictor.has_intercept else ()
    return (*intercept, *coef_priors(predictor, scale))


def _bare_groups(
    predictor: PredictorDesign, scale: Scale, centered: Centered
) -> tuple[GroupSpec, ...]:
    dims: list[str] = []
    for group in predictor.groups:
        dims.append(_free_dim(group.name, dims))
    return tuple(
        _bare_group(group, dim, scale, centered)
        for group, dim in zip(predictor.groups, dims, strict=True)
    )


def _free_dim(name: str, taken: list[str]) -> str:
    """Return a dimension name for a group that collides with none of ours: `chain` -> `chain_`."""
    dim = name
    while dim in _RESERVED_DIMS or dim in taken:
        dim += "_"
    return dim


def _bare_group(group: GroupDesign, dim: str, scale: Scale, centered: Centered) -> GroupSpec:
    return GroupSpec(
        name=group.name,
        dim=dim,
        effects=group.effects,
        levels=group.levels,
        blocks=group.blocks,
        sd_priors=(sd_prior(scale),) * group.n_effects,
        cor_priors=(cor_prior(),) * len(group.blocks),
        is_centered=centered.get(group.name) if isinstance(centered, Mapping) else centered,
        share=group.share,
        relation=group.relation_name,
    )


def _free_parameters(family: Family, design: Design) -> list[tuple[Parameter, Prior]]:
    """Return the parameters without a formula, with their default priors."""
    active = family.active(design.response)
    rows = (row for row in active if row.default_prior and row.name not in design.predictors)
    priors = ((row, row.default_prior(design.response)) for row in rows if row.default_prior)
    return [(row, prior) for row, prior in priors if prior is not None]


# --- Slots: which names a prior may be stated under. ---


def _coef_slots(predictor: PredictorSpec) -> Iterator[Slot]:
    every_b = [alias.variable("b") for alias in _aliases(predictor)]
    for coef, prior in zip(predictor.coefs, predictor.priors, strict=True):
        own = [f"{b}[{coef}]" for b in every_b]
        is_intercept = coef == "Intercept"
        wide = [b.replace("b", "Intercept", 1) for b in every_b] if is_intercept else every_b
        yield Slot((*own, *wide), prior)


def _group_slots(
    predictor: PredictorSpec, group: GroupSpec, joint: Collection[str]
) -> Iterator[Slot]:
    """Yield the slots of a group but for the matrices that it shares with other formulas."""
    every_sd, every_cor = (
        [alias.variable(kind, at) for at in (group, None) for alias in _aliases(predictor)]
        for kind in ("sd", "cor")
    )
    own_sds = [alias.variable("sd", group) for alias in _aliases(predictor)]
    for effect, prior in zip(group.effects, group.sd_priors, strict=True):
        own = [f"{sd}[{effect}]" for sd in own_sds]
        yield Slot((*own, *every_sd), prior, lower=0.0)
    for k, (block, prior) in enumerate(zip(group.blocks, group.cor_priors, strict=True)):
        if len(block) > 1 and _shared_matrix(group, k) not in joint:
            yield Slot(tuple(every_cor), prior, n_effects=len(block))


def _shared_matrix(group: GroupSpec, block: int) -> str:
    """Return the name of the matrix of a block that has a label; empty without one."""
    share = group.share[block] if group.share else None
    return "" if share is None else f"cor_{group.name}__{share}"


def _aliases(predictor: PredictorSpec) -> tuple[PredictorSpec, ...]:
    """Return the predictor and, for `mu` of one category, the `mu` that means all of them."""
    if predictor.parameter == predictor.formula_of:
        return (predictor,)
    return (predictor, replace(predictor, parameter=predictor.formula_of))


# --- Putting the resolved priors back. ---


def _with_priors(bare: ModelSpec, resolved: tuple[ResolvedPrior, ...]) -> ModelSpec:
    by_name = {item.slot.names[0]: item for item in resolved}
    return replace(
        bare,
        predictors={
            name: _predictor_with(predictor, by_name) for name, predictor in bare.predictors.items()
        },
        auxiliary={name: by_name[name].prior for name in bare.auxiliary},
        stated={name: item.stated_as for name, item in by_name.items() if item.stated_as},
    )


def _predictor_with(
    predictor: PredictorSpec, by_name: Mapping[str, ResolvedPrior]
) -> PredictorSpec:
    b = predictor.variable("b")
    intercept = by_name.get(f"{b}[Intercept]") if predictor.has_intercept else None
    stated_as = None if intercept is None else intercept.stated_as
    is_raw = stated_as is not None and stated_as.endswith("[Intercept]")
    return replace(
        predictor,
        priors=tuple(by_name[f"{b}[{coef}]"].prior for coef in predictor.coefs),
        intercept_at="zero" if is_raw else "average",
        groups=tuple(_group_with(predictor, group, by_name) for group in predictor.groups),
    )


def _group_with(
    predictor: PredictorSpec, group: GroupSpec, by_name: Mapping[str, ResolvedPrior]
) -> GroupSpec:
    sd, cor = predictor.variable("sd", group), predictor.variable("cor", group)
    return replace(
        group,
        sd_priors=tuple(by_name[f"{sd}[{effect}]"].prior for effect in group.effects),
        cor_priors=tuple(
            _cor_prior(by_name, _shared_matrix(group, k), cor, prior)
            for k, prior in enumerate(group.cor_priors)
        ),
    )


def _cor_prior(
    by_name: Mapping[str, ResolvedPrior], shared: str, own: str, default: Prior
) -> Prior:
    """Return the prior of the matrix that a block is in: a shared one, its group's, or none."""
    found = by_name.get(shared) or by_name.get(own)
    return default if found is None else found.prior


# --- Checks at the border. ---


def _check_centered(design: Design, centered: Centered) -> None:
    groups = {group.name for p in design.predictors.values() for group in p.groups}
    named = set(centered) if isinstance(centered, Mapping) else set()
    if named - groups:
        raise UnknownNameError(
            f"`centered` names `{min(named - groups)}`, which is not a group of this model",
            given=f"centered = {centered}",
            expected=f"groups {', '.join(sorted(groups)) or '(none)'}",
            fix="name a group of the formula, or pass True, False or None for all",
        )
