"""Shares of the variance between groups (ICC), on the scale of the link and of the response."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.predict.marginal import normal_rule
from poolish.spec.family import Family
from poolish.spec.links import Link
from poolish.spec.model import ModelSpec
from poolish.summaries.places import At, PlaceDraws, list_places, place_draws

RESIDUAL = "Residual"
# Numbers alive at once in a quadrature.
_MOST_CELLS = 2_000_000
_MOST_NODES_OF_TWO = 101
# exp(300) can be squared and summed; 1 - expit(30) is 1e-13, and not yet 0.
_REACHES = {"log": 300.0, "logit": 30.0}
# Outcomes without an order or on a circle have no variance to share.
_WITHOUT_VARIANCE = ("category", "angle")


def has_shares(spec: ModelSpec) -> bool:
    """Return whether shares on the scale of the link are defined.

    They need a group, and a family with a distribution-specific variance on that scale.
    """
    return spec.family.latent_variance is not None and has_response_shares(spec)


def has_response_shares(spec: ModelSpec) -> bool:
    """Return whether the response has a variance to share, and some group to share it with."""
    return spec.family.response_kind not in _WITHOUT_VARIANCE and bool(spec.main.groups)


def is_gaussian(spec: ModelSpec) -> bool:
    """Return whether the two scales are one: a Gaussian response with identity link."""
    return spec.family.name == "gaussian" and spec.main.link.name == "identity"


def share_draws(posterior: Posterior, *, at: At | None = None) -> dict[str, np.ndarray]:
    """Return draws of each group's share of the variance (its ICC) and of the residual's.

    On the scale of the link: z' S z of the group over the sum for all groups and the
    distribution-specific variance, at the stated values z of the effects.

    Parameters
    ----------
    posterior : Posterior
    at : Mapping of str to float, optional
        As for `summarise_variance`; one value each.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        In [0, 1], with sum 1.

    Raises
    ------
    UnsupportedError
        If there is no group, or the family has no variance on the scale of its link.
    UnknownNameError
        If `at` names an effect that no group has.

    References
    ----------
    Goldstein, Browne & Rasbash (2002), Understanding Statistics 1(4), 223-231.
    doi:10.1207/S15328031US0104_02

    Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14: 20170213, equation 3.9.
    doi:10.1098/rsif.2017.0213
    """
    spec = posterior.spec
    _check_shares(spec)
    place = list_places(posterior, at or {}, None)[0]
    (values,) = place_draws(posterior, [place], with_eta=not is_gaussian(spec))
    shape = (posterior.draws.sizes["chain"], posterior.draws.sizes["draw"])
    shares = link_shares(spec, values)
    return {name: share.reshape(shape) for name, share in shares.items()}


def link_shares(spec: ModelSpec, values: PlaceDraws) -> dict[str, np.ndarray]:
    """Return the shares on the scale of the link at a place, shape (sample,) each."""
    return _as_shares({**values.between, RESIDUAL: latent_variance(spec, values)})


def latent_variance(
    spec: ModelSpec, values: PlaceDraws, mean: np.ndarray | None = None
) -> np.ndarray:
    """Return the distribution-specific variance on the scale of the link, shape (sample,).

    Parameters
    ----------
    spec : ModelSpec
    values : PlaceDraws
    mean : ndarray, shape (sample,), optional
        The `mu` it is stated at; that of the place, averaged over groups, when left out. For a
        log link that is exp(eta + variance / 2), lambda in Nakagawa et al. (2017), equation 5.8.
    """
    assert spec.family.latent_variance is not None
    main = spec.main
    if mean is not None:
        mu = mean
    elif is_gaussian(spec):
        mu = np.zeros_like(values.eta)  # its variance does not depend on its mean
    else:
        mu = marginal_parameter(main.link, values)
    parameters = {**values.others, main.parameter: mu[:, None]}
    found = spec.family.latent_variance(parameters, values.response, main.link)
    return np.asarray(np.broadcast_to(found, (len(mu), 1))[:, 0])


def marginal_parameter(link: Link, values: PlaceDraws) -> np.ndarray:
    """Return the mean of `mu` over the population distribution of groups, shape (sample,)."""
    sd = np.sqrt(_total(values))
    total = np.zeros_like(values.eta)
    for weight, z in normal_rule(float(sd.max(initial=0.0))):
        total += weight * inverse_in_range(link, values.eta + sd * z)
    return total


def inverse_in_range(link: Link, eta: np.ndarray) -> np.ndarray:
    """Return the inverse link as far out as what is computed from it is a double."""
    reach = _REACHES.get(link.name, np.inf)
    return link.inverse(np.clip(eta, -reach, reach))


def response_shares(spec: ModelSpec, values: PlaceDraws) -> dict[str, np.ndarray]:
    """Return the shares on the scale of the response at a place, shape (sample,) each.

    Of a group: Var(E(y | its effect)) / Var(y), everything else averaged out; of the residual:
    E(Var(y | all effects)) / Var(y). Integrals over the normal distribution of the effects by
    quadrature, not by the delta method.

    Notes
    -----
    With several groups and a link that is not the identity the shares need not add up to 1: what
    is missing is the interaction of groups on the scale of the response.

    References
    ----------
    Goldstein, Browne & Rasbash (2002), method B (simulation), here by quadrature.
    doi:10.1207/S15328031US0104_02

    de Villemereuil et al. (2016), Genetics 204(3), 1281-1294, equations 8 to 13.
    doi:10.1534/genetics.115.186536
    """
    total = _total(values)
    parts: dict[str, list[np.ndarray]] = {}
    for block in _blocks(len(total), _n_cells(total)):
        part = _cut(values, block)
        for name, share in _block_shares(spec, part).items():
            parts.setdefault(name, []).append(share)
    return {name: np.concatenate(shares) for name, shares in parts.items()}


def median_odds_ratio(variance: np.ndarray) -> np.ndarray:
    """Return exp(sqrt(2 variance) Phi^-1(0.75)): two persons alike, of two groups at random.

    References
    ----------
    Larsen & Merlo (2005), American Journal of Epidemiology 161(1), 81-88, equation 4.
    doi:10.1093/aje/kwi017

    Examples
    --------
    >>> float(median_odds_ratio(np.array(0.0)))
    1.0
    """
    with np.errstate(over="ignore"):  # then it is infinite
        return np.asarray(np.exp(np.sqrt(2.0 * variance) * 0.6744897501960817))


def _block_shares(spec: ModelSpec, values: PlaceDraws) -> dict[str, np.ndarray]:
    total = np.sqrt(_total(values))
    mean, within = _moments(spec.family, spec.main.parameter, spec.main.link, values)
    w, z = _nodes(total, 2.0)
    eta = values.eta[:, None] + total[:, None] * z
    residual = within(eta) @ w
    everything = _variance(w, mean(eta)) + residual
    parts = {name: _between(spec, values, name, mean) for name in values.between}
    parts[RESIDUAL] = residual
    return {name: np.minimum(_divide(part, everything), 1.0) for name, part in parts.items()}


def _between(spec: ModelSpec, values: PlaceDraws, name: str, mean: _Curve) -> np.ndarray:
    """Return Var(E(y | effect of one group)), the others integrated out."""
    own = np.sqrt(values.between[name])
    rest = np.sqrt(np.maximum(_total(values) - values.between[name], 0.0))
    w, z = _nodes(own, 2.0)
    if not np.any(rest):
        return _variance(w, mean(values.eta[:, None] + own[:, None] * z))
    if len(w) > _MOST_NODES_OF_TWO:
        w, z = _hermite(_MOST_NODES_OF_TWO)
    v, x = _hermite(_MOST_NODES_OF_TWO // 2)
    curve = np.zeros((len(own), len(w)))
    for weight, node in zip(v, x, strict=True):
        curve += weight * mean((values.eta + rest * node)[:, None] + own[:, None] * z)
    return _variance(w, curve)


type _Curve = Callable[[np.ndarray], np.ndarray]


def _moments(
    family: Family, parameter: str, link: Link, values: PlaceDraws
) -> tuple[_Curve, _Curve]:
    """Return mean and variance of the response as functions of eta, shape (sample, node)."""

    def with_eta(eta: np.ndarray) -> dict[str, np.ndarray]:
        return {**values.others, parameter: inverse_in_range(link, eta)}

    def mean(eta: np.ndarray) -> np.ndarray:
        return np.broadcast_to(family.mean(with_eta(eta), values.response), eta.shape)

    def variance(eta: np.ndarray) -> np.ndarray:
        return np.broadcast_to(family.variance(with_eta(eta), values.response), eta.shape)

    return mean, variance


def _variance(weights: np.ndarray, curve: np.ndarray) -> np.ndarray:
    centred = curve - (curve @ weights)[:, None]
    return np.asarray(np.square(centred) @ weights)


def _nodes(sd: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and nodes for means over a standard normal of the `power` of a curve."""
    rule = np.array(normal_rule(power * float(sd.max(initial=0.0))))
    return rule[:, 0], rule[:, 1]


def _hermite(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    z, w = np.polynomial.hermite_e.hermegauss(n_nodes)
    return w / w.sum(), z


def _n_cells(variance: np.ndarray) -> int:
    return len(normal_rule(2.0 * float(np.sqrt(variance).max(initial=0.0))))


def _blocks(n_samples: int, n_nodes: int) -> Iterator[slice]:
    size = max(1, _MOST_CELLS // n_nodes)
    for start in range(0, n_samples, size):
        yield slice(start, min(start + size, n_samples))


def _cut(values: PlaceDraws, block: slice) -> PlaceDraws:
    return PlaceDraws(
        values.eta[block],
        {name: v[block] for name, v in values.between.items()},
        {name: v[block] for name, v in values.others.items()},
        values.response,
    )


def _total(values: PlaceDraws) -> np.ndarray:
    return np.asarray(sum(values.between.values(), np.zeros_like(values.eta)))


def _as_shares(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    total = np.sum(list(parts.values()), axis=0)
    return {name: _divide(part, total) for name, part in parts.items()}


def _divide(part: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return part / total; zero where nothing varies, and of an infinite total its infinite part.

    The variance of Student's t is infinite up to two degrees of freedom.
    """
    is_finite = np.isfinite(total)
    share = np.where(is_finite, 0.0, np.isinf(part).astype(float))
    return np.asarray(np.divide(part, total, out=share, where=is_finite & (total > 0)))


def _check_shares(spec: ModelSpec) -> None:
    if not has_shares(spec):
        raise UnsupportedError(
            "shares of the variance need a group and a variance on the scale of the link",
            given=f"{spec.family.name} with {spec.main.link.name} link, "
            f"{len(spec.main.groups)} group(s)",
            expected="at least one group term, and a family with a latent or approximate variance",
            fix="read `fit.variance()`: it states what there is, on the scale of the response too",
        )
