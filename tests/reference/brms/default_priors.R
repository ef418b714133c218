# Default priors of family parameters, and of the intercepts of their formulas, by brms itself.
# Debian r-cran-brms 2.18.0, R 4.2.2, 2026-11-26. Run: Rscript default_priors.R > default_priors.csv
suppressMessages(library(brms))
set.seed(1)
d <- data.frame(x = rnorm(60), n = 10L)
d$real <- rnorm(60, 3, 2); d$positive <- exp(d$x); d$angle <- pmin(pmax(d$real, -3), 3)
d$count <- rpois(60, 3); d$zeros <- ifelse(d$count < 2, 0, d$positive); d$share <- plogis(d$x)
d$successes <- rbinom(60, 10, 0.4)
outcome <- c(student = "real", skew_normal = "real", asym_laplace = "real", von_mises = "angle",
  gamma = "positive", weibull = "positive", inverse.gaussian = "positive", beta = "share",
  negbinomial = "count", zero_inflated_poisson = "count", zero_inflated_negbinomial = "count",
  hurdle_poisson = "count", hurdle_negbinomial = "count", hurdle_gamma = "zeros",
  hurdle_lognormal = "zeros", beta_binomial = "successes | trials(n)",
  zero_inflated_binomial = "successes | trials(n)")
ours <- c(asym_laplace = "asymmetric_laplace", inverse.gaussian = "inverse_gaussian")
cat("family,parameter,own,intercept\n")
for (name in names(outcome)) {
  family <- brmsfamily(name)
  main <- as.formula(paste(outcome[[name]], "~ x"))
  plain <- as.data.frame(get_prior(main, d, family))
  for (dpar in setdiff(brms:::valid_dpars(family), c("mu", "sigma"))) {
    formula <- bf(main, as.formula(paste(dpar, "~ x")))
    modelled <- as.data.frame(get_prior(formula, d, family))
    own <- plain$prior[plain$class == dpar]
    intercept <- modelled$prior[modelled$class == "Intercept" & modelled$dpar == dpar]
    label <- if (name %in% names(ours)) ours[[name]] else name
    cat(sprintf("%s,%s,\"%s\",\"%s\"\n", label, dpar, own, intercept))
  }
}
