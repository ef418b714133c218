// The four charts. Each takes an <svg>, the page ({ data, state, size, select, slide }) and the
// answer to draw; marks carry classes, so that explore.css gives them colour, also in the dark.

const Z95 = 1.959964;
const ELLIPSES = [0.5, 0.8, 0.95];
const MOST_ROWS = 40;

// Own, partial and complete pooling on one axis, and a new group in the last row.
function drawRows(svg, page, { se, complete, partial, fresh }) {
  const { data, state } = page, effect = data.effects[state.view];
  const rows = shownRows(page, effect.own), newcomer = `a new ${data.group}`;
  const step = clamp(400 / (rows.length + 1), 24, 40); // height of a row
  const label = (j) => `${short(data.groups[j])} (n = ${page.size(j)})`;
  const widest = Math.max(newcomer.length, ...rows.map((j) => label(j).length));
  const f = frameOf(svg, step * (rows.length + 1) + 60, Math.min(24 + 7 * widest, 230));
  const x = scale(effect.domain, [f.left, f.right]), inside = (value) => clamp(x(value), f.left, f.right);
  axisX(f, x, effect.axis);
  draw(svg, "line", { class: "complete", x1: x(complete), x2: x(complete), y1: f.top, y2: f.bottom });
  const bar = (node, kind, [, low, high], y) =>
    draw(node, "line", { class: kind, x1: inside(low), x2: inside(high), y1: y, y2: y });
  const name = (node, text, y) => draw(node, "text", { class: "end", x: f.left - 10, y: y + 4 }, text);
  rows.forEach((j, i) => {
    const y = f.top + step * (i + 0.5), own = effect.own[j], to = inside(partial[j][0]);
    const row = draw(svg, "g", { class: j === state.selected ? "row chosen" : "row" });
    draw(row, "rect", { x: 0, y: y - step / 2, width: f.right, height: step });
    name(row, label(j), y);
    bar(row, "partial-bar", partial[j], y + 4);
    if (own !== null) {
      bar(row, "own-bar", [own, own - Z95 * se[j], own + Z95 * se[j]], y - 4);
      arrow(row, [inside(own), y], [to, y]);
      draw(row, "circle", { class: "own", cx: inside(own), cy: y, r: 5 });
    }
    draw(row, "circle", { class: "partial", cx: to, cy: y, r: 5 });
    pickable(row, page, j);
  });
  const y = f.bottom - step / 2, middle = inside(fresh[0]);
  name(svg, newcomer, y);
  bar(svg, "fresh-bar", fresh, y);
  draw(svg, "path", { class: "fresh", d: `M${middle - 6} ${y}l6 -6l6 6l-6 6z` });
}

// All rows, or the smallest, the lowest, the highest and the selected.
function shownRows({ data, state }, own) {
  const every = data.groups.map((_, j) => j), third = Math.floor(MOST_ROWS / 3);
  if (every.length <= MOST_ROWS) return every;
  const byOwn = every.toSorted((a, b) => own[a] - own[b]);
  const smallest = every.toSorted((a, b) => data.n[a] - data.n[b]).slice(0, third);
  const chosen = [...smallest, ...byOwn.slice(0, third), ...byOwn.slice(-third), state.selected];
  return [...new Set(chosen)].sort((a, b) => a - b);
}

// Every group's estimate and its sd against tau, and how likely each tau is: BDA3, figs 5.6, 5.7, 5.5.
function drawTau(svg, page, { path, density, densityTitle, partial }) {
  const { data, state } = page, k = state.view, { own, noun, domain, unit, tauMax } = data.effects[k];
  const rows = shownRows(page, own);
  const f = frameOf(svg, 480, 58), x = scale([0, tauMax], [f.left, f.right]);
  const inUnit = unit && ` (${unit})`;
  const now = x(Math.min(state.tau[k], tauMax));
  const mark = (y1, y2) => draw(svg, "line", { class: "now", x1: now, x2: now, y1, y2 });
  const title = (text, y) => draw(svg, "text", { class: "title", x: 4, y }, text);
  const strip = (top, bottom, values, text, key) => {
    const y = scale(values, [bottom, top]);
    axisY({ ...f, top, bottom }, y);
    title(text, top - 10);
    rows.forEach((j) => {
      const points = path.map(({ tau, pooled }) => `${x(tau)},${y(pooled[key][j])}`).join(" ");
      const kind = j === state.selected ? "curve chosen" : "curve";
      pickable(draw(svg, "polyline", { class: kind, points }), page, j);
    });
    mark(top, bottom);
    return y;
  };
  const widest = Math.max(...path.at(-1).pooled.sd);
  const y = strip(24, 226, domain, `Each ${data.group}'s ${noun}, given τ${inUnit}`, "estimate");
  strip(264, 334, [0, Math.min(widest, 1.2 * tauMax)], `Its standard deviation, given τ${inUnit}`, "sd");
  title(densityTitle, 356);
  const height = scale([0, Math.max(...density.p)], [f.bottom, 368]);
  const outline = density.tau.map((tau, i) => `${x(tau)},${height(density.p[i])}`).join(" ");
  draw(svg, "polygon", { class: "density", points: `${x(0)},${f.bottom} ${outline} ${f.right},${f.bottom}` });
  axisX({ ...f, top: f.bottom }, x, `τ, spread of ${noun}s between groups${inUnit}`);
  mark(368, f.bottom);
  rows.forEach((j) => draw(svg, "circle", { class: "partial still", cx: now,
    cy: clamp(y(partial[j][0]), 24, 226), r: j === state.selected ? 5.5 : 3 }));
  svg.onpointerdown = svg.onpointermove = (event) => {
    if (event.buttons !== 1 || event.target.closest(".pick")) return;
    page.slide(k, clamp((event.offsetX - f.left) / (f.right - f.left), 0, 1) * tauMax);
  };
}

// The selected group's observations with its three lines; everybody's partial lines behind.
function drawLines(svg, page, { partial, complete }) {
  const { data: { plane, effects }, state } = page, j = state.selected;
  const f = frameOf(svg, 420, 58), width = f.right - f.left, height = f.bottom - f.top;
  axisX(f, scale(plane.xRange, [f.left, f.right]), plane.xAxis);
  axisY(f, scale(plane.yRange, [f.bottom, f.top]), plane.yAxis);
  const inner = draw(svg, "svg", { x: f.left, y: f.top, width, height }); // clips
  const x = scale(plane.xRange, [0, width]), y = scale(plane.yRange, [height, 0]);
  const [from, to] = plane.xRange;
  const line = (kind, [a, b]) => draw(inner, "line",
    { class: kind, x1: 0, x2: width, y1: y(a + b * from), y2: y(a + b * to) });
  shownRows(page, effects[1].own).forEach((i) => pickable(line("curve", partial[i]), page, i));
  line("complete", complete);
  const own = effects.map((effect) => effect.own[j]);
  if (!own.includes(null)) line("own-line", own);
  line("partial-line", partial[j]);
  plane.rows?.[j].forEach(([a, b]) => draw(inner, "circle", { class: "point", cx: x(a), cy: y(b), r: 3.5 }));
}

// The intercept-slope plane: from own to partial, over the ellipses of the population of groups.
function drawPlane(svg, page, { T, mu, partial, complete }) {
  const { data: { plane, effects, groups }, state } = page;
  const f = frameOf(svg, 420, 58);
  const x = scale(plane.domain[0], [f.left, f.right]), y = scale(plane.domain[1], [f.bottom, f.top]);
  const at = ([a, b]) => [clamp(x(a), f.left, f.right), clamp(y(b), f.top, f.bottom)];
  axisX(f, x, effects[0].axis);
  axisY(f, y, effects[1].axis);
  const inner = draw(svg, "svg", { x: f.left, y: f.top, width: f.right - f.left, height: f.bottom - f.top }); // clips
  const sd = Math.sqrt(T[0]), lean = sd && T[1] / sd, rest = Math.sqrt(Math.max(0, T[2] - lean * lean));
  ELLIPSES.forEach((level) => {
    const r = Math.sqrt(-2 * Math.log(1 - level)); // chi-square with two degrees of freedom
    const points = Array.from({ length: 72 }, (_, i) => {
      const [cos, sin] = [r * Math.cos((i * Math.PI) / 36), r * Math.sin((i * Math.PI) / 36)];
      return [x(mu[0] + sd * cos) - f.left, y(mu[1] + lean * cos + rest * sin) - f.top];
    });
    draw(inner, "polygon", { class: "ellipse", points: points.join(" ") });
  });
  shownRows(page, effects[1].own).forEach((j) => {
    const row = draw(svg, "g", { class: j === state.selected ? "row chosen" : "row" }), to = at(partial[j]);
    const own = effects.map((effect) => effect.own[j]);
    if (!own.includes(null)) {
      arrow(row, at(own), to);
      draw(row, "circle", { class: "own", cx: at(own)[0], cy: at(own)[1], r: 5 });
    }
    draw(row, "circle", { class: "partial", cx: to[0], cy: to[1], r: j === state.selected ? 7 : 5 });
    pickable(row, page, j);
  });
  const [cx, cy] = at(complete), [tx, ty] = at(partial[state.selected]);
  draw(svg, "path", { class: "cross", d: `M${cx - 6} ${cy}h12M${cx} ${cy - 6}v12` });
  const caption = `${short(groups[state.selected])} (n = ${page.size(state.selected)})`;
  draw(svg, "text", { class: "middle strong", x: clamp(tx, f.left + 60, f.right - 60), y: ty - 12 }, caption);
}

// ---- Pieces ----

function frameOf(svg, height, left) {
  const width = Math.max(320, svg.parentElement.clientWidth); // 0 while hidden
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.onpointerdown = svg.onpointermove = null;
  svg.replaceChildren();
  return { svg, left, right: width - 12, top: 8, bottom: height - 52 };
}
function draw(parent, tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}
function pickable(node, page, j) {
  node.classList.add("pick");
  node.addEventListener("click", () => page.select(j));
  draw(node, "title", {}, `${page.data.groups[j]} (n = ${page.size(j)})`);
}
function arrow(parent, [x0, y0], [x1, y1], gap = 6) {
  const length = Math.hypot(x1 - x0, y1 - y0), u = (x1 - x0) / length, w = (y1 - y0) / length;
  if (length < 2.5 * gap) return;
  const x = x1 - gap * u, y = y1 - gap * w;
  draw(parent, "line", { class: "arrow", x1: x0 + gap * u, y1: y0 + gap * w, x2: x - 3 * u, y2: y - 3 * w });
  const tip = [[0, 0], [-7, 3.5], [-7, -3.5]].map(([a, c]) => [x + a * u - c * w, y + a * w + c * u]);
  draw(parent, "polygon", { class: "tip", points: tip.join(" ") });
}
function scale([a, b], [from, to]) {
  const map = (value) => from + ((value - a) / (b - a)) * (to - from);
  return Object.assign(map, { domain: [a, b], pixels: Math.abs(to - from) });
}
function ticks(map, spacing) {
  const [a, b] = map.domain, rough = ((b - a) * spacing) / map.pixels;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const first = Math.ceil(a / step - 1e-9), size = Math.floor(b / step + 1e-9) - first + 1;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: size }, (_, i) => (first + i) * step).map((t) => [map(t), number(t, decimals)]);
}
function axisX(f, map, title) {
  ticks(map, 64).forEach(([at, label]) => {
    draw(f.svg, "line", { class: "grid", x1: at, x2: at, y1: f.top, y2: f.bottom });
    draw(f.svg, "text", { class: "middle tick", x: at, y: f.bottom + 17 }, label);
  });
  draw(f.svg, "text", { class: "middle", x: (f.left + f.right) / 2, y: f.bottom + 40 }, title);
}
function axisY(f, map, title) {
  ticks(map, 34).forEach(([at, label]) => {
    draw(f.svg, "line", { class: "grid", x1: f.left, x2: f.right, y1: at, y2: at });
    draw(f.svg, "text", { class: "end tick", x: f.left - 6, y: at + 4 }, label);
  });
  const middle = (f.top + f.bottom) / 2;
  if (title) draw(f.svg, "text", { class: "middle", x: 13, y: middle, transform: `rotate(-90 13 ${middle})` }, title);
}
function clamp(value, low, high) { return Math.min(high, Math.max(low, value)); }
function short(name) { return name.length > 22 ? `${name.slice(0, 21)}…` : name; }
function number(value, decimals) {
  return (Math.abs(value) < 0.5 * 10 ** -decimals ? 0 : value).toFixed(decimals).replace("-", "−");
}
