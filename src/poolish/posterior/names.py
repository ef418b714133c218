"""The draws under the names of other packages: brms, bambi and lme4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from poolish.errors import UnknownNameError
from poolish.posterior.build import SAMPLE_DIMS, Posterior
from poolish.posterior.variables import Variable, list_variables, tree_name

# A variable under its new name: dimensions beside chain and draw, and draws.
type _Named = tuple[str, tuple[str, ...], np.ndarray]


@dataclass(frozen=True, slots=True)
class _Style:
    """How a package calls coefficients, sds, correlations, group effects and family parameters."""

    coef: Callable[[Variable, str], str]
    sd: Callable[[Variable, str], str]
    cor: Callable[[Variable, str, str], str]
    effects: Callable[[Variable, xr.DataArray], Iterator[_Named]]
    auxiliary: Callable[[Variable, str], str]


def rename_draws(posterior: Posterior, style: str) -> xr.DataTree:
    """Return the fit's tree with its posterior under the names of another package.

    Parameters
    ----------
    posterior : Posterior
    style : "brms", "bambi" or "lme4"
        As in `as_draws_df` of brms, `results.posterior` of bambi, or `VarCorr`, `fixef` and
        `ranef` of lme4. What a package has no name for keeps its own. The character `/` of a name
        becomes a division slash: in a tree it separates groups.

    Raises
    ------
    UnknownNameError
        If there is no such style.

    Examples
    --------
    >>> import pandas as pd, poolish
    >>> data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 7.0, 6.0], "g": list("aabbcc")})
    >>> fit = poolish.fit("y ~ 1 + (1 | g)", data, seed=1, progress=False)
    >>> list(fit.rename("brms")["posterior"])[:3]
    ['b_Intercept', 'sd_g__Intercept', 'r_g[a,Intercept]']
    """
    if style not in _STYLES:
        raise UnknownNameError(
            f"there are no names of `{style}`",
            given=f'rename("{style}")',
            expected=f"one of {', '.join(_STYLES)}",
            fix='write, for example, `fit.rename("brms")`',
        )
    draws, data = posterior.draws, {}
    for variable in list_variables(posterior.spec):
        if variable.name in draws:
            for name, dims, values in _NAMERS[variable.kind](
                _STYLES[style], variable, draws[variable.name]
            ):
                data[tree_name(name)] = ((*SAMPLE_DIMS, *dims), values)
    used = {dim for dims, _ in data.values() for dim in dims}
    coords = {str(dim): values for dim, values in draws.coords.items() if str(dim) in used}
    groups = {name: node.to_dataset() for name, node in posterior.tree.children.items()}
    return xr.DataTree.from_dict({**groups, "posterior": xr.Dataset(data, coords=coords)})


def _name_coefs(style: _Style, variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    for k, coef in enumerate(_labels(draws, 2)):
        yield style.coef(variable, coef), (), draws.values[..., k]


def _name_sds(style: _Style, variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    for k, effect in enumerate(_labels(draws, 2)):
        yield style.sd(variable, effect), (), draws.values[..., k]


def _name_cors(style: _Style, variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    assert variable.group is not None
    effects = _labels(draws, 2)
    for block in variable.group.blocks:
        for i, first in enumerate(block):
            for second in block[i + 1 :]:
                name = style.cor(variable, effects[first], effects[second])
                yield name, (), draws.values[..., first, second]


def _name_effects(style: _Style, variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    return style.effects(variable, draws)


def _name_auxiliary(style: _Style, variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    if draws.ndim == 2:
        yield style.auxiliary(variable, ""), (), draws.values
        return
    for k, element in enumerate(_labels(draws, 2)):
        yield style.auxiliary(variable, element), (), draws.values[..., k]


_NAMERS: dict[str, Callable[[_Style, Variable, xr.DataArray], Iterator[_Named]]] = {
    "b": _name_coefs,
    "sd": _name_sds,
    "cor": _name_cors,
    "r": _name_effects,
    "auxiliary": _name_auxiliary,
}


def _labels(draws: xr.DataArray, axis: int) -> list[str]:
    return [str(label) for label in draws.coords[draws.dims[axis]].values]


def _group(variable: Variable) -> str:
    assert variable.group is not None
    return variable.group.name


def _part(variable: Variable, separator: str) -> str:
    """Return the parameter as part of a name, empty for `mu`."""
    return "" if variable.parameter == "mu" else f"{variable.parameter}{separator}"


# --- brms: b_Days, sd_Subject__Days, cor_Subject__Intercept__Days, r_Subject[308,Days]. ---


def _brms_effect(variable: Variable, effect: str) -> str:
    return f"{_part(variable, '_')}{_brms_coef(effect)}"


def _brms_coef(label: str) -> str:
    """Return a column as brms calls it: `f[B]` is `fB`, and `I(x^2)` `IxE2`."""
    return label.replace("[", "").replace("]", "").translate(_BRMS)


_BRMS = str.maketrans({"(": "", ")": "", " ": "", ",": "", "^": "E", "+": "P", "-": "M"})


def _brms_levels(variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    suffix = "" if variable.parameter == "mu" else f"__{variable.parameter}"
    for j, level in enumerate(_labels(draws, 2)):
        for k, effect in enumerate(_labels(draws, 3)):
            name = f"r_{_group(variable)}{suffix}[{level.replace(' ', '.')},{_brms_coef(effect)}]"
            yield name, (), draws.values[:, :, j, k]


def _brms_auxiliary(variable: Variable, element: str) -> str:
    if variable.name == "threshold":
        return f"b_Intercept[{element}]"
    return f"{variable.name}[{element}]" if element else variable.name


# --- bambi: Days, Days|Subject_sigma, Days|Subject over levels. ---


def _bambi_effect(effect: str) -> str:
    return "1" if effect == "Intercept" else effect


def _bambi_sd(variable: Variable, effect: str) -> str:
    return f"{_part(variable, '_')}{_bambi_effect(effect)}|{_group(variable)}_sigma"


def _bambi_cor(variable: Variable, first: str, second: str) -> str:
    return f"{variable.name}[{first}, {second}]"


def _bambi_levels(variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    for k, effect in enumerate(_labels(draws, 3)):
        name = f"{_part(variable, '_')}{_bambi_effect(effect)}|{_group(variable)}"
        yield name, (str(draws.dims[2]),), draws.values[..., k]


# --- lme4: (Intercept), sd_(Intercept)|Subject, cor_Days.(Intercept)|Subject, as in confint. ---


def _lme4_effect(effect: str) -> str:
    return "(Intercept)" if effect == "Intercept" else effect.replace("[", "").replace("]", "")


def _lme4_cor(variable: Variable, first: str, second: str) -> str:
    names = f"{_lme4_effect(second)}.{_lme4_effect(first)}"
    return f"cor_{_part(variable, '_')}{names}|{_group(variable)}"


def _lme4_levels(variable: Variable, draws: xr.DataArray) -> Iterator[_Named]:
    for k, effect in enumerate(_labels(draws, 3)):
        name = f"{_part(variable, '_')}{_lme4_effect(effect)}|{_group(variable)}"
        yield name, (str(draws.dims[2]),), draws.values[..., k]


def _indexed(variable: Variable, element: str) -> str:
    return f"{variable.name}[{element}]" if element else variable.name


_STYLES: dict[str, _Style] = {
    "brms": _Style(
        coef=lambda v, coef: f"b_{_brms_effect(v, coef)}",
        sd=lambda v, effect: f"sd_{_group(v)}__{_brms_effect(v, effect)}",
        cor=lambda v, i, j: f"cor_{_group(v)}__{_brms_effect(v, i)}__{_brms_effect(v, j)}",
        effects=_brms_levels,
        auxiliary=_brms_auxiliary,
    ),
    "bambi": _Style(
        coef=lambda v, coef: f"{_part(v, '_')}{coef}",
        sd=_bambi_sd,
        cor=_bambi_cor,
        effects=_bambi_levels,
        auxiliary=_indexed,
    ),
    "lme4": _Style(
        coef=lambda v, coef: f"{_part(v, '_')}{_lme4_effect(coef)}",
        sd=lambda v, effect: f"sd_{_part(v, '_')}{_lme4_effect(effect)}|{_group(v)}",
        cor=_lme4_cor,
        effects=_lme4_levels,
        auxiliary=_indexed,
    ),
}
