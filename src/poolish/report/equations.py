"""The model as equations, and in words."""

from __future__ import annotations

from collections.abc import Iterator

from poolish.posterior import Posterior
from poolish.report.mathematics import TILDE, Node, call, joined, letter, row, sign, sub, word
from poolish.spec.model import GroupSpec, PredictorSpec

_I = letter("i")
_GREEK = {"mu": "μ", "sigma": "\N{GREEK SMALL LETTER SIGMA}"}
# More terms than this and the rest becomes an ellipsis.
_MOST_TERMS = 5


def model_equations(posterior: Posterior) -> tuple[Node, ...]:
    """Return the likelihood, the linear predictors and the distributions of the group effects."""
    spec = posterior.spec
    names = [*spec.predictors, *spec.auxiliary]
    outcome = sub(word(posterior.design.response.name), _I)
    parameters = [_parameter(name, spec.predictors) for name in names]
    likelihood = row(outcome, sign(TILDE), call(word(spec.family.name), *parameters))
    lines = [likelihood]
    for predictor in spec.predictors.values():
        lines.append(_predictor(predictor))
        lines += [_group(predictor, group) for group in predictor.groups]
    return tuple(lines)


def model_sentences(posterior: Posterior) -> Iterator[str]:
    """Yield the model in words, one sentence a part."""
    spec, response = posterior.spec, posterior.design.response
    yield (
        f"Each outcome {response.name} comes from a {spec.family.name} distribution; the "
        f"{spec.main.link.name} of its main parameter is a sum of effects."
        if spec.main.link.name != "identity"
        else f"Each outcome {response.name} comes from a {spec.family.name} distribution around a "
        "mean that is a sum of effects."
    )
    for predictor in spec.predictors.values():
        of = "" if predictor is spec.main else f" of {predictor.parameter}"
        names = ", ".join(predictor.coefs) or "none"
        yield f"Population-level effects{of}, the same for all groups: {names}."
        for group in predictor.groups:
            yield _group_sentence(group, of)
    for name in spec.auxiliary:
        yield f"The parameter {name} is the same for every row."


def _parameter(name: str, predictors: object) -> Node:
    base = letter(_GREEK[name]) if name in _GREEK else word(name)
    return sub(base, _I) if name in predictors else base  # type: ignore[operator]


def _predictor(predictor: PredictorSpec) -> Node:
    base = letter(_GREEK[predictor.parameter]) if predictor.parameter in _GREEK else word(
        predictor.parameter)  # fmt: skip
    left = sub(base, _I)
    link = predictor.link.name
    shown = left if link == "identity" else call(word(link), left)
    terms = [_term(name, letter("b")) for name in predictor.coefs[:_MOST_TERMS]]
    terms += [sign("…")] if len(predictor.coefs) > _MOST_TERMS else []
    terms += [_group_term(group, effect) for group in predictor.groups for effect in group.effects]
    return row(shown, sign("="), joined(terms or [sign("0")], "+"))


def _term(name: str, coefficient: Node) -> Node:
    if name == "Intercept":
        return sub(coefficient, word(name))
    return row(sub(coefficient, word(name)), sign("⋅"), sub(word(name), _I))


def _group_term(group: GroupSpec, effect: str) -> Node:
    level = row(sub(word(group.name), _I), sign(","), word(effect))
    deviation = sub(letter("r"), level)
    if effect == "Intercept":
        return deviation
    return row(deviation, sign("⋅"), sub(word(effect), _I))


def _group(predictor: PredictorSpec, group: GroupSpec) -> Node:
    deviations = [sub(letter("r"), row(letter("j"), sign(","), word(e))) for e in group.effects]
    sds = [sub(word("sd"), word(f"{group.name}, {effect}")) for effect in group.effects]
    known = "" if group.relation is None else f" \N{MULTIPLICATION SIGN} {group.relation}"
    if len(group.effects) == 1:
        shown = row(deviations[0], sign(TILDE), call(word("Normal"), sign("0"), sds[0]))
        return row(shown, word(f"{known}\u2003for j in {group.name}"))
    correlated = any(len(block) > 1 for block in group.blocks)
    second = "correlated" if correlated else "independent"
    left = row(sign("("), joined(deviations, ","), sign(")"))
    return row(left, sign(TILDE), call(word("Normal"), sign("0"), *sds, word(second)),
               word(f"{known}\u2003for j in {group.name}"))  # fmt: skip


def _group_sentence(group: GroupSpec, of: str) -> str:
    effects = " and ".join(group.effects)
    text = (
        f"Each of the {len(group.levels):,} levels of {group.name} deviates from them in {effects}"
        f"{of}; the deviations are normal around zero, with a spread that the data determine"
    )
    if any(len(block) > 1 for block in group.blocks):
        text += ", and correlated with each other"
    if group.relation is not None:
        text += f"; relatives resemble each other as the known covariance {group.relation} says"
    return text + "."
