# Model matrices of base R, on simulated data and on new data, for tests/design/test_reference.py.
# Run in this folder: Rscript make_reference.R  (R 4.2.2, package splines)
# Writes data.csv, new.csv and matrices.json. Numbers have 16 significant digits; the tests allow
# 1e-10, for these and the order of floating point operations.
library(splines)
RNGversion("4.0.0")
set.seed(20)
cells <- expand.grid(f = c("a", "b", "c"), g = c("no", "yes"), o = c("low", "mid", "high", "top"),
                     stringsAsFactors = FALSE)
d <- rbind(cells, cells[sample(24, 12), ])
n <- nrow(d)
d$x <- round(rnorm(n, 3, 2), 3)
d$z <- round(runif(n, 0.5, 4), 3)
d$k <- sample(1:4, n, replace = TRUE)
d$t <- as.integer(runif(n) < 0.5)
d$y <- round(rnorm(n), 3)
d <- d[sample(n), ]
new <- data.frame(f = c("c", "a", "b", "c", "a", "b"), g = c("yes", "no", "no", "yes", "yes", "no"),
                  o = c("top", "low", "mid", "high", "top", "low"),
                  x = c(min(d$x) - 1, 0.1, 2.5, 3.75, max(d$x), max(d$x) + 2.5),
                  z = c(0.5, 1, 1.5, 2.25, 3, 6), k = c(4, 1, 2, 3, 3, 1), t = c(0, 1, 1, 0, 1, 0),
                  stringsAsFactors = FALSE)
write.csv(d, "data.csv", row.names = FALSE)
write.csv(new, "new.csv", row.names = FALSE)
typed <- function(d) {
  d$f <- factor(d$f, c("a", "b", "c"))
  d$g <- factor(d$g, c("no", "yes"))
  d$o <- factor(d$o, c("low", "mid", "high", "top"), ordered = TRUE)
  d
}
d <- typed(d)
new <- typed(new)

same <- c(
  "1", "x", "0 + x", "x + z", "x:z", "x * z", "x - 1", "f", "0 + f", "f + g", "0 + f + g", "g + f",
  "x + f", "0 + x + f", "f * g", "0 + f * g", "0 + f:g", "f:g", "f + f:g", "g + f:g", "f:x",
  "x + f:x", "f * x", "0 + f + f:x", "0 + f:x", "f / g", "f / x", "f * g * x", "f * g - f",
  "f * g - g", "f:g:x", "f:g:o", "(f + g + x)^2", "(f + g + o)^3", "0 + f:g + g:o", "x:z:f + x", "o", "0 + o",
  "o * x", "o:f", "f * o", "C(f, sum)", "0 + C(f, sum)", "C(f, sum) * g", "C(f, helmert)",
  "C(o, helmert) + x", "C(f, sum) * C(o, helmert)", "C(o, sum):x", "factor(k)", "factor(k) * x",
  "0 + factor(k):g", "poly(x, 2)", "poly(x, 3)", "poly(x, 4) + z", "poly(x, 2):f", "f * poly(z, 2)",
  "poly(z, 5)", "log(z)", "log(z) * f", "I(x^2)", "x + I(x^2) + I(x * z)", "I((x + z) / 2)", "exp(-z)",
  "sqrt(z)", "abs(x)", "log1p(z)", "log2(z)", "log10(z)", "scale(x)", "scale(x) * f", "bs(x)",
  "bs(x, df = 5)", "bs(x, 6)", "bs(x, df = 4, degree = 2)", "0 + bs(x, df = 7, intercept = TRUE)",
  "bs(z, degree = 1, df = 3) * g", "ns(x)", "ns(x, df = 3)", "ns(x, 4) + f", "ns(z, df = 5)",
  "f:ns(x, df = 2)", "0 + ns(x, df = 4, intercept = TRUE)", "ns(log(z), df = 2)", "t * f", "t:f")
pairs <- c(setNames(same, same),
  "C(f, treatment(\"b\"))" = "C(f, contr.treatment(3, base = 2))",
  "C(f, treatment(ref=\"c\")) * x" = "C(f, contr.treatment(3, base = 3)) * x",
  "C(f, treatment(base=2))" = "C(f, contr.treatment(3, base = 2))",
  "C(o, treatment)" = "C(o, contr.treatment(4))",
  "C(f, poly)" = "C(f, poly)",
  "center(x)" = "scale(x, scale = FALSE)",
  "standardize(z) + f" = "scale(z) + f",
  "poly(x, 3, raw=1)" = "poly(x, 3, raw = TRUE)",
  "poly(log(z), 2)" = "poly(log(z), 2)",
  "within(x, f) + between(x, f)" = "I(x - ave(x, f)) + ave(x, f)",
  "within(x, k) * g" = "I(x - ave(x, k)) * g")

numbers <- function(v) paste0("[", paste(sprintf("%.16g", v), collapse = ","), "]")
columns <- function(m) paste0("[", paste(apply(m, 2, numbers), collapse = ","), "]")
quoted <- function(s) paste0("\"", gsub("\"", "\\\\\"", s), "\"")
one <- function(ours) {
  tt <- terms(as.formula(paste("y ~", pairs[[ours]])))
  mf <- model.frame(tt, d)
  m <- model.matrix(tt, mf)
  tt <- delete.response(attr(mf, "terms"))
  fresh <- "null"
  if (!grepl("ave", pairs[[ours]])) {
    mn <- suppressWarnings(model.frame(tt, new, xlev = .getXlevels(tt, mf)))
    fresh <- columns(model.matrix(tt, mn, contrasts.arg = attr(m, "contrasts")))
  }
  paste0("{\"formula\":", quoted(ours), ",\"labels\":[", paste(quoted(colnames(m)), collapse = ","),
         "],\"rank\":", qr(m)$rank, ",\"columns\":", columns(m), ",\"new\":", fresh, "}")
}
writeLines(paste0("[\n", paste(sapply(names(pairs), one), collapse = ",\n"), "\n]"), "matrices.json")
