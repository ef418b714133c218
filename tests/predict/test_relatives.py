"""New relatives: drawn given the fitted ones by the extended known covariance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.made_fits import make_posterior

from poolish.errors import DataError, RelationError, UnknownNameError
from poolish.predict import predict
from poolish.predict.relatives import relate
from poolish.relations import Pedigree, as_relation

ROWS = pd.DataFrame(
    {
        "id": ["A", "B", "C", "D", "E", "kid", "grandkid", "stranger"],
        "sire": ["", "", "A", "A", "", "C", "kid", ""],
        "dam": ["", "", "B", "B", "", "D", "E", ""],
    }
).replace("", None)
FITTED = list("ABCDE")
NEW = ["kid", "grandkid", "stranger"]
DATA = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 2.5], "x": [0.1, 0.4, 0.2, 0.9, 0.5]})


def pedigree(rows: pd.DataFrame) -> Pedigree:
    return Pedigree.from_frame(rows, id="id", sire="sire", dam="dam")


PEDIGREE, EXTENDED = pedigree(ROWS.iloc[:5]), pedigree(ROWS)


def labelled(ped: Pedigree) -> pd.DataFrame:
    return pd.DataFrame(ped.relationship().to_numpy(), list(ped.labels), list(ped.labels))


FORMS = {
    "precision": (as_relation(PEDIGREE), EXTENDED),
    "covariance": (as_relation(labelled(PEDIGREE)), labelled(EXTENDED)),
    "mixed": (as_relation(labelled(PEDIGREE)), EXTENDED),
}


def made(relation, term="1", size=(4, 25)):
    data = DATA.assign(id=FITTED)
    formula = f"y ~ 1 + ({term} | kin(id, ped))"
    return make_posterior(formula, data, relations={"ped": relation}, size=size)


def conditional(labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Regression and covariance of the new given the fitted, by plain matrix algebra."""
    A = labelled(EXTENDED)
    old = np.linalg.inv(A.loc[FITTED, FITTED].to_numpy())
    B = A.loc[labels, FITTED].to_numpy() @ old
    return B, A.loc[labels, labels].to_numpy() - B @ A.loc[FITTED, labels].to_numpy()


@pytest.mark.parametrize("form", FORMS)
def test_new_units_follow_from_the_fitted_by_the_conditional_normal(form: str) -> None:
    relation, extended = FORMS[form]

    found = relate(relation, as_relation(extended), NEW, name="ped")

    B, C = conditional(NEW)
    at = [relation.labels.index(label) for label in FITTED]
    regression = np.zeros((3, 5))
    regression[:, found.used] = found.regression
    np.testing.assert_allclose(regression[:, at], B, atol=1e-10)
    np.testing.assert_allclose(found.root @ found.root.T, C, atol=1e-10)


def test_a_clone_has_the_effect_of_its_twin() -> None:
    K = np.array([[1.0, 0.5, 1.0], [0.5, 1.0, 0.5], [1.0, 0.5, 1.0]])
    fitted = as_relation((K[:2, :2], ["a", "b"]))

    found = relate(fitted, as_relation((K, ["a", "b", "twin"])), ["twin"], name="K")

    np.testing.assert_allclose(found.regression @ np.eye(2)[found.used], [[1.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(found.root @ found.root.T, 0.0, atol=1e-12)


def test_predictions_for_new_relatives_have_the_conditional_moments() -> None:
    relation, extended = FORMS["precision"]
    posterior = made(relation, size=(4, 5000))
    new = pd.DataFrame({"id": ["kid", "A", "grandkid", "kid"]})

    eta = predict(posterior, new, kind="linear", relations={"ped": extended}, seed=4)

    draws = posterior.draws
    values = eta.values - draws["b"].values
    r = draws["r_id"].sel(id=FITTED).values[..., 0]
    B, C = conditional(["kid", "grandkid"])
    sd = draws["sd_id"].values[..., 0]
    white = (values[..., [0, 2]] - r @ B.T) / sd[..., None]
    covariance = np.cov(white.reshape(-1, 2).T)
    # 20,000 independent draws: the sd of an entry of their covariance is at most 0.008.
    np.testing.assert_allclose(covariance, C, atol=0.03)
    np.testing.assert_allclose(white.mean(axis=(0, 1)), 0.0, atol=0.03)
    np.testing.assert_array_equal(values[..., 0], values[..., 3])
    np.testing.assert_allclose(values[..., 1], r[..., 0], atol=1e-12)


def test_correlated_slopes_of_new_relatives_have_the_fitted_covariance() -> None:
    relation, extended = FORMS["covariance"]
    posterior = made(relation, term="1 + x", size=(4, 5000))
    new = pd.DataFrame({"id": ["stranger", "stranger"], "x": [0.0, 1.0]})

    eta = predict(posterior, new, kind="linear", relations={"ped": extended}, seed=4)

    draws = posterior.draws
    sd, cor = draws["sd_id"].values, draws["cor_id"].values
    u = eta.values - draws["b"].values
    intercept, slope = u[..., 0] / sd[..., 0], (u[..., 1] - u[..., 0]) / sd[..., 1]
    assert np.mean(intercept * slope) == pytest.approx(cor[..., 0, 1].mean(), abs=0.03)
    assert np.mean(slope**2) == pytest.approx(1.0, abs=0.05)


def test_predictions_do_not_change_when_only_fitted_ids_are_asked_for() -> None:
    relation, extended = FORMS["precision"]
    posterior = made(relation)
    new = pd.DataFrame({"id": ["A", "D"]})

    found = predict(posterior, new, relations={"ped": extended})

    np.testing.assert_array_equal(found.values, predict(posterior, new).values)


def test_an_unseen_id_without_an_extended_relation_is_an_error() -> None:
    with pytest.raises(
        DataError, match=r"1 level\(s\) of `id` are not in the fitted relation"
    ) as e:
        predict(made(FORMS["precision"][0]), pd.DataFrame({"id": ["kid"]}))

    assert 'relations={"ped": ...}' in str(e.value)


def test_an_id_that_the_extended_relation_lacks_is_an_error() -> None:
    with pytest.raises(RelationError, match="1 ids are not in the relation `ped`"):
        predict(
            made(FORMS["precision"][0]),
            pd.DataFrame({"id": ["nobody"]}),
            relations={"ped": EXTENDED},
        )


def test_an_extended_relation_without_the_fitted_ids_is_an_error() -> None:
    part = as_relation(labelled(EXTENDED).loc[["A", "kid"], ["A", "kid"]])

    with pytest.raises(RelationError, match="lacks 4 of the units that were fitted"):
        relate(FORMS["precision"][0], part, ["kid"], name="ped")


@pytest.mark.parametrize("form", FORMS)
def test_another_relation_between_the_fitted_ids_is_an_error(form: str) -> None:
    other = pedigree(ROWS.assign(dam=[None, None, "B", None, None, "D", "E", None]))
    extended = other if form == "precision" else labelled(other)

    with pytest.raises(RelationError, match="is not that of the fit between the fitted units"):
        relate(FORMS[form][0], as_relation(extended), ["kid"], name="ped")


def test_a_relation_the_model_does_not_have_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="`K` is not a known covariance of this model"):
        predict(made(FORMS["precision"][0]), relations={"K": EXTENDED})
