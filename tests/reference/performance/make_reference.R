# Variance shares by performance, and conditional means by emmeans, of four models by lme4.
# Rscript make_reference.R DATA > shares.json; DATA holds sleepstudy.csv, cbpp.csv, Contraception.csv.
suppressMessages({
  library(lme4); library(performance); library(emmeans); library(jsonlite)
})
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(file.path(folder, name), stringsAsFactors = TRUE)
sleep <- read("sleepstudy.csv")
cbpp <- transform(read("cbpp.csv"), period = factor(period))
con <- transform(read("Contraception.csv"), use = as.integer(use == "Y"), district = factor(district))

describe <- function(model) {
  sds <- as.data.frame(VarCorr(model))
  r2 <- r2_nakagawa(model)
  shares <- icc(model)
  list(
    b = as.list(fixef(model)),
    sds = sds[, c("grp", "var1", "var2", "sdcor")],
    r2_conditional = unname(r2$R2_conditional), r2_marginal = unname(r2$R2_marginal),
    icc = shares$ICC_adjusted
  )
}
means <- function(model, ...) {
  as.data.frame(summary(emmeans(model, ..., type = "response")))
}
m_cbpp <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)
m_con <- glmer(use ~ age + urban + (1 | district), con, binomial)
m_probit <- glmer(use ~ age + urban + (1 | district), con, binomial("probit"))
models <- list(
  sleepstudy = describe(lmer(Reaction ~ Days + (Days | Subject), sleep)),
  cbpp = c(describe(m_cbpp), list(means = means(m_cbpp, ~period)$prob)),
  contraception = c(describe(m_con), list(means = means(m_con, ~urban, at = list(age = 1.5))$prob)),
  contraception_probit = c(
    describe(m_probit), list(means = means(m_probit, ~urban, at = list(age = 1.5))$prob)
  )
)
versions <- sapply(
  c("lme4", "performance", "insight", "emmeans"), function(p) as.character(packageVersion(p))
)
cat(toJSON(
  c(list(R = R.version.string, packages = as.list(versions)), models),
  auto_unbox = TRUE, digits = NA, na = "null", pretty = TRUE
))
