# REML of the dairy cows with a permanent environment beside the additive effects: the restricted
# likelihood of Henderson's mixed model equations, by the sparse Cholesky factor of the R package
# Matrix. A is by the tabular rule and its inverse by the rules of Henderson (1976).
# Rscript milk_reml.R folder-of-milk.csv > milk_reml.csv
library(Matrix)
folder <- commandArgs(TRUE)[1]
milk <- read.csv(file.path(folder, "milk.csv"))
ped <- read.csv(file.path(folder, "milk_pedCows.csv"))
n <- nrow(ped)
stopifnot(all(ped$id == seq_len(n)), all(ped$sire < ped$id, na.rm = TRUE),
          all(ped$dam < ped$id, na.rm = TRUE))
A <- matrix(0, n, n)
mendelian <- numeric(n)
for (i in seq_len(n)) {
  parents <- c(ped$sire[i], ped$dam[i])
  parents <- parents[!is.na(parents)]
  A[, i] <- rowSums(A[, parents, drop = FALSE]) / 2
  A[i, ] <- A[, i]
  A[i, i] <- 1 + if (length(parents) == 2) A[parents[1], parents[2]] / 2 else 0
  mendelian[i] <- 1 - sum(diag(A)[parents]) / 4
}
unit <- mean(diag(A))
own <- seq_len(n)
has <- list(which(!is.na(ped$sire)), which(!is.na(ped$dam)))
root <- sparseMatrix(c(own, has[[1]], has[[2]]), c(own, ped$sire[has[[1]]], ped$dam[has[[2]]]),
                     x = c(rep(1, n), rep(-0.5, length(unlist(has)))), dims = c(n, n))
Ainv <- crossprod(Diagonal(x = 1 / sqrt(mendelian)) %*% root)

y <- milk$milk / sd(milk$milk)
X <- Matrix(cbind(1, milk$lact, log(milk$dim)), sparse = TRUE)
row <- seq_along(y)
animal <- sparseMatrix(row, milk$id, dims = c(length(y), n))
cow <- sparseMatrix(row, as.integer(factor(milk$id)))
herd <- sparseMatrix(row, as.integer(factor(milk$herd)))
W <- cbind(X, animal, cow, herd) * 1
p <- ncol(X); q <- c(n, ncol(cow), ncol(herd)); N <- length(y)
WW <- crossprod(W); Wy <- crossprod(W, y); yy <- sum(y^2)
equations <- function(r) {  # r: residual variance over those of animal, cow, herd
  penalty <- bdiag(Diagonal(p, 0), r[1] * Ainv, Diagonal(q[2], r[2]), Diagonal(q[3], r[3]))
  forceSymmetric(WW + penalty)
}
factor0 <- Cholesky(equations(c(1, 1, 1)))
solved <- function(log_r) {
  r <- exp(log_r)
  L <- update(factor0, equations(r))
  b <- solve(L, Wy)
  ve <- (yy - sum(b * Wy)) / (N - p)
  log_C <- 2 * as.numeric(determinant(L, sqrt = TRUE)$modulus)
  # -2 log restricted likelihood, as lme4 counts its constants
  deviance <- (N - p) * (1 + log(2 * pi * ve)) + log_C - sum(q * log_r) + sum(log(mendelian))
  list(deviance = deviance, ve = ve, b = b[1:p], r = r)
}
found <- optim(log(c(2, 3, 2)), function(x) solved(x)$deviance,
               control = list(reltol = 1e-14, maxit = 1000))
found <- optim(found$par, function(x) solved(x)$deviance, control = list(reltol = 1e-14, maxit = 1000))
fit <- solved(found$par)
v <- c(fit$ve / fit$r, fit$ve)
total <- v[1] * unit + sum(v[-1])
answer <- c(animal = v[1], cow = v[2], herd = v[3], residual = v[4], h2 = v[1] * unit / total,
            repeatability = (v[1] * unit + v[2]) / total, mean_diagonal = unit,
            intercept = fit$b[1], lact = fit$b[2], log_dim = fit$b[3], deviance = fit$deviance)
write.csv(data.frame(quantity = names(answer), value = signif(answer, 8)), row.names = FALSE)
message("R ", getRversion(), ", Matrix ", packageVersion("Matrix"))
