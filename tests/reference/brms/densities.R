# Log densities by brms's own density functions (r-cran-brms 2.18.0, R 4.2.2, 2026-11-26), at ten
# random points each. Run: Rscript densities.R > densities.csv
suppressMessages(library(brms))
set.seed(20261126)
n <- 10
chance <- function() runif(n, 0.05, 0.95)
above <- function(low, high) exp(runif(n, log(low), log(high)))
count <- function() c(0, 0, 1, rnbinom(n - 3, mu = 6, size = 1.5))
trials <- 20:11
successes <- c(0, 0, 1, rbinom(n - 3, trials[-(1:3)], chance()[-(1:3)]))
amount <- function() c(0, 0, above(0.1, 20)[-(1:2)])
real <- function() data.frame(y = rnorm(n, 1, 3), mu = rnorm(n), sigma = above(0.2, 5))
rates <- function() data.frame(y = count(), mu = above(0.2, 20))

# What brms calls a function's arguments, where it is not what its families call them.
families <- list(
  student = list(cbind(real(), nu = above(1.2, 40)), function(d) dstudent_t(d$y, d$nu, d$mu, d$sigma, log = TRUE)),
  skew_normal = list(cbind(real(), alpha = rnorm(n, 0, 3)), function(d) dskew_normal(d$y, d$mu, d$sigma, d$alpha, log = TRUE)),
  asymmetric_laplace = list(cbind(real(), quantile = chance()), function(d) dasym_laplace(d$y, d$mu, d$sigma, d$quantile, log = TRUE)),
  von_mises = list(
    data.frame(y = runif(n, -pi, pi), mu = runif(n, -pi, pi), kappa = above(0.1, 50)),
    function(d) dvon_mises(d$y, d$mu, d$kappa, log = TRUE)
  ),
  inverse_gaussian = list(
    data.frame(y = above(0.1, 20), mu = above(0.2, 20), shape = above(0.3, 20)),
    function(d) dinv_gaussian(d$y, d$mu, d$shape, log = TRUE)
  ),
  beta_binomial = list(
    data.frame(y = successes, mu = chance(), phi = above(0.5, 50), trials = trials),
    function(d) dbeta_binomial(d$y, d$trials, d$mu, d$phi, log = TRUE)
  ),
  zero_inflated_poisson = list(cbind(rates(), zi = chance()), function(d) dzero_inflated_poisson(d$y, d$mu, d$zi, log = TRUE)),
  zero_inflated_negbinomial = list(
    cbind(rates(), shape = above(0.3, 20), zi = chance()),
    function(d) dzero_inflated_negbinomial(d$y, d$mu, d$shape, d$zi, log = TRUE)
  ),
  zero_inflated_binomial = list(
    data.frame(y = successes, mu = chance(), zi = chance(), trials = trials),
    function(d) dzero_inflated_binomial(d$y, d$trials, d$mu, d$zi, log = TRUE)
  ),
  hurdle_poisson = list(cbind(rates(), hu = chance()), function(d) dhurdle_poisson(d$y, d$mu, d$hu, log = TRUE)),
  hurdle_negbinomial = list(
    cbind(rates(), shape = above(0.3, 20), hu = chance()),
    function(d) dhurdle_negbinomial(d$y, d$mu, d$shape, d$hu, log = TRUE)
  ),
  hurdle_gamma = list(
    data.frame(y = amount(), mu = above(0.2, 20), shape = above(0.3, 20), hu = chance()),
    function(d) dhurdle_gamma(d$y, d$shape, d$mu / d$shape, d$hu, log = TRUE)
  ),
  hurdle_lognormal = list(
    data.frame(y = amount(), mu = rnorm(n), sigma = above(0.3, 2), hu = chance()),
    function(d) dhurdle_lognormal(d$y, d$mu, d$sigma, d$hu, log = TRUE)
  )
)
# Rounded before the density is taken, so that the file holds the very points.
points <- c("y", "mu", "sigma", "nu", "alpha", "quantile", "kappa", "shape", "phi", "zi", "hu", "trials")
rows <- lapply(names(families), function(name) {
  d <- signif(families[[name]][[1]], 6)
  d$log_density <- sprintf("%.15g", families[[name]][[2]](d))
  d[setdiff(points, names(d))] <- NA
  cbind(family = name, d[c(points, "log_density")])
})
write.csv(do.call(rbind, rows), row.names = FALSE, quote = FALSE, na = "")
