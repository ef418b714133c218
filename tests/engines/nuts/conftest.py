"""Small models put together by hand, so that these tests need neither parser nor data frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.formula.terms import Formula, LinearFormula, Name, Response
from poolish.spec.families import FAMILIES
from poolish.spec.links import LINKS
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior

N_OBS, N_LEVELS = 24, 6


def _group(
    name: str,
    codes: np.ndarray,
    Z: np.ndarray,
    blocks: tuple[tuple[int, ...], ...],
    **options: Any,
) -> GroupDesign:
    effects = ("Intercept", "x", "w")[: Z.shape[1]]
    levels = tuple(f"{name}{k}" for k in range(codes.max() + 1))
    return GroupDesign(name, effects, levels, codes, Z, blocks, **options)


def _group_spec(
    group: GroupDesign,
    sd_priors: Sequence[Prior],
    eta: float = 2.0,
    is_centered: bool | None = False,
    sub_levels: str = "",
) -> GroupSpec:
    return GroupSpec(
        name=group.name,
        dim=group.name + sub_levels,
        effects=group.effects,
        levels=group.levels,
        blocks=group.blocks,
        sd_priors=tuple(sd_priors),
        cor_priors=(Prior("lkj", (eta,)),) * len(group.blocks),
        is_centered=is_centered,
        share=group.share,
        relation=group.relation_name,
    )


class Maker:
    """Makes (spec, design) pairs; the rows are the same in every one."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.codes = np.tile(np.arange(N_LEVELS), N_OBS // N_LEVELS)
        self.x = rng.normal(3.0, 2.0, N_OBS)
        self.w = rng.normal(-1.0, 0.5, N_OBS)
        self.y = 5.0 + 2.0 * self.x + rng.normal(0, 1, N_OBS)
        self.counts = rng.poisson(3.0, N_OBS).astype(float)

    def Z(self, n_effects: int) -> np.ndarray:
        """Return intercept, x, w columns, as many as asked for."""
        return np.column_stack([np.ones(N_OBS), self.x, self.w])[:, :n_effects]

    def group(self, blocks: tuple[tuple[int, ...], ...], **options: Any) -> GroupDesign:
        """Return group effects over the factor `g`."""
        n_effects = sum(len(block) for block in blocks)
        return _group("g", self.codes, self.Z(n_effects), blocks, **options)

    def predictor(
        self,
        groups: Sequence[GroupDesign] = (),
        *,
        n_coefs: int = 2,
        has_intercept: bool = True,
    ) -> PredictorDesign:
        """Return a predictor with an intercept, x and w, as many as asked for."""
        X, names = self.Z(3), ("Intercept", "x", "w")
        first = 0 if has_intercept else 1
        stop = first + n_coefs
        return PredictorDesign(
            X[:, first:stop], names[first:stop], has_intercept, np.zeros(N_OBS), tuple(groups)
        )

    def predictor_spec(
        self,
        arrays: PredictorDesign,
        *,
        priors: Sequence[Prior] | None = None,
        sd_priors: Sequence[Sequence[Prior]] | None = None,
        intercept_at: str = "average",
        parameter: str = "mu",
        link: str = "identity",
        eta: float = 2.0,
        is_centered: bool | None = False,
    ) -> PredictorSpec:
        """Return the spec of a predictor, normal priors unless others are given."""
        sds = sd_priors or [[Prior("exponential", (0.5,))] * g.n_effects for g in arrays.groups]
        return PredictorSpec(
            parameter=parameter,
            link=LINKS[link],
            coefs=arrays.coefs,
            priors=tuple(priors or [Prior("normal", (1.0, 3.0))] * len(arrays.coefs)),
            intercept_at=intercept_at,  # type: ignore[arg-type]  # a literal in the tests
            groups=tuple(
                _group_spec(g, sd, eta, is_centered)
                for g, sd in zip(arrays.groups, sds, strict=True)
            ),
        )

    def model(
        self,
        predictors: dict[str, tuple[PredictorSpec, PredictorDesign]],
        *,
        family: str = "gaussian",
        auxiliary: dict[str, Prior] | None = None,
        **response: Any,
    ) -> tuple[ModelSpec, Design]:
        """Return spec and design of a model of `y`."""
        y = self.y if family == "gaussian" else self.counts
        formula = Formula(Response(Name("y")), LinearFormula(()))
        sigma = {"sigma": Prior("half_student_t", (3.0, 0.0, 2.5))}
        spec = ModelSpec(
            formula=formula,
            family=FAMILIES[family],
            predictors={name: pair[0] for name, pair in predictors.items()},
            auxiliary=sigma if auxiliary is None else auxiliary,
        )
        arrays = {name: pair[1] for name, pair in predictors.items()}
        return spec, Design(replace(ResponseDesign("y", y), **response), arrays)

    def simple(
        self,
        blocks: tuple[tuple[int, ...], ...] = ((0,),),
        *,
        n_coefs: int = 2,
        has_intercept: bool = True,
        relation: Any = None,
        family: str = "gaussian",
        auxiliary: dict[str, Prior] | None = None,
        **options: Any,
    ) -> tuple[ModelSpec, Design]:
        """Return a model with one predictor and one group."""
        named = {} if relation is None else {"relation": relation, "relation_name": "K"}
        groups = [self.group(blocks, **named)] if blocks else []
        arrays = self.predictor(groups, n_coefs=n_coefs, has_intercept=has_intercept)
        predictor = self.predictor_spec(arrays, **options)
        return self.model({"mu": (predictor, arrays)}, family=family, auxiliary=auxiliary)


@pytest.fixture(scope="session")
def make() -> Maker:
    """Return the maker of small models."""
    return Maker()
