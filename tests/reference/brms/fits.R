# Posterior summaries of two models fitted by brms itself (priors as in tests/engines/nuts/test_brms.py).
# Debian packages r-cran-brms 2.18.0, r-cran-rstan 2.21.7 (R 4.2.2), run 2026-11-26.
# Run: Rscript fits.R INHALER.csv SLEEPSTUDY.csv OUT   (writes OUT/fit_NAME.csv)
suppressMessages(library(brms))
rstan::rstan_options(boost_lib = "/usr/include") # where Debian keeps the headers
args <- commandArgs(TRUE)
models <- list(
  cumulative = list(
    formula = bf(rating ~ treat + period + carry + (1 | subject)), data = read.csv(args[1]),
    family = cumulative(),
    prior = c(
      prior(normal(0, 2), class = b), prior(student_t(3, 0, 2.5), class = Intercept),
      prior(normal(0, 2), class = sd)
    )
  ),
  distributional = list(
    formula = bf(
      Reaction ~ 0 + Intercept + Days + (1 | p | Subject),
      sigma ~ 0 + Intercept + Days + (1 | p | Subject)
    ),
    data = read.csv(args[2]), family = gaussian(),
    prior = c(
      prior(normal(0, 20), class = b), prior(normal(300, 50), class = b, coef = Intercept),
      prior(normal(0, 50), class = sd), prior(normal(0, 0.5), class = b, dpar = sigma),
      prior(normal(3, 1), class = b, coef = Intercept, dpar = sigma),
      prior(normal(0, 1), class = sd, dpar = sigma), prior(lkj(2), class = cor)
    )
  )
)
for (name in names(models)) {
  m <- models[[name]]
  fit <- brm(m$formula, m$data, m$family, m$prior,
    chains = 2, iter = 3000, warmup = 1000, seed = 1, backend = "rstan", refresh = 500,
    control = list(adapt_delta = 0.9)
  )
  s <- rstan::summary(fit$fit)$summary
  s <- s[grepl("^(b_|sd_|cor_)", rownames(s)), c("mean", "se_mean", "sd", "n_eff", "Rhat")]
  table <- data.frame(variable = rownames(s), signif(s, 8))
  write.csv(table, file.path(args[3], paste0("fit_", name, ".csv")), row.names = FALSE, quote = FALSE)
}
