# Log densities of every family in brms's parameterization, from base R's distributions and the
# formulas of brms's vignette "Parameterization of Response Distributions in brms".
# Run: Rscript densities.R > densities.csv      (R 4.2.2, 2026-11-20; reads cases.csv)
d <- read.csv("cases.csv")
thresholds <- c(-1.5, 0.2, 2.0)
log_diff <- function(a, b) log(a - b)

cumulative <- function(F) function(r) {
  p <- diff(c(0, F(thresholds - r$mu), 1))
  log(p[r$y + 1])
}
sratio <- function(F) function(r) {
  q <- F(thresholds - r$mu)
  p <- c(q, 1) * c(1, cumprod(1 - q))
  log(p[r$y + 1])
}
cloglog <- function(x) 1 - exp(-exp(x))
inflate <- function(zi, zero, density) log(ifelse(zero, zi, 0) + (1 - zi) * density)
hurdle <- function(r, density, zero) {
  if (r$y == 0) log(r$hu) else log(1 - r$hu) + log(density) - log(1 - zero)
}
nb <- function(y, r) dnbinom(y, mu = r$mu, size = r$shape)

families <- list(
  gaussian = function(r) dnorm(r$y, r$mu, r$sigma, log = TRUE),
  student = function(r) dt((r$y - r$mu) / r$sigma, r$nu, log = TRUE) - log(r$sigma),
  skew_normal = function(r) {
    delta <- r$alpha / sqrt(1 + r$alpha^2)
    omega <- r$sigma / sqrt(1 - 2 / pi * delta^2)
    xi <- r$mu - omega * delta * sqrt(2 / pi)
    z <- (r$y - xi) / omega
    log(2) - log(omega) + dnorm(z, log = TRUE) + pnorm(r$alpha * z, log.p = TRUE)
  },
  lognormal = function(r) dlnorm(r$y, r$mu, r$sigma, log = TRUE),
  gamma = function(r) dgamma(r$y, shape = r$shape, rate = r$shape / r$mu, log = TRUE),
  exponential = function(r) dexp(r$y, 1 / r$mu, log = TRUE),
  weibull = function(r) dweibull(r$y, r$shape, r$mu / gamma(1 + 1 / r$shape), log = TRUE),
  inverse_gaussian = function(r) {
    0.5 * log(r$shape / (2 * pi)) - 1.5 * log(r$y) - r$shape * (r$y - r$mu)^2 / (2 * r$y * r$mu^2)
  },
  beta = function(r) dbeta(r$y, r$mu * r$phi, (1 - r$mu) * r$phi, log = TRUE),
  bernoulli = function(r) dbinom(r$y, 1, r$mu, log = TRUE),
  binomial = function(r) dbinom(r$y, r$trials, r$mu, log = TRUE),
  beta_binomial = function(r) {
    a <- r$mu * r$phi; b <- (1 - r$mu) * r$phi
    lchoose(r$trials, r$y) + lbeta(r$y + a, r$trials - r$y + b) - lbeta(a, b)
  },
  poisson = function(r) dpois(r$y, r$mu, log = TRUE),
  negbinomial = function(r) dnbinom(r$y, mu = r$mu, size = r$shape, log = TRUE),
  geometric = function(r) dgeom(r$y, 1 / (1 + r$mu), log = TRUE),
  zero_inflated_poisson = function(r) inflate(r$zi, r$y == 0, dpois(r$y, r$mu)),
  zero_inflated_negbinomial = function(r) inflate(r$zi, r$y == 0, nb(r$y, r)),
  zero_inflated_binomial = function(r) inflate(r$zi, r$y == 0, dbinom(r$y, r$trials, r$mu)),
  hurdle_poisson = function(r) hurdle(r, dpois(r$y, r$mu), exp(-r$mu)),
  hurdle_negbinomial = function(r) hurdle(r, nb(r$y, r), nb(0, r)),
  hurdle_gamma = function(r) hurdle(r, dgamma(r$y, r$shape, r$shape / r$mu), 0),
  hurdle_lognormal = function(r) hurdle(r, dlnorm(r$y, r$mu, r$sigma), 0),
  cumulative = cumulative(plogis),
  cumulative_probit = cumulative(pnorm),
  cumulative_cloglog = cumulative(cloglog),
  sratio = sratio(plogis),
  sratio_probit = sratio(pnorm),
  sratio_cloglog = sratio(cloglog),
  categorical = function(r) {
    eta <- c(0, r$mubus, r$muonfoot)
    (eta - log(sum(exp(eta))))[r$y + 1]
  },
  asymmetric_laplace = function(r) {
    z <- (r$y - r$mu) / r$sigma
    log(r$quantile * (1 - r$quantile) / r$sigma) - z * (r$quantile - (z < 0))
  },
  von_mises = function(r) {
    scaled <- besselI(r$kappa, 0, expon.scaled = TRUE)
    r$kappa * (cos(r$y - r$mu) - 1) - log(2 * pi) - log(scaled)
  }
)
d$log_density <- sapply(seq_len(nrow(d)), function(i) families[[d$family[i]]](d[i, ]))
out <- d[, c("family", "row", "log_density")]
out$log_density <- sprintf("%.15g", out$log_density)
write.csv(out, row.names = FALSE, quote = FALSE)
