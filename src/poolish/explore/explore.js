// The explorer's page: `state` says what is asked, `refresh` draws it whole. Python puts pooling.js
// and charts.js before this file and makes one module of the three.

function start(data) {
  const { effects, plane, groups, n } = data;
  const $ = (id) => document.getElementById(id);
  const state = { view: 0, mode: "base", selected: data.selected, extra: 0, sigma: data.sigma,
    tau: effects.map((effect) => effect.tauMax / 4), rho: 0, seed: 0 };
  const isPlane = () => state.view === effects.length;
  const isFit = () => state.mode === "base" && data.nDraws > 0;
  const size = (j) => n[j] + (j === state.selected ? state.extra : 0);
  const ownOf = (j) => effects.filter((_, k) => isPlane() || k === state.view).map(({ own }) => own[j]);
  let frame = 0, later = 0;

  // ---- Answers: the fit's own draws, or the closed form at the state's tau, sigma and n ----
  const variances = (k) => effects[k].info.map((info, j) =>
    info === null ? Infinity : (state.sigma ** 2 * n[j]) / (info * size(j)));
  function information() {
    const scaled = (values, j) => values.map((x) => (x * size(j)) / (n[j] * state.sigma ** 2));
    return [plane.A.map(scaled), plane.b.map(scaled)];
  }
  function answerEffect() {
    const k = state.view, { own, draws, tauMax } = effects[k], v = variances(k);
    const closed = pool(own, v, state.tau[k]);
    const interval = (m, sd) => [m, m - Z95 * sd, m + Z95 * sd];
    const common = { se: v.map(Math.sqrt), complete: pool(own, v, 0).mu,
      path: Array.from({ length: 81 }, (_, i) => (i * tauMax) / 80)
        .map((tau) => ({ tau, pooled: pool(own, v, tau) })) };
    if (isFit()) {
      return { ...common, ...draws, density: draws.histogram, densityTitle: "τ in the draws of your fit" };
    }
    return { ...common, mu: closed.mu, keep: closed.keep, fresh: interval(closed.mu, closed.newSd),
      partial: closed.estimate.map((m, j) => interval(m, closed.sd[j])),
      density: tauPosterior(own, v, tauMax), densityTitle: "How likely each τ is, given the data" };
  }
  function answerPlane() {
    const [A, b] = information(), [s, t] = state.tau, T = [s * s, state.rho * s * t, t * t];
    const closed = poolLines(A, b, T), complete = poolLines(A, b, [0, 0, 0]).mu;
    if (!isFit()) return { T, complete, mu: closed.mu, partial: closed.estimate };
    const partial = groups.map((_, j) => effects.map((effect) => effect.draws.partial[j][0]));
    return { T, complete, mu: effects.map((effect) => effect.draws.mu), partial };
  }
  function choice() { // what the data say of tau (and rho) at this sigma and n
    if (!isPlane()) {
      const { own, tauMax } = effects[state.view];
      const median = tauMedian(tauPosterior(own, variances(state.view), tauMax));
      return { tau: state.tau.with(state.view, median), rho: state.rho };
    }
    const [v0, v1] = effects.map((effect) => (effect.tauMax / 4) ** 2);
    const T = chooseT(...information(), [v0, 0, v1]), sd = [Math.sqrt(T[0]), Math.sqrt(T[2])];
    return { tau: sd, rho: T[1] / (sd[0] * sd[1]) };
  }
  function toBase() {
    Object.assign(state, { mode: "base", extra: 0, sigma: data.sigma });
    Object.assign(state, isFit() ? { tau: effects.map(({ draws }) => draws.tau), rho: data.rho } : choice());
  }

  // ---- The live sentence ----
  const show = (x, k) => number(x, effects[k].decimals);
  const withUnit = (x, k) => `${show(x, k)}${effects[k].unit && ` ${effects[k].unit}`}`;
  const range = ([, low, high], k) => `95 % interval ${show(low, k)} to ${show(high, k)}`;
  function introduce(j) { // "Subject 308 has 10 observations"
    const { group } = data, name = groups[j];
    const isNamed = name.toLowerCase().startsWith(group.toLowerCase());
    const who = isNamed ? name : `${group[0].toUpperCase()}${group.slice(1)} ${name}`;
    return `${who} has ${size(j)} observation${size(j) === 1 ? "" : "s"}`;
  }
  function sayEffect({ mu, partial, fresh, keep }) {
    const k = state.view, j = state.selected, { own, noun } = effects[k];
    const itsOwn = own[j] === null ? `too few for a ${noun} of its own`
      : `and its own ${noun} is ${withUnit(own[j], k)}`;
    const method = keep ? `Partial pooling keeps ${(100 * keep[j]).toFixed(0)} % (${inWords(keep[j])}) of `
      + "the distance between them, so the estimate" : "Your fit's estimate";
    return `${introduce(j)}, ${itsOwn}. The overall ${noun} is ${withUnit(mu, k)}. ${method} `
      + `is ${withUnit(partial[j][0], k)} (${range(partial[j], k)}). `
      + `A new ${data.group} with no data: ${withUnit(fresh[0], k)} (${range(fresh, k)}).`;
  }
  function sayPlane({ mu, partial }) {
    const j = state.selected, own = ownOf(j);
    const line = ([a, b]) => `intercept ${withUnit(a, 0)} and slope ${withUnit(b, 1)}`;
    const itsOwn = own.includes(null) ? "too few for a line of its own" : `and its own line has ${line(own)}`;
    return `${introduce(j)}, ${itsOwn}. The overall line has ${line(mu)}. `
      + `${isFit() ? "Your fit" : "Partial pooling"} gives it ${line(partial[j])}.`;
  }

  // ---- Drawing ----
  function setSlider(id, value, text) {
    $(id).value = value;
    $(id).setAttribute("aria-valuetext", text);
    $(`${id}-value`).textContent = text;
  }
  function showControls() {
    document.body.dataset.mode = state.mode;
    document.body.dataset.view = isPlane() ? "plane" : "effect";
    $(`mode-${state.mode}`).checked = true;
    effects.forEach((_, k) => {
      setSlider(`tau${k}`, state.tau[k], withUnit(state.tau[k], k));
      $(`tau${k}`).parentElement.hidden = !isPlane() && state.view !== k;
    });
    if (plane) {
      setSlider("rho", state.rho, number(state.rho, 2));
      $("rho").parentElement.hidden = !isPlane();
    }
    $("simulation").hidden = isPlane();
    $("extra").disabled = ownOf(state.selected).includes(null);
    setSlider("sigma", state.sigma, data.isScale ? `× ${number(state.sigma, 2)}` : withUnit(state.sigma, 0));
    setSlider("extra", state.extra, `${state.extra}`);
    $("group").value = state.selected;
  }
  function refresh() {
    const answer = isPlane() ? answerPlane() : answerEffect();
    showControls();
    const [left, right] = isPlane() ? [drawLines, drawPlane] : [drawRows, drawTau];
    left($("left"), page, answer);
    right($("right"), page, answer);
    $("sentence").textContent = isPlane() ? sayPlane(answer) : sayEffect(answer);
    clearTimeout(later); // spoken once things have come to rest
    later = setTimeout(() => {
      $("announce").textContent = `${$("mode").innerText} ${$("sentence").textContent}`;
    }, 600);
  }
  function showSimulation() {
    const k = state.view, tau = state.tau[k], v = variances(k), { mu } = pool(effects[k].own, v, tau);
    const { wins, error, times } = simulate(v, tau, mu, effects[k].tauMax, { seed: ++state.seed });
    ["own", "partial", "complete"].forEach((name, i) => {
      $(`wins-${name}`).textContent = wins[i];
      $(`bar-${name}`).value = wins[i];
      $(`error-${name}`).textContent = withUnit(error[i], k);
    });
    const best = wins.indexOf(Math.max(...wins));
    $("results").hidden = false;
    $("verdict").textContent = `When τ is ${withUnit(tau, k)}, ${["no", "partial", "complete"][best]} pooling came `
      + `closest to the truth in ${wins[best]} of ${times} simulated data sets; its average error was `
      + `${withUnit(error[best], k)}.`;
  }

  // ---- What people do ----
  function change(values, mode = "whatif") {
    cancelAnimationFrame(frame);
    Object.assign(state, values, { mode });
    refresh();
  }
  function glide(target) {
    const { tau, rho } = state, began = performance.now();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return change(target);
    const step = (now) => {
      const part = clamp((now - began) / 800, 0, 1), eased = part * part * (3 - 2 * part);
      const between = (from, to) => from + (to - from) * eased;
      change({ tau: tau.map((t, k) => between(t, target.tau[k])), rho: between(rho, target.rho) });
      if (part < 1) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
  }
  const tauTo = (value) => effects.map((e, k) => (isPlane() || k === state.view ? value(e) : state.tau[k]));
  const page = { data, state, size, select: (j) => change({ selected: j, extra: 0 }, state.mode),
    slide: (k, tau) => change({ tau: state.tau.with(k, tau) }) };
  const on = (id, kind, act) => $(id)?.addEventListener(kind, ({ target }) => act(target.value));
  effects.forEach((_, k) => on(`tau${k}`, "input", (tau) => page.slide(k, +tau)));
  on("rho", "input", (rho) => change({ rho: +rho }));
  on("sigma", "input", (sigma) => change({ sigma: +sigma }));
  on("extra", "input", (extra) => change({ extra: +extra }));
  on("group", "change", (j) => page.select(+j));
  on("complete", "click", () => glide({ tau: tauTo(() => 0), rho: state.rho }));
  on("choose", "click", () => glide(choice()));
  on("none", "click", () => glide({ tau: tauTo((e) => e.tauMax), rho: isPlane() ? 0 : state.rho }));
  on("simulate", "click", showSimulation);
  on("modes", "change", (mode) => {
    if (mode === "base") toBase();
    change({}, mode);
  });
  on("views", "change", (view) => {
    state.view = +view;
    $("results").hidden = true;
    if (state.mode === "base") toBase();
    change({}, state.mode);
  });

  toBase();
  new ResizeObserver(refresh).observe($("charts")); // draws at once, and again at another width
  const host = window.frameElement; // in a notebook: the frame grows with the page
  if (!host) return;
  const grow = () => { host.style.height = `${document.documentElement.offsetHeight}px`; };
  new ResizeObserver(grow).observe(document.body);
}

if (typeof document !== "undefined") start(JSON.parse(document.getElementById("data").textContent));
