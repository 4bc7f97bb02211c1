"use strict";
// Draws the charts. Texts of models reach the page as text alone: by textContent, and on a canvas.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const narrow = () => window.innerWidth < 600;
const number = (n) => n.toLocaleString("en-US");
const percent = (share) => (100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0) + "%";
const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
const SMALL = 12;

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What every chart has: the theme's colours, no HTML in what it shows, and its place in the page.

function look() {
  return {
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink"), fontSize: SMALL },
    animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300,
    animationDurationUpdate: 0,
    tooltip: {
      renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
      textStyle: { color: colour("ink"), fontSize: 13 },
    },
  };
}

const axis = (more) => ({
  axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false },
  axisLabel: { color: colour("soft"), fontSize: SMALL, hideOverlap: true },
  splitLine: { lineStyle: { color: colour("line") } }, nameTextStyle: { color: colour("soft") }, ...more,
});
const grid = (more) => ({ left: 8, right: 18, top: 12, bottom: 26, containLabel: true, ...more });
const across = (name) => ({ name, nameLocation: "middle", nameGap: 26 });
const upward = (name) => ({ name, nameGap: 10, nameTextStyle: { color: colour("soft"), align: "left" } });
const amounts = (more) => axis({ type: "value", axisLabel: { color: colour("soft"), fontSize: SMALL, hideOverlap: true, formatter: (n) => short(n) }, ...more });

function short(n) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (n >= size) return +(n / size).toFixed(1) + letter;
  }
  return String(+n.toFixed(2));
}

// Ink that can be read on a colour, whichever it is: black from the brightness on where it contrasts more than white.

function mixed(from, to, share) {
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [a, b] = [parts(from), parts(to)];
  return a.map((value, i) => Math.round(value + (b[i] - value) * share));
}

function inkOn(rgb) {
  const [r, g, b] = rgb.map((part) => (part > 10 ? ((part / 255 + 0.055) / 1.055) ** 2.4 : part / 3294.6));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

const written = (rgb) => "rgb(" + rgb.join(",") + ")";

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "\u2026" : text);

// Each gives the options of its chart.

function coverage() {
  const { rows, drawn, most, total } = data.coverage;
  const line = (name, values, more) => ({ name, type: "line", showSymbol: false, data: rows.map((n, i) => [n, values[i]]), ...more });
  return {
    color: [colour("accent"), colour("soft")],
    grid: grid({ top: narrow() ? 74 : 54 }),
    legend: { top: 0, left: 0, textStyle: { color: colour("ink") }, itemWidth: 18 },
    tooltip: { ...look().tooltip, trigger: "axis", formatter: (at) => number(at[0].value[0]) + " pairs\n" + at.map((each) => each.seriesName + ": " + number(each.value[1]) + (total ? " (" + percent(each.value[1] / total) + ")" : "")).join("\n") },
    xAxis: amounts({ max: rows[rows.length - 1], minInterval: 1, splitLine: { show: false }, ...across("pairs") }),
    yAxis: amounts({ minInterval: 1, ...upward("key concepts") }),
    series: [
      line("Different key concepts drawn", drawn, { areaStyle: { opacity: 0.15 }, lineStyle: { width: 2.5 } }),
      line("If each were a new one", most, { lineStyle: { type: "dashed", width: 1.5 } }),
    ],
  };
}

function histogram(bins, tone) {
  const names = bins.texts.map((_, i) => number(bins.edges[i]) + " to " + number(bins.edges[i + 1]));
  return {
    grid: grid({ top: 32 }),
    tooltip: { ...look().tooltip, trigger: "axis", axisPointer: { type: "none" }, formatter: (at) => names[at[0].dataIndex] + " characters\n" + number(at[0].value) + " pairs" },
    xAxis: axis({ type: "category", data: bins.edges.slice(0, -1).map(number), splitLine: { show: false }, ...across("characters") }),
    yAxis: amounts({ minInterval: 1, ...upward("pairs") }),
    series: [{ type: "bar", data: bins.texts, barCategoryGap: "8%", itemStyle: { color: colour(tone), borderRadius: [3, 3, 0, 0] } }],
  };
}

// What a label has room for; of less than three letters nobody makes a word.
const fitted = (text, most) => (most < 3 ? "" : cut(text, Math.floor(most)));
const tones = ["accent", "second", "third", "fourth", "soft"];

function mix() {
  const rows = [...data.mix].reverse();
  const series = [];
  const deepest = Math.max(...rows.map((row) => row.parts.length), 0);
  for (let i = 0; i < deepest; i++) {
    const rgb = mixed(colour("card"), colour(tones[i % tones.length]), 1 - 0.25 * Math.floor(i / tones.length));
    series.push({
      type: "bar", stack: "all", barMaxWidth: 34,
      itemStyle: { color: written(rgb), borderColor: colour("card"), borderWidth: 1 },
      label: { show: true, color: inkOn(rgb), fontSize: SMALL, formatter: (at) => fitted(at.data.part, at.value * (narrow() ? 22 : 90)) },
      data: rows.map((row) => {
        const all = row.parts.reduce((sum, part) => sum + part[1], 0);
        const part = row.parts[i];
        return part ? { value: part[1] / all, part: part[0], pairs: part[1] } : { value: 0, part: "", pairs: 0 };
      }),
    });
  }
  return {
    grid: grid({}),
    tooltip: { ...look().tooltip, formatter: (at) => at.name + ": " + cut(at.data.part, 60) + "\n" + number(at.data.pairs) + " pairs, " + percent(at.value) },
    xAxis: axis({ type: "value", max: 1, axisLabel: { color: colour("soft"), formatter: percent, hideOverlap: true }, ...across("share of pairs") }),
    yAxis: axis({ type: "category", data: rows.map((row) => row.kind), axisLabel: { color: colour("ink") } }),
    series,
  };
}

function bars(rows, named, told, tone) {
  const turned = [...rows].reverse();
  return {
    grid: grid({ right: 60 }),
    tooltip: { ...look().tooltip, formatter: (at) => told(turned[at.dataIndex]) },
    xAxis: amounts({ minInterval: 1, ...across("slots") }),
    yAxis: axis({ type: "category", data: turned.map((row) => cut(row[named], narrow() ? 18 : 44)), axisLabel: { color: colour("ink") }, splitLine: { show: false } }),
    series: [{
      type: "bar", barMaxWidth: 26,
      data: turned.map((row) => ({ value: row.slots, itemStyle: { color: colour(tone(row)), borderRadius: [0, 3, 3, 0] } })),
      label: { show: true, position: "right", color: colour("ink"), formatter: (at) => number(at.value) },
    }],
  };
}

// What was spent is shown as tokens, or, where it is known, as dollars or hours.

const known = (key) => data.spent.some((row) => row[key]);
const money = (n) => "$" + n.toLocaleString("en-US", { maximumFractionDigits: n < 1 ? 4 : 2 });
const units = [
  { name: "tokens", parts: [["prompt tokens", "prompt", "accent"], ["reply tokens", "reply", "second"]], told: number },
  ...(known("usd") ? [{ name: "US dollars", parts: [["US dollars", "usd", "third"]], told: money }] : []),
  ...(known("hours") ? [{ name: "hours", parts: [["hours of requests", "hours", "fourth"]], told: (n) => n.toFixed(2) + " h" }] : []),
];
let unit = units[0];

function spent() {
  const rows = [...data.spent].reverse();
  const part = (name, key, tone) => ({ name, type: "bar", stack: "all", barMaxWidth: 30, itemStyle: { color: colour(tone) }, data: rows.map((row) => row[key]) });
  return {
    grid: grid({ top: 34 }),
    legend: { top: 0, left: 0, textStyle: { color: colour("ink") }, itemWidth: 14 },
    tooltip: { ...look().tooltip, formatter: (at) => at.name + ", " + at.seriesName + "\n" + unit.told(at.value) },
    xAxis: amounts(across(unit.name)),
    yAxis: axis({ type: "category", data: rows.map((row) => row.stage), axisLabel: { color: colour("ink") } }),
    series: unit.parts.map((each) => part(...each)),
  };
}

// The tree: a treemap of what is at a place and one level below, and a table of the same that keyboards walk.

let way = [data.tree];
const here = () => way[way.length - 1];
const slots = (node) => node.p + (node.r || 0) + (node.f || 0);
const covered = (node) => (node.n ? (node.d || 0) / node.n : null);
const lost = (node) => (slots(node) ? 1 - node.p / slots(node) : 0);
const modes = [
  ...(data.tree.n ? [{ name: "key concepts covered", of: covered, told: percent, ends: ["low", "high"] }] : []),
  { name: "slots without a pair", of: lost, told: percent, ends: ["low-bad", "high-bad"] },
  { name: "pairs", of: (node) => node.p, told: number, ends: ["low", "high"] },
  ...data.scores.map((name) => ({ name: "score: " + name, of: (node) => (node.s && name in node.s ? node.s[name] : null), told: (n) => n.toFixed(2), ends: ["low", "high"] })),
];
const two = (node) => (node.c || [node]).flatMap((each) => each.c || [each]);
let mode = modes.find((each) => new Set(two(data.tree).map(each.of)).size > 1) || modes[0]; // one that tells something

function span(nodes) {
  const values = nodes.map(mode.of).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length ? [low, high] : [0, 0];
}

function painted(node, [low, high]) {
  const value = mode.of(node);
  if (value === null) return { color: colour("line"), ink: colour("ink") };
  const share = high > low ? (value - low) / (high - low) : 0.5;
  const rgb = mixed(colour(mode.ends[0]), colour(mode.ends[1]), share);
  return { color: written(rgb), ink: inkOn(rgb) };
}

function treemap() {
  const below = here().c || [here()];
  const range = span(two(here()).filter((node) => node.p));
  const cell = (node, place, children) => {
    const { color, ink } = painted(node, range);
    return {
      name: node.t, value: node.p, place, itemStyle: { color: children ? colour("card") : color, borderColor: colour("card") },
      label: { color: ink }, upperLabel: { color: colour("ink") }, ...(children ? { children } : {}),
    };
  };
  const told = (node) => node.t + "\n" + number(node.p) + " pairs, " + number(slots(node) - node.p) + " slots without" + (node.n ? "\n" + percent(covered(node)) + " of " + number(node.n) + " key concepts" : "");
  document.getElementById("low").textContent = mode.told(range[0]);
  document.getElementById("high").textContent = mode.told(range[1]);
  document.getElementById("ramp").style.background = "linear-gradient(to right, " + colour(mode.ends[0]) + ", " + colour(mode.ends[1]) + ")";
  return {
    tooltip: { ...look().tooltip, formatter: (at) => (at.data && at.data.place ? told(found(at.data.place).pop()) : "") },
    series: [{
      type: "treemap", left: 0, right: 0, top: 0, bottom: 0, roam: false, nodeClick: false, breadcrumb: { show: false },
      visibleMin: 60, childrenVisibleMin: 400, animation: false,
      label: { fontSize: SMALL, overflow: "truncate", padding: 4, position: "insideTopLeft" },
      upperLabel: { show: true, height: 24, fontSize: 13, fontWeight: 600, overflow: "truncate", padding: [0, 4] },
      levels: [
        { itemStyle: { gapWidth: 5, borderWidth: 0, borderColor: colour("card") }, upperLabel: { show: false } },
        { itemStyle: { gapWidth: 1, borderWidth: 2, borderColor: colour("card") } },
        { itemStyle: { gapWidth: 0, borderWidth: 1 }, upperLabel: { show: false } },
      ],
      data: below.map((node, i) => {
        const inside = (node.c || []).map((each, k) => cell(each, [i, k])).filter((each) => each.value);
        return cell(node, [i], inside.length ? inside : undefined);
      }).filter((each) => each.value),
    }],
  };
}

function go(to) {
  way = to;
  draw("tree");
  list();
  document.getElementById("place").textContent = here().t + ": " + number(here().p) + " pairs";
}

function list() {
  const crumbs = document.getElementById("crumbs");
  crumbs.replaceChildren(...way.map((node, i) => {
    const button = make("button", "", node.t);
    button.type = "button";
    if (i === way.length - 1) button.setAttribute("aria-current", "location");
    button.addEventListener("click", () => { go(way.slice(0, i + 1)); crumbs.lastChild.firstChild.focus(); });
    const item = make("li");
    item.append(button);
    return item;
  }));
  const body = document.querySelector("#branches tbody");
  body.replaceChildren(...(here().c || [here()]).map(row));
}

function row(node) {
  const made = make("tr");
  const name = make("td");
  if (node.c && node !== here()) {
    const button = make("button");
    button.type = "button";
    button.append(make("bdi", "", node.t));
    button.addEventListener("click", () => { go([...way, node]); document.getElementById("crumbs").lastChild.firstChild.focus(); });
    name.append(button);
  } else name.append(make("bdi", "", node.t));
  const share = covered(node);
  const cells = [number(node.p), number(node.r || 0), number(node.f || 0), share === null ? "" : percent(share)];
  made.append(name, ...cells.map((text) => make("td", "num", text)));
  return made;
}

// The library copies what it is given, so a cell has the numbers of its node: among what is here, and below that.
function found([i, k]) {
  const node = here().c ? here().c[i] : here();
  return k === undefined ? [node] : [node, node.c[k]];
}

function chosen(place) {
  // A cell leads to itself where there is more below it, else to what it stands in.
  const to = found(place).filter((node) => node.c && node !== here());
  if (to.length) go([...way, ...to]);
}

// Drawing, and drawing again where the theme or the width changes.

const options = {
  tree: treemap, coverage, mix, spent,
  questions: () => histogram(data.questions, "accent"),
  answers: () => histogram(data.answers, "third"),
  reasons: () => bars(data.reasons, "name", (row) => cut(row.name, 80) + "\n" + number(row.slots) + " slots", (row) => (row.outcome === "failure" ? "bad" : "second")),
};
const drawn = {};

function draw(name) {
  const place = document.getElementById("chart-" + name);
  if (!place) return;
  place.hidden = false;
  if (!drawn[name]) {
    if (name === "mix") place.style.height = 70 + 52 * data.mix.length + "px";
    if (name === "reasons") place.style.height = 60 + 36 * data.reasons.length + "px";
    if (name === "spent") place.style.height = 100 + 44 * data.spent.length + "px";
    drawn[name] = echarts.init(place, null, { renderer: "canvas" });
    if (name === "tree") drawn[name].on("click", (at) => { if (at.data && at.data.place) chosen(at.data.place); });
    new ResizeObserver(() => drawn[name].resize()).observe(place);
  }
  drawn[name].setOption({ ...look(), ...options[name]() }, true);
}

function drawAll() {
  for (const name of Object.keys(options)) draw(name);
}

function offer(id, choices, begun, choose) {
  const select = document.getElementById(id);
  select.append(...choices.map((each, i) => { const made = make("option", "", each.name); made.value = i; return made; }));
  select.value = choices.indexOf(begun);
  select.addEventListener("change", () => choose(choices[select.value]));
}

offer("mode", modes, mode, (each) => { mode = each; draw("tree"); });
offer("unit", units, unit, (each) => { unit = each; draw("spent"); });
document.getElementById("unit-label").hidden = units.length < 2;
document.getElementById("tree-bar").hidden = false;
const theme = document.getElementById("theme");
document.getElementById("theme-label").hidden = false;
theme.addEventListener("change", () => {
  if (theme.value) root.dataset.theme = theme.value;
  else delete root.dataset.theme;
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
for (const each of document.querySelectorAll(".as-table")) each.open = false;
addEventListener("beforeprint", () => document.querySelectorAll(".as-table").forEach((each) => { each.open = true; }));
list();
drawAll();
