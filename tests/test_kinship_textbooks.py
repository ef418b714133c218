"""Each kind of known covariance in a whole analysis, against dense matrix algebra and textbooks.

Mrode: Linear Models for the Prediction of Animal Breeding Values, 3rd edition (2014), examples 3.1
(the animal model) and 4.1 (repeated records), whose printed solutions stand below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy import sparse, stats

import poolish as po
from poolish.summaries.heritability import heritability_draws

# --- Independent covariances ---


def tabular(parents: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """A by the tabular rule, parents first; an unknown parent is empty."""
    labels = list(parents)
    A = pd.DataFrame(0.0, labels, labels)
    for i, (own, pair) in enumerate(parents.items()):
        known = [p for p in pair if p]
        for other in labels[:i]:
            A.loc[own, other] = A.loc[other, own] = 0.5 * sum(A.loc[p, other] for p in known)
        A.loc[own, own] = 1.0 + (0.5 * A.loc[known[0], known[1]] if len(known) == 2 else 0.0)
    return A


def pedigree_of(parents: dict[str, tuple[str, str]]) -> po.Pedigree:
    rows = [(own, *pair) for own, pair in parents.items()]
    frame = pd.DataFrame(rows, columns=["id", "sire", "dam"])
    return po.Pedigree.from_frame(frame, id="id", sire="sire", dam="dam")


def identity(levels: list[str]) -> pd.DataFrame:
    return pd.DataFrame(np.eye(len(levels)), levels, levels)


def blup(
    data: pd.DataFrame, X: np.ndarray, terms: dict[str, tuple[str, pd.DataFrame, float]], ve: float
) -> tuple[np.ndarray, dict[str, pd.Series]]:
    """Generalised least squares, and the conditional means of the effects of every level.

    `terms`: by name the column, covariance and variance of a group.
    """
    V = ve * np.eye(len(data))
    for column, K, variance in terms.values():
        V += variance * K.loc[data[column], data[column]].to_numpy()
    y = data["y"].to_numpy()
    b = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, y))
    resid = np.linalg.solve(V, y - X @ b)
    return b, {
        name: pd.Series(variance * K.loc[:, data[column]].to_numpy() @ resid, K.index)
        for name, (column, K, variance) in terms.items()
    }


# --- Cases ---


@dataclass(frozen=True)
class Case:
    """A formula, its data, and each group's column, covariance and variance."""

    formula: str
    data: pd.DataFrame
    X: np.ndarray
    relations: dict[str, object]
    terms: dict[str, tuple[str, pd.DataFrame, float]]
    ve: float


def dummies(column: pd.Series) -> np.ndarray:
    return pd.get_dummies(column).to_numpy(dtype=float)


CALVES = {
    "1": ("", ""),
    "2": ("", ""),
    "3": ("", ""),
    "4": ("1", ""),
    "5": ("3", "2"),
    "6": ("1", "2"),
    "7": ("4", "5"),
    "8": ("3", "6"),
}
COWS = {**dict.fromkeys("123", ("", "")), "4": ("1", "2"), "5": ("3", "2"), "6": ("1", "5")} | {
    "7": ("3", "4"),
    "8": ("1", "7"),
}


def animal_model() -> Case:
    gain = [4.5, 2.9, 3.9, 3.5, 5.0]
    data = pd.DataFrame({"y": gain, "sex": list("MFFMM"), "calf": list("45678")})
    return Case(
        "y ~ 0 + sex + (1 | kin(calf, ped))",
        data,
        dummies(data["sex"]),
        {"ped": pedigree_of(CALVES)},
        {"calf": ("calf", tabular(CALVES), 20.0)},
        40.0,
    )


def repeated_records() -> Case:
    data = pd.DataFrame(
        {
            "y": [201.0, 280, 150, 200, 160, 190, 180, 250, 285, 300],
            "cow": [c for c in "45678" for _ in "12"],
            "season": [f"s{k}" for k in "1314231324"],
        }
    )
    return Case(
        "y ~ 0 + season + (1 | kin(cow, ped)) + (1 | cow)",
        data,
        dummies(data["season"]),
        {"ped": pedigree_of(COWS)},
        {
            "cow.ped": ("cow", tabular(COWS), 20.0),
            "cow": ("cow", identity(list("45678")), 12.0),
        },
        28.0,
    )


def maternal() -> Case:
    rng = np.random.default_rng(1)
    parents = {f"a{i}": ("", "") for i in range(8)}
    for i in range(8, 40):
        sire, dam = 2 * rng.integers(0, i // 2, 2)
        parents[f"a{i}"] = (f"a{sire}", f"a{dam + 1}")
    own = list(parents)[8:]
    data = pd.DataFrame({"y": rng.normal(size=32), "x": rng.normal(size=32), "id": own})
    data["dam"] = [parents[label][1] for label in own]
    A = tabular(parents)
    return Case(
        "y ~ x + (1 | kin(id, ped)) + (1 | kin(dam, ped))",
        data,
        np.column_stack([np.ones(32), data["x"]]),
        {"ped": pedigree_of(parents)},
        {"id": ("id", A, 0.5), "dam": ("dam", A, 0.3)},
        0.6,
    )


def random_tree(n: int, rng: np.random.Generator) -> tuple[str, pd.DataFrame]:
    """An ultrametric tree made by joining lineages, and the paths that its tips share."""
    tips = [f"t{i:02d}" for i in range(n)]
    meet = np.zeros((n, n))  # height above the tips where two of them meet
    alive = [(tip, [i], 0.0) for i, tip in enumerate(tips)]
    for height in np.sort(rng.uniform(0.05, 1.0, n - 1)).tolist():
        i, j = sorted(rng.choice(len(alive), 2, replace=False))
        (left, below_left, at_left), (right, below_right, at_right) = alive[i], alive.pop(j)
        meet[np.ix_(below_left, below_right)] = meet[np.ix_(below_right, below_left)] = height
        text = f"({left}:{height - at_left!r},{right}:{height - at_right!r})"
        alive[i] = (text, below_left + below_right, height)
    text, _, root = alive[0]
    return text + ";", pd.DataFrame(root - meet, tips, tips)


def phylogeny() -> Case:
    rng = np.random.default_rng(2)
    text, K = random_tree(30, rng)
    data = pd.DataFrame({"x": rng.normal(size=30), "species": K.index})
    u = np.linalg.cholesky(K) @ rng.normal(size=30)
    data["y"] = 1.0 + 0.5 * data["x"] + u + 0.4 * rng.normal(size=30)
    return Case(
        "y ~ x + (1 | kin(species, tree))",
        data,
        np.column_stack([np.ones(30), data["x"]]),
        {"tree": po.newick_covariance(text)},
        {"species": ("species", K, 1.0)},
        0.16,
    )


def map_of_areas() -> Case:
    rng = np.random.default_rng(3)
    labels = [f"{i}-{j}" for i in range(5) for j in range(6)]
    at = np.array([label.split("-") for label in labels], dtype=int)
    W = (np.abs(at[:, None] - at).sum(axis=2) == 1).astype(float)
    K = pd.DataFrame(np.linalg.inv(np.diag(W.sum(axis=1)) - 0.9 * W), labels, labels)
    u = np.linalg.cholesky(K) @ rng.normal(size=30)
    data = pd.DataFrame({"area": labels * 2, "x": rng.normal(size=60)})
    data["y"] = 0.5 * data["x"] + np.tile(u, 2) + 0.3 * rng.normal(size=60)
    return Case(
        "y ~ x + (1 | kin(area, map))",
        data,
        np.column_stack([np.ones(60), data["x"]]),
        {"map": po.car_precision(sparse.csr_matrix(W), labels, rho=0.9)},
        {"area": ("area", K, 1.0)},
        0.09,
    )


CASES = {
    "animal model": animal_model,
    "repeated records": repeated_records,
    "maternal": maternal,
    "phylogeny": phylogeny,
    "map": map_of_areas,
}


# --- Given the variances: best linear unbiased predictions ---


@pytest.mark.parametrize("name", CASES)
def test_effects_are_the_blups_of_dense_algebra(name: str) -> None:
    case = CASES[name]()
    b, effects = blup(case.data, case.X, case.terms, case.ve)
    # Their ratios alone matter; small variances leave a small Monte Carlo error.
    unit = 1e-3 * case.data["y"].std() / np.sqrt(case.ve)
    sds = {f"sd_{g}": np.sqrt(variance) for g, (_, _, variance) in case.terms.items()}
    sds["sigma"] = np.sqrt(case.ve)
    priors = {key: f"constant({float(sd * unit)!r})" for key, sd in sds.items()}

    fit = po.fit(
        case.formula,
        case.data,
        relations=case.relations,
        priors={**flat(case.formula), **priors},
        seed=1,
        draws=250,
        progress=False,
    )

    found = fit.posterior["b"]
    error = 5 * found.std(("chain", "draw")).values / np.sqrt(1000)
    assert np.all(np.abs(found.mean(("chain", "draw")).values - b) < error)
    for group, expected in effects.items():
        r = fit.posterior[f"r_{group}"].mean(("chain", "draw")).values[:, 0]
        levels = next(g.levels for g in fit.result.spec.main.groups if g.name == group)
        spread = fit.posterior[f"r_{group}"].std(("chain", "draw")).values[:, 0]
        assert set(levels) == set(expected.index)
        assert np.all(np.abs(r - expected[list(levels)]) < 5 * spread / np.sqrt(1000))


def flat(formula: str) -> dict[str, str]:
    return {"b": "flat()"} | ({} if "~ 0" in formula else {"Intercept": "flat()"})


def test_dense_algebra_gives_the_textbook_solutions() -> None:
    case = animal_model()
    b, effects = blup(case.data, case.X, case.terms, case.ve)
    calves = [0.098, -0.019, -0.041, -0.009, -0.186, 0.177, -0.249, 0.183]
    assert b.tolist() == pytest.approx([3.404, 4.358], abs=6e-4)
    assert effects["calf"].tolist() == pytest.approx(calves, abs=6e-4)

    case = repeated_records()
    _, effects = blup(case.data, case.X, case.terms, case.ve)
    cows = [10.148, -3.084, -7.063, 13.581, -18.207, -18.387, 9.328, 24.194]
    permanent = [8.417, -7.146, -17.229, -1.390, 17.347]
    assert effects["cow.ped"].tolist() == pytest.approx(cows, abs=6e-4)
    assert effects["cow"].tolist() == pytest.approx(permanent, abs=6e-4)


# --- The variances too: the share of the phylogeny (Pagel's lambda), and of the map ---

HALF_T = "half_student_t(3, 0, 1)"


def grid_share(case: Case) -> tuple[float, float, np.ndarray]:
    """Mean and sd of sd^2 k / (sd^2 k + sigma^2), k the mean diagonal of K, and means of b.

    (sd, sigma) = s (x, z), x^2 + z^2 = 1: one dense factor for each x, a sum over s.
    """
    ((column, K, _),) = case.terms.values()
    K_rows, k = K.loc[case.data[column], case.data[column]].to_numpy(), np.diag(K).mean()
    y, X = case.data["y"].to_numpy(), case.X
    nu = len(y) - X.shape[1]
    weights, shares, bs = [], [], []
    for angle in (np.arange(400) + 0.5) * np.pi / 800:
        x, z = np.sin(angle), np.cos(angle)
        V = x**2 * K_rows + z**2 * np.eye(len(y))
        XVX = X.T @ np.linalg.solve(V, X)
        b = np.linalg.solve(XVX, X.T @ np.linalg.solve(V, y))
        rss = (y - X @ b) @ np.linalg.solve(V, y - X @ b)
        log_s = 0.5 * np.log(rss / nu) + np.linspace(-1.0, 1.5, 200)
        s = np.exp(log_s)
        of_s = (2 - nu) * log_s - rss / (2 * s**2)  # dsd dsigma = s^2 dlog(s) dangle
        of_s += stats.t(3).logpdf(s * x) + stats.t(3).logpdf(s * z)
        log_dets = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XVX)[1]
        weights.append(np.logaddexp.reduce(of_s) - 0.5 * log_dets)
        shares.append(x**2 * k / (x**2 * k + z**2))
        bs.append(b)
    w, share = np.exp(np.array(weights) - max(weights)), np.array(shares)
    w /= w.sum()
    mean = float(w @ share)
    return mean, float(np.sqrt(w @ (share - mean) ** 2)), w @ np.array(bs)


@pytest.mark.parametrize("name", ["phylogeny", "map"])
def test_the_share_of_a_structure_is_that_of_a_grid(name: str) -> None:
    case = CASES[name]()
    expected, sd, b = grid_share(case)
    priors = {**flat(case.formula), "sd": HALF_T, "sigma": HALF_T}

    fit = po.fit(
        case.formula, case.data, relations=case.relations, priors=priors, seed=1, progress=False
    )

    (group,) = case.terms
    share = heritability_draws(fit.result, group)["h2", "response", "mean diagonal"]
    mcse = float(array_stats.mcse(share, method="mean"))
    assert fit.result.record.engine == "exact"
    assert share.mean() == pytest.approx(expected, abs=4 * mcse)
    assert share.std() == pytest.approx(sd, rel=0.08)
    slope = fit.posterior["b"].values[..., 1]
    error = 4 * float(array_stats.mcse(slope, method="mean"))
    assert slope.mean() == pytest.approx(b[1], abs=error)
