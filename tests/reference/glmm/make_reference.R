# Estimates of gallery models by other programs: Rscript tests/reference/glmm/make_reference.R
# Debian packages r-cran-glmmtmb, r-cran-jsonlite.
library(glmmTMB)
library(jsonlite)

write_answer <- function(name, answer) {
  path <- file.path("tests", "reference", "glmm", paste0(name, ".json"))
  writeLines(toJSON(answer, auto_unbox = TRUE, digits = 10, pretty = TRUE), path)
}

named <- function(values) as.list(setNames(as.numeric(values), names(values)))

# --- roaches: zero-inflated negative binomial with an exposure ---
roaches <- read.csv("models/roaches/data.csv")
fit <- glmmTMB(
  y ~ I(roach1 / 100) + treatment + senior + offset(log(exposure2)),
  ziformula = ~senior, family = nbinom2, data = roaches
)
estimates <- fixef(fit)
errors <- sqrt(diag(vcov(fit, full = TRUE)))
write_answer("roaches__glmmTMB", list(
  engine = paste("glmmTMB", packageVersion("glmmTMB")), made = as.character(Sys.Date()),
  b = named(estimates$cond), b_zi = named(estimates$zi), shape = sigma(fit),
  se = named(errors), loglik = as.numeric(logLik(fit))
))

# --- kidney: Weibull times with a normal frailty, right-censored, by maximum likelihood ---
# survreg has no such frailty: each patient's two times are integrated over it by `integrate`.
kidney <- read.csv("models/kidney/data.csv")
X <- cbind(1, kidney$age, kidney$sex == "female")
patients <- split(seq_len(nrow(kidney)), kidney$patient)

log_density <- function(row, effect, b, log_shape) {
  shape <- exp(log_shape)
  scale <- exp(sum(X[row, ] * b) + effect - lgamma(1 + 1 / shape)) # mean exp(eta), as in brms
  is_seen <- kidney$censored[row] == 0
  if (is_seen) {
    dweibull(kidney$time[row], shape, scale, log = TRUE)
  } else {
    pweibull(kidney$time[row], shape, scale, lower.tail = FALSE, log.p = TRUE)
  }
}

patient_likelihood <- function(rows, b, sd, log_shape) {
  joint <- function(effect) {
    density <- sapply(rows, function(row) log_density(row, effect, b, log_shape))
    exp(rowSums(matrix(density, ncol = length(rows))) + dnorm(effect, 0, sd, log = TRUE))
  }
  integrate(joint, -8 * sd, 8 * sd, rel.tol = 1e-9, subdivisions = 400)$value
}

deviance <- function(theta) {
  parts <- sapply(patients, patient_likelihood, theta[1:3], exp(theta[4]), theta[5])
  -sum(log(parts))
}
start <- c(4, 0, 1, log(0.5), 0)
found <- nlminb(start, deviance, lower = c(0, -1, -5, -4, -2), upper = c(9, 1, 5, 2, 2))
stopifnot(found$convergence == 0)
names <- c("Intercept", "age", "sex[female]")
write_answer("kidney__integrate", list(
  engine = R.version.string, made = as.character(Sys.Date()),
  b = named(setNames(found$par[1:3], names)),
  sd_patient = exp(found$par[4]), shape = exp(found$par[5]),
  se = sqrt(diag(solve(optimHess(found$par, deviance)))), loglik = -found$objective
))

# --- contraception: the posterior of the variance parameters by glmmTMB's restricted likelihood ---
# With flat priors of the coefficients the density of theta is exp(REML) times its prior: here
# half_student_t(3, 0, 2.5) of both standard deviations and lkj(eta) of the correlation, by sums
# over the midpoints of a grid. REML is a Laplace approximation; so much is left between this and the posterior.
contraception <- read.csv("models/contraception/data.csv")
contraception$age10 <- contraception$age / 10
fit <- glmmTMB(
  use ~ age10 + I(age10^2) + urban + livch + (urban | district),
  family = binomial, data = transform(contraception, use = as.integer(use %in% c("Y", 1))),
  REML = TRUE
)
middles <- function(from, to, n) from + (seq_len(n) - 0.5) * (to - from) / n
grid <- expand.grid(
  sd_intercept = middles(0.2, 1.4, 24), sd_urban = middles(0, 2.1, 30), cor = middles(-1, 1, 40)
)
theta <- cbind(log(grid$sd_intercept), log(grid$sd_urban), grid$cor / sqrt(1 - grid$cor^2))
restricted <- -apply(theta, 1, function(at) fit$obj$fn(at))
half_t <- function(sd) dt(sd / 2.5, 3, log = TRUE)
summarise <- function(eta) {
  prior <- half_t(grid$sd_intercept) + half_t(grid$sd_urban) + (eta - 1) * log(1 - grid$cor^2)
  weights <- exp(restricted + prior - max(restricted + prior))
  weights <- weights / sum(weights)
  means <- colSums(weights * grid)
  sds <- sqrt(colSums(weights * sweep(grid, 2, means)^2))
  list(mean = named(means), sd = named(sds))
}
write_answer("contraception_slope__glmmTMB_grid", list(
  engine = paste("glmmTMB", packageVersion("glmmTMB")), made = as.character(Sys.Date()),
  lkj_1 = summarise(1), lkj_2 = summarise(2)
))
