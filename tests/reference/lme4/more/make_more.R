# More Gaussian fits by lme4 on data of lme4 and nlme: Rscript make_more.R OUTPUT-FOLDER
suppressMessages({library(lme4); library(jsonlite)})
out <- commandArgs(TRUE)[1]
plain <- function(d) {
  d <- as.data.frame(d)
  for (n in names(d)) if (is.factor(d[[n]]))
    d[[n]] <- factor(as.character(d[[n]]), levels = if (is.ordered(d[[n]])) sort(levels(d[[n]])) else levels(d[[n]]))
  d
}
nlme <- function(name) { data(list = name, package = "nlme"); plain(get(name)) }
orthodont <- nlme("Orthodont")
orthodont$w <- 1 + seq_len(nrow(orthodont)) %% 3
orthodont$o <- orthodont$age^2 / 50
cake <- plain(lme4::cake)
ara <- plain(lme4::Arabidopsis); ara$nutrient <- factor(ara$nutrient); ara$rack <- factor(ara$rack)
bdf <- nlme("bdf")[c("schoolNR", "langPOST", "IQ.ver.cen", "sex", "denomina")]
tables <- list(
  cake = cake, Arabidopsis = ara, Orthodont = orthodont, Oxboys = nlme("Oxboys"), Machines = nlme("Machines"),
  BodyWeight = nlme("BodyWeight"), Soybean = nlme("Soybean"), Oats = nlme("Oats"), bdf = bdf,
  singular1 = read.csv(file.path(out, "singular1.csv")), singular2 = read.csv(file.path(out, "singular2.csv")))
# name = list(table, formula, [formula of ours where it is spelled otherwise], [weights])
m <- function(table, formula, ours = formula, weights = NULL) list(table = table, formula = formula, ours = ours, weights = weights)
models <- list(
  cake_numeric = m("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
  ara_threeway = m("Arabidopsis", "log1p(total.fruits) ~ nutrient * amd * status + rack + (1 | popu/gen)", "log1p(`total.fruits`) ~ nutrient * amd * status + rack + (1 | popu/gen)"),
  ortho_slope = m("Orthodont", "distance ~ age * Sex + (age | Subject)"),
  ortho_uncorr = m("Orthodont", "distance ~ age * Sex + (age || Subject)"),
  ortho_only_slope = m("Orthodont", "distance ~ age * Sex + (0 + age | Subject)"),
  ortho_weights = m("Orthodont", "distance ~ age * Sex + (age | Subject)", "distance | weights(w) ~ age * Sex + (age | Subject)", "w"),
  ortho_offset = m("Orthodont", "distance ~ age + offset(o) + (1 | Subject)"),
  ortho_no_intercept = m("Orthodont", "distance ~ 0 + Sex + Sex:age + (1 | Subject)"),
  ortho_by_sex = m("Orthodont", "distance ~ age + (0 + dummy(Sex, 'Male') | Subject) + (0 + dummy(Sex, 'Female') | Subject)", "distance ~ age + (0 + Sex || Subject)"),
  oxboys_quadratic = m("Oxboys", "height ~ age + I(age^2) + (age + I(age^2) | Subject)"),
  machines_nested = m("Machines", "score ~ Machine + (1 | Worker/Machine)"),
  machines_factor = m("Machines", "score ~ Machine + (0 + Machine | Worker)"),
  machines_dummies = m("Machines", "score ~ Machine + (0 + dummy(Machine, 'A') | Worker) + (0 + dummy(Machine, 'B') | Worker) + (0 + dummy(Machine, 'C') | Worker)", "score ~ Machine + (0 + Machine || Worker)"),
  machines_crossed = m("Machines", "score ~ 1 + (1 | Worker) + (1 | Machine) + (1 | Worker:Machine)"),
  bodyweight = m("BodyWeight", "weight ~ Time * Diet + (Time | Rat)"),
  soybean = m("Soybean", "log(weight) ~ Variety * Time + I(Time^2) + (Time | Plot)"),
  oats = m("Oats", "yield ~ nitro * Variety + (1 | Block/Variety)"),
  singular_slope = m("singular1", "y ~ x + (x | g)"),
  singular_two_slopes = m("singular2", "y ~ x + (x + z | g)"),
  bdf = m("bdf", "langPOST ~ IQ.ver.cen * sex + denomina + (IQ.ver.cen | schoolNR)", "langPOST ~ `IQ.ver.cen` * sex + denomina + (`IQ.ver.cen` | schoolNR)"))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE,
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
fit <- function(row, reml) {
  d <- tables[[row$table]]
  if (!is.null(row$weights)) d$weights_ <- d[[row$weights]] else d$weights_ <- 1
  f <- suppressMessages(lmer(as.formula(row$formula), d, weights = weights_, REML = reml, control = control))
  for (start in 1:2) f <- suppressMessages(update(f, start = getME(f, "theta")))
  g <- suppressMessages(update(f, start = getME(f, "theta") + 0.2))  # off a singular point that is no maximum
  g <- suppressMessages(update(g, start = getME(g, "theta")))
  if (logLik(g) > logLik(f)) f <- g
  v <- as.data.frame(VarCorr(f), order = "lower.tri")
  list(logLik = as.numeric(logLik(f)), estimate = unname(fixef(f)), se = unname(sqrt(diag(as.matrix(vcov(f))))),
       coefs = names(fixef(f)), sigma = sigma(f), sd = v$sdcor[is.na(v$var2) & v$grp != "Residual"],
       cor = v$sdcor[!is.na(v$var2)], singular = isSingular(f), nobs = nobs(f), df = attr(logLik(f), "df"))
}
used <- unique(sapply(models, `[[`, "table"))
for (n in setdiff(used, c("singular1", "singular2"))) write.csv(tables[[n]], file.path(out, paste0(n, ".csv")), row.names = FALSE, quote = TRUE)
result <- lapply(models, function(row) list(table = row$table, formula = row$ours, REML = fit(row, TRUE), ML = fit(row, FALSE)))
levels_of <- lapply(tables[used], function(d) Filter(Negate(is.null), lapply(d, levels)))
write(toJSON(list(models = result, levels = levels_of), digits = 15, auto_unbox = TRUE, pretty = FALSE), file.path(out, "more.json"))
