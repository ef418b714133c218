# Variance parts and R2 of GLMMs by insight and performance, and Nakagawa et al. (2017) by their own recipe.
# Rscript make_glmm_shares.R DATA > glmm_shares.json; DATA holds epil.csv, sleepstudy.csv, Contraception.csv.
suppressMessages({
  library(lme4); library(insight); library(performance); library(jsonlite)
})
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(file.path(folder, name), stringsAsFactors = TRUE)
epil <- transform(read("epil.csv"), subject = factor(subject))
sleep <- read("sleepstudy.csv")
con <- transform(read("Contraception.csv"), use = as.integer(use == "Y"), district = factor(district))
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 2e5))

describe <- function(model, null, distribution) {
  sds <- as.data.frame(VarCorr(model))
  parts <- suppressWarnings(get_variance(model))
  r2 <- suppressWarnings(r2_nakagawa(model))
  # Nakagawa et al. (2017), supplement: lambda of the null model, its group variances halved in.
  v0 <- as.data.frame(VarCorr(null))
  lambda <- exp(fixef(null)[[1]] + 0.5 * sum(v0$vcov[v0$grp != "Residual" & is.na(v0$var2)]))
  d <- distribution(model, lambda)
  total <- parts$var.fixed + parts$var.random + d
  list(
    b = as.list(fixef(model)), sds = sds[, c("grp", "var1", "var2", "sdcor")],
    shape = if (isGLMM(model) && grepl("Negative", family(model)$family)) getME(model, "glmer.nb.theta") else NULL,
    sigma = sigma(model), null_intercept = fixef(null)[[1]], lambda = lambda,
    var_fixed = parts$var.fixed[[1]], var_random = parts$var.random[[1]], var_distribution = parts$var.distribution[[1]],
    r2_marginal = unname(r2$R2_marginal), r2_conditional = unname(r2$R2_conditional),
    trigamma = list(
      distribution = d, r2_marginal = parts$var.fixed[[1]] / total, r2_conditional = (parts$var.fixed[[1]] + parts$var.random[[1]]) / total
    )
  )
}
poisson_d <- function(model, lambda) trigamma(lambda)
nb_d <- function(model, lambda) trigamma(1 / (1 / lambda + 1 / getME(model, "glmer.nb.theta")))
gamma_d <- function(model, lambda) trigamma(1 / sigma(model)^2)
logistic_d <- function(model, lambda) pi^2 / 3

p <- glmer(y ~ trt + lbase + (1 | subject), epil, poisson, control = control)
ps <- glmer(y ~ trt + lbase + V4 + (V4 | subject), epil, poisson, control = control)
p0 <- glmer(y ~ 1 + (1 | subject), epil, poisson, control = control)
nb <- glmer.nb(y ~ trt + lbase + (1 | subject), epil, control = control)
nb0 <- glmer.nb(y ~ 1 + (1 | subject), epil, control = control)
g <- glmer(Reaction ~ Days + (Days | Subject), sleep, Gamma("log"), control = control)
g0 <- glmer(Reaction ~ 1 + (1 | Subject), sleep, Gamma("log"), control = control)
b <- glmer(use ~ age + urban + (urban | district), con, binomial, control = control)
b0 <- glmer(use ~ 1 + (1 | district), con, binomial, control = control)
versions <- sapply(c("lme4", "performance", "insight"), function(p) as.character(packageVersion(p)))
cat(toJSON(list(
  R = R.version.string, packages = as.list(versions),
  poisson = describe(p, p0, poisson_d), poisson_slopes = describe(ps, p0, poisson_d),
  negbinomial = describe(nb, nb0, nb_d), gamma_slopes = describe(g, g0, gamma_d),
  logistic_slopes = describe(b, b0, logistic_d)
), auto_unbox = TRUE, digits = NA, na = "null", pretty = TRUE))
