# Writes expansions.json: what R's terms() and lme4's findbars() make of the formulas below.
# Run in this folder: Rscript expansions.R
library(jsonlite)
library(lme4)

population <- c(
  "y ~ 1", "y ~ 0", "y ~ x", "y ~ 1 + x", "y ~ 0 + x", "y ~ x - 1", "y ~ x + 0", "y ~ -1 + x",
  "y ~ x - 1 + 1", "y ~ 0 + x + 1", "y ~ x - 0", "y ~ 1 - 1 + x", "y ~ x + -1", "y ~ (0 + x) + z",
  "y ~ x - (1 + z) + z", "y ~ a + b", "y ~ b + a", "y ~ a:b", "y ~ b:a", "y ~ a:b + b:a",
  "y ~ a*b", "y ~ b*a", "y ~ a*b*c", "y ~ a*(b + c)", "y ~ (a + b)*(c + d)", "y ~ a*b - a",
  "y ~ a*b - b", "y ~ a*b - a:b", "y ~ a*b*c - a:b:c", "y ~ a*b*c - a - b", "y ~ b + a:b",
  "y ~ a:b + b", "y ~ b + a + a:b", "y ~ a/b", "y ~ a/b/c", "y ~ (a + b)/c", "y ~ a/(b + c)",
  "y ~ a/(b*c)", "y ~ a/b - 1", "y ~ a %in% b", "y ~ a + b %in% a", "y ~ (a + b) %in% c",
  "y ~ a %in% (b + c)", "y ~ (a + b)^2", "y ~ (a + b + c)^2", "y ~ (a + b + c)^3",
  "y ~ (a + b + c)**2", "y ~ (a + b + c)^2 - a:b", "y ~ (a + b + c + d)^3 - a:c", "y ~ (a*b)^2",
  "y ~ (a:b + c)^2", "y ~ a:b*c", "y ~ a*b:c", "y ~ a + b*c/d", "y ~ a - a", "y ~ a + b - (a + b)",
  "y ~ a + b - (b - a)", "y ~ a:a", "y ~ a*a", "y ~ (a + b):(a + b)", "y ~ ((a))", "y ~ +a + b",
  "y ~ a - b", "y ~ I(x^2)", "y ~ x + I(x^2) + I(-x)", "y ~ I((a + b) * c) + I(a/b - 1)",
  "y ~ I(2 * x^-1)", "y ~ log(x) + log(x):z", "y ~ poly(x, 2)*f", "y ~ factor(f):x + x",
  "y ~ C(f, sum) + C(f, treatment(\"b\")):x", "y ~ `my col` + `my col`:z", "y ~ log.radon + .x1",
  "y ~ bs(x, df = 4) + ns(x, df = 3)", "log(y) ~ x", "y ~ scale(x)*center(z)",
  "y ~ b:c + a:b + c:a", "y ~ a + b + b:c + a:b - a - b", "y ~ c*b*a - c - c:b"
)

offsets <- c("y ~ offset(log(n))", "y ~ x + offset(log(n)) + offset(m)", "y ~ offset(n) + x - 1")

groups <- c(
  "y ~ (1 | g)", "y ~ x + (x | g)", "y ~ (1 | a/b)", "y ~ (x | a/b/c)", "y ~ (1 | a:b)",
  "y ~ (1 | a) + (1 | b)", "y ~ (0 + x | a/(b:c))", "y ~ x + (1 | a:b:c) + (x | a)"
)

describe <- function(text) {
  t <- terms(as.formula(text))
  list(formula = text, labels = I(attr(t, "term.labels")), intercept = attr(t, "intercept") == 1)
}

describe_offsets <- function(text) {
  t <- terms(as.formula(text))
  variables <- vapply(as.list(attr(t, "variables"))[-1], deparse, "")
  c(describe(text), list(offsets = I(variables[attr(t, "offset")])))
}

# The columns of each grouping factor; their order within a factor is of no account.
describe_groups <- function(text) {
  bars <- findbars(as.formula(text))
  list(formula = text, groupings = I(lapply(bars, function(bar) I(all.vars(bar[[3]])))))
}

write_json(
  list(
    source = paste0(R.version.string, ", lme4 ", packageVersion("lme4"), ", expansions.R"),
    population = lapply(population, describe),
    offsets = lapply(offsets, describe_offsets),
    groups = lapply(groups, describe_groups)
  ),
  "expansions.json", auto_unbox = TRUE, pretty = TRUE
)
