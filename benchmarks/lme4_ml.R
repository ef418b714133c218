# CPU seconds of one ML fit by lme4: Rscript lme4_ml.R FORMULA FILE FACTOR ...
suppressPackageStartupMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[2])
for (column in arguments[-(1:2)]) data[[column]] <- factor(data[[column]])
formula <- as.formula(arguments[1])
invisible(lmer(formula, data, REML = FALSE))
timing <- system.time(fit <- lmer(formula, data, REML = FALSE))
cat(sprintf('{"cpu": %.4f, "log_likelihood": %.10g}\n', timing[1] + timing[2], as.numeric(logLik(fit))))
