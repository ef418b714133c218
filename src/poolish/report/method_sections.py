"""How it was done: methods paragraph, citations, versions, and the line that repeats it."""

from __future__ import annotations

import json

import pandas as pd

from poolish.report.blocks import Code, Items, Section, Text
from poolish.report.facts import Facts
from poolish.report.tables import plain_table

_GENERAL = (
    "Gelman A., Hill J. (2007) Data Analysis Using Regression and Multilevel/Hierarchical "
    "Models. Cambridge University Press.",
    "Gelman A., Pardoe I. (2006) Bayesian measures of explained variance and pooling in multilevel "
    "models. Technometrics 48, 241-251. doi:10.1198/004017005000000517",
    "Vehtari A. et al. (2021) Rank-normalization, folding, and localization: an improved R-hat. "
    "Bayesian Analysis 16, 667-718. doi:10.1214/20-BA1221",
    "Vehtari A., Gelman A., Gabry J. (2017) Practical Bayesian model evaluation using "
    "leave-one-out cross-validation and WAIC. Statistics and Computing 27, 1413-1432. "
    "doi:10.1007/s11222-016-9696-4",
    "Dunn P. K., Smyth G. K. (1996) Randomized quantile residuals. Journal of Computational and "
    "Graphical Statistics 5, 236-244. doi:10.1080/10618600.1996.10474708",
)
_BY_ENGINE = {
    "nuts": (
        "Hoffman M. D., Gelman A. (2014) The No-U-Turn sampler. Journal of Machine Learning "
        "Research 15, 1593-1623.",
        "Abril-Pla O. et al. (2023) PyMC: a modern and comprehensive probabilistic programming "
        "framework in Python. PeerJ Computer Science 9, e1516. doi:10.7717/peerj-cs.1516",
    ),
    "exact": (
        "Bates D. et al. (2015) Fitting linear mixed-effects models using lme4. Journal of "
        "Statistical Software 67(1). doi:10.18637/jss.v067.i01",
    ),
    "quadrature": (
        "Pinheiro J. C., Bates D. M. (1995) Approximations to the log-likelihood function in the "
        "nonlinear mixed-effects model. Journal of Computational and Graphical Statistics 4, "
        "12-35. doi:10.1080/10618600.1995.10474663",
    ),
}
_HOW = {
    "nuts": "the No-U-Turn sampler",
    "exact": "the exact engine, which integrates the effects out and samples the variance "
    "parameters only",
    "quadrature": "the quadrature engine, which integrates the group effects out numerically",
}


def methods(facts: Facts) -> Section:
    """Return the methods paragraph and what it cites."""
    record, sizes = facts.posterior.record, facts.posterior.draws.sizes
    program = f"Poolish {record.versions.get('poolish', '')}".strip()
    tune = f" after {record.tune:,} warm-up draws each" if record.engine == "nuts" else ""
    stated = len(facts.posterior.spec.stated)
    priors = f"{stated} priors were stated, the others are the defaults" if stated else (
        "All priors are the defaults, scaled by the data"
    )  # fmt: skip
    text = (
        f"A Bayesian hierarchical model, {' and '.join(record.formula.splitlines())}, with a "
        f"{record.family} response was fitted with {program} by "
        f"{_HOW.get(record.engine, record.engine)}: {sizes['chain']} chains of {sizes['draw']:,} "
        f"draws{tune}, seed {record.seed}. {priors}. Estimates are posterior means with "
        f"{facts.ci_prob:.0%} equal-tailed intervals. Sampling was judged by R-hat and effective "
        f"sample sizes, the fit by replicated data, quantile residuals and leave-one-out "
        f"cross-validation; the sampling was found {facts.diagnosis.verdict}."
    )
    cited = (*_GENERAL, *_BY_ENGINE.get(record.engine, ()))
    return Section("methods", "Methods", (Text(text), Items(cited)))


def reproduce(facts: Facts) -> Section:
    """Return versions, seed, checksum of the data, and the line that repeats the fit."""
    record = facts.posterior.record
    rows = [
        ("fitted", record.created),
        ("engine", f"{record.engine} ({record.reason})" if record.reason else record.engine),
        ("seconds", f"{record.seconds:.1f}"),
        ("seed", str(record.seed)),
        ("SHA-256 of the columns used", record.data_hash),
        *((f"version of {name}", version) for name, version in record.versions.items()),
    ]
    table = plain_table(pd.DataFrame(rows, columns=["what", "value"]), "Record")
    return Section("reproduce", "Do it again", (Code(reproduce_line(facts)), table))


def reproduce_line(facts: Facts) -> str:
    """Return the call that repeats the fit, given the data."""
    record, spec = facts.posterior.record, facts.posterior.spec
    lines = record.formula.splitlines()
    formula = json.dumps(lines[0] if len(lines) == 1 else lines, ensure_ascii=False)
    stated = _stated(facts)
    priors = f", priors={json.dumps(stated, ensure_ascii=False)}" if stated else ""
    names = [g.relation for p in spec.predictors.values() for g in p.groups if g.relation]
    relations = ", ".join(f"{json.dumps(name)}: {name}" for name in dict.fromkeys(names))
    known = f", relations={{{relations}}}" if relations else ""
    return (
        f"po.fit({formula}, data, family={json.dumps(record.family)}{priors}{known}, "
        f"engine={json.dumps(record.engine)}, draws={record.draws}, chains={record.chains}, "
        f"tune={record.tune}, seed={record.seed})"
    )


def _stated(facts: Facts) -> dict[str, str]:
    from poolish.spec.build import spec_priors

    rows = spec_priors(facts.posterior.spec)
    return {row.stated_as: str(row.prior) for row in rows if row.stated_as is not None}
