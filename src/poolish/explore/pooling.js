// The mathematics of the explorer: normal data y[j] of variance v[j] (Infinity: no data of its own),
// group effects ~ N(mu, tau^2). Exported for the tests; the page puts explore.js behind it.

// Estimates given tau, with a flat prior on mu: Gelman et al. (2013), BDA3, eqs 5.17, 5.20, 5.21.
export function pool(y, v, tau) {
  const between = tau * tau;
  const weight = v.map((vj) => 1 / (vj + between)); // of each group in mu: 1 / (v + tau^2)
  const total = sum(weight);
  const mu = sum(y.map((yj, j) => weight[j] * yj)) / total;
  const varMu = 1 / total;
  const varGiven = v.map((vj) => 1 / (1 / vj + 1 / between)); // 5.17, given mu and tau
  const keep = v.map((vj, j) => varGiven[j] / vj); // share of the distance to mu that is kept
  const estimate = y.map((yj, j) => mu + keep[j] * (yj - mu));
  const sd = keep.map((k, j) => Math.sqrt(varGiven[j] + (1 - k) ** 2 * varMu));
  const fit = y.map((yj, j) => (weight[j] ? Math.log(weight[j]) - weight[j] * (yj - mu) ** 2 : 0));
  return { mu, varMu, keep, estimate, sd, newSd: Math.sqrt(between + varMu),
    logDensity: 0.5 * (Math.log(varMu) + sum(fit)) };
}

// p(tau | y) on an even grid from 0 to tauMax, flat prior on tau; BDA3 eq. 5.21.
export function tauPosterior(y, v, tauMax, size = 241) {
  const tau = Array.from({ length: size }, (_, i) => (i * tauMax) / (size - 1));
  const log = tau.map((t) => pool(y, v, t).logDensity);
  const top = Math.max(...log);
  const density = log.map((l) => Math.exp(l - top));
  const total = sum(density);
  return { tau, p: density.map((d) => d / total) };
}

export function tauMedian({ tau, p }) {
  let below = 0;
  return tau[p.findIndex((share) => (below += share) >= 0.5)];
}

// Two effects a group in information form: A = Z'Z / sigma^2 as [a11, a12, a22], b = Z'y / sigma^2;
// T = [t11, t12, t22] between groups. Nothing is inverted that may be singular.
export function poolLines(A, b, T) {
  const gain = A.map((a) => solve2(add2([1, 0, 0, 1], times2(full2(T), full2(a))), full2(T)));
  const weight = A.map((a, j) => add2(full2(a), times2(times2(full2(a), gain[j]), full2(a)), -1));
  const score = b.map((bj, j) => minus(bj, apply2(full2(A[j]), apply2(gain[j], bj))));
  const varMu = solve2(weight.reduce((a, c) => add2(a, c)), [1, 0, 0, 1]);
  const mu = apply2(varMu, [sum(score.map((s) => s[0])), sum(score.map((s) => s[1]))]);
  const deviation = A.map((a, j) => apply2(gain[j], minus(b[j], apply2(full2(a), mu))));
  const spread = A.map((a, j) => { // Var(deviation), that of mu included
    const pull = times2(gain[j], full2(a));
    return add2(gain[j], times2(times2(pull, varMu), transpose2(pull)));
  });
  return { mu, deviation, spread, estimate: deviation.map((d) => [mu[0] + d[0], mu[1] + d[1]]) };
}

// The restricted maximum likelihood T given sigma, by EM.
export function chooseT(A, b, start, steps = 400) {
  let T = start;
  for (let step = 0; step < steps; step++) {
    const { deviation: d, spread: s } = poolLines(A, b, T);
    const mean = (f) => sum(d.map(f)) / d.length;
    T = [mean((x, j) => x[0] * x[0] + s[j][0]), mean((x, j) => x[0] * x[1] + s[j][1]),
      mean((x, j) => x[1] * x[1] + s[j][3])];
  }
  return T;
}

// Which of no, partial (tau estimated) and complete pooling is closest to simulated truths.
export function simulate(v, tau, mu, tauMax, { times = 200, seed = 1 } = {}) {
  const known = v.filter(Number.isFinite);
  const normal = normals(seed);
  const wins = [0, 0, 0], error = [0, 0, 0];
  for (let time = 0; time < times; time++) {
    const truth = known.map(() => mu + tau * normal());
    const y = known.map((vj, j) => truth[j] + Math.sqrt(vj) * normal());
    const chosen = tauMedian(tauPosterior(y, known, tauMax, 41));
    const guesses = [y, pool(y, known, chosen).estimate, pool(y, known, 0).estimate];
    const rms = guesses.map((g) => Math.sqrt(sum(g.map((x, j) => (x - truth[j]) ** 2)) / g.length));
    wins[rms.indexOf(Math.min(...rms))] += 1;
    rms.forEach((r, k) => (error[k] += r / times));
  }
  return { wins, error, times };
}

export function inWords(share) {
  const words = [[0, "nothing"], [0.1, "about a tenth"], [0.2, "about a fifth"],
    [0.25, "about a quarter"], [1 / 3, "about a third"], [0.4, "about two fifths"],
    [0.5, "about half"], [0.6, "about three fifths"], [2 / 3, "about two thirds"],
    [0.75, "about three quarters"], [0.8, "about four fifths"], [0.9, "about nine tenths"],
    [1, "all"]];
  if (share > 0 && share < 0.05) return "almost nothing";
  if (share < 1 && share > 0.95) return "almost all";
  const gap = (word) => Math.abs(word[0] - share);
  return words.reduce((best, word) => (gap(word) < gap(best) ? word : best))[1];
}

function sum(values) { return values.reduce((a, b) => a + b, 0); }
function minus(a, b) { return [a[0] - b[0], a[1] - b[1]]; }
// 2 x 2 matrices by rows.
function full2([a, b, d]) { return [a, b, b, d]; }
function transpose2([a, b, c, d]) { return [a, c, b, d]; }
function add2(a, b, sign = 1) { return a.map((x, i) => x + sign * b[i]); }
function apply2([a, b, c, d], [x, y]) { return [a * x + b * y, c * x + d * y]; }
function times2([a, b, c, d], [e, f, g, h]) {
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
}
function solve2([a, b, c, d], right) {
  const det = a * d - b * c;
  return times2([d / det, -b / det, -c / det, a / det], right);
}
function normals(seed) { // mulberry32 and Box-Muller
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
