# Simple slopes of a cross-level interaction, and effects within and between counties, by lme4 and emmeans.
# Rscript make_slopes.R radon.csv > slopes.json
suppressMessages({
  library(lme4); library(emmeans); library(jsonlite)
})
radon <- read.csv(commandArgs(trailingOnly = TRUE)[1])
radon$between <- ave(radon$floor, radon$county)
radon$within <- radon$floor - radon$between
at <- mean(radon$log_uranium) + c(-1, 0, 1) * sd(radon$log_uranium)
emm_options(lmerTest.limit = 0, pbkrtest.limit = 0)

trends <- function(model, variable) {
  found <- as.data.frame(emtrends(
    model, ~log_uranium, var = variable, at = list(log_uranium = at), lmer.df = "asymptotic"
  ))
  list(at = at, slope = found[[paste0(variable, ".trend")]], se = found$SE)
}
contrast <- function(model, weights) {
  b <- fixef(model)[names(weights)]
  V <- as.matrix(vcov(model))[names(weights), names(weights)]
  list(estimate = sum(weights * b), se = sqrt(drop(weights %*% V %*% weights)))
}
crossed <- lmer(log_radon ~ floor * log_uranium + (1 | county), radon)
split <- lmer(log_radon ~ within * log_uranium + between + (1 | county), radon)
apart <- lmer(log_radon ~ within + between + log_uranium + (1 | county), radon)
versions <- sapply(c("lme4", "emmeans"), function(p) as.character(packageVersion(p)))
cat(toJSON(list(
  R = R.version.string, packages = as.list(versions),
  crossed = trends(crossed, "floor"),
  split = trends(split, "within"),
  within = contrast(apart, c(within = 1)),
  between = contrast(apart, c(between = 1)),
  contextual = contrast(apart, c(within = -1, between = 1))
), auto_unbox = TRUE, digits = NA, pretty = TRUE))
