// What moves the page: pointer, keys, filters, and links to a moment.

const run = decode("run");
const other = decode("other-run");
const events = eventsOf(run);
const view = { from: run.opens[0], until: run.opens[1] };
const filter = {
  kinds: new Set([0, 1, 2, 3, 4]), servers: new Set(run.lanes.keys()), term: null, server: null, replies: false,
};
let cursor = run.failed_at === null ? run.opens[0] : run.failed_at;
let kept = null;

const byId = (id) => document.getElementById(id);
const stage = byId("stage");
byId("still").remove();
const charts = [new Chart(run, embedded("layout"), stage)];
if (other) {
  const pairs = embedded("alignment");
  charts.push(new Chart(other, embedded("other-layout"), byId("other-stage"),
    (at) => between(pairs, at, 1, 0), (at) => between(pairs, at, 0, 1)));
}
document.body.append(element("div", { id: "tip", hidden: true }));

/** A time of one run as that of the other, by the pairs of times at which both did the same. */
function between(pairs, at, own, its) {
  const next = Math.min(Math.max(countUntil(pairs, at, (pair) => pair[own]), 1), pairs.length - 1);
  const [a, b] = [pairs[next - 1] || [0, 0], pairs[next] || [1, 1]];
  const length = b[own] - a[own];
  if (at >= b[own] || length <= 0) return b[its] + (at - b[own]);
  return a[its] + ((at - a[own]) / length) * (b[its] - a[its]);
}

let isDue = false;
/** Draws with the browser's next frame, once. */
function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    charts.forEach((chart) => chart.draw());
    drawAbove();
    const { drawn, inView } = charts[0];
    byId("count").textContent = drawn < inView
      ? `${drawn} of ${inView} messages in view are drawn one by one; zoom in for all` : "";
  });
}

let hovered = null;
/** The cursor, and the message that is kept or hovered. */
function drawAbove() {
  charts.forEach((chart, place) => {
    const g = chart.above.getContext("2d");
    const { layout, color } = chart;
    g.clearRect(0, 0, chart.width, layout.height);
    g.save();
    g.beginPath();
    g.rect(layout.gutter, 0, chart.width, layout.height);
    g.clip();
    const x = layout.gutter + ((cursor - view.from) / (view.until - view.from)) * (chart.width - layout.gutter);
    g.fillStyle = color.cursor;
    g.fillRect(x - 0.75, 0, 1.5, layout.height);
    for (const own of place === 0 ? new Set([kept, hovered]) : []) {
      if (!own) continue;
      arrow(chart, g, own, true);
      if (!own.isLong) continue;
      g.globalAlpha = 0.35;
      g.fillStyle = color.flag;
      g.fillRect(chart.x(own.sent), barY(chart, own) - 5, chart.x(own.until) - chart.x(own.sent), 10);
      g.globalAlpha = 1;
    }
    g.restore();
  });
}

/** Shows the time from `from` to `until`, as far as there is a run. */
function show(from, until) {
  const least = 20;
  const margin = (run.end - run.since) * 0.02 + 50_000;
  const [start, end] = [run.since - margin, Math.max(run.end, run.window[1]) + margin];
  const length = Math.min(Math.max(until - from, least), end - start);
  view.from = Math.min(Math.max(from, start), end - length);
  view.until = view.from + length;
  redraw();
  note();
}

function zoom(factor, at = cursor >= view.from && cursor <= view.until ? cursor : (view.from + view.until) / 2) {
  show(at - (at - view.from) * factor, at + (view.until - at) * factor);
}

const pan = (share) => {
  const by = share * (view.until - view.from);
  show(view.from + by, view.until + by);
};

let isMomentDue = false;
function moveCursor(at) {
  cursor = Math.min(Math.max(Math.round(at), run.since), Math.max(run.end, run.failed_at || 0));
  if (cursor < view.from || cursor > view.until) {
    const half = (view.until - view.from) / 2;
    show(cursor - half, cursor + half);
  }
  redraw();
  note();
  if (isMomentDue) return;
  isMomentDue = true;
  requestAnimationFrame(() => {
    isMomentDue = false;
    showMoment();
  });
}

function showMoment() {
  byId("cursor-time").textContent = seconds(cursor, 6);
  showStates(run, cursor);
  showLogs(run, cursor);
  showEvents(cursor);
  showKept();
}

function keep(own) {
  kept = own || null;
  showKept();
  redraw();
  note();
}

/** The link to what is shown. It follows some time behind, for browsers bear few changes a second. */
let noting = 0;
function note() {
  clearTimeout(noting);
  noting = setTimeout(() => {
    const parts = [`t=${+(cursor / 1e6).toFixed(6)}`];
    if (filter.server !== null) parts.push(`s=${filter.server}`);
    if (kept) parts.push(`c=${kept.id}`);
    parts.push(`v=${+(view.from / 1e6).toFixed(6)}_${+(view.until / 1e6).toFixed(6)}`);
    const link = `#${parts.join("&")}`;
    if (link !== location.hash) history.replaceState(null, "", link);
  }, 300);
}

/** Goes where the address leads. */
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const number = (name) => {
    const text = asked.get(name);
    return text !== null && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
  };
  const shown = /^(-?[\d.]+)_([\d.]+)$/.exec(asked.get("v") || "");
  if (shown && Number(shown[1]) < Number(shown[2])) show(Number(shown[1]) * 1e6, Number(shown[2]) * 1e6);
  const [t, s, c] = ["t", "s", "c"].map(number);
  if (s !== null) filter.server = s < run.lanes.length ? s : null;
  if (c !== null) kept = run.byId.get(c) || null;
  if (t !== null) moveCursor(t * 1e6);
  else showMoment();
  redraw();
  return t !== null;
}

/** Goes to a numbered moment of the explanation, by its own link. */
function toFlag(number) {
  const flag = run.flags.find((flag) => flag.number === number);
  if (!flag) return;
  filter.server = flag.server;
  kept = run.byId.get(flag.calls[0]) || null;
  moveCursor(flag.at);
}

function step(by) {
  const own = events.filter((event) => event.server === null || filter.servers.has(event.server));
  const place = by > 0 ? countUntil(own, cursor) : countUntil(own, cursor - 1) - 1;
  if (own[place]) moveCursor(own[place].at);
}

function stepMessage(by) {
  const shown = run.messages.filter(isShown);
  const place = kept ? shown.indexOf(kept) + by : countUntil(shown, cursor, (own) => own.sent) - (by < 0 ? 1 : 0);
  if (!shown[place]) return;
  keep(shown[place]);
  moveCursor(shown[place].sent);
}

const fitWindow = () => show(run.opens[0], run.opens[1]);
const fitAll = () => show(run.since, run.end);
const help = byId("help");
const KEYS = {
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), "−": () => zoom(1 / 0.6),
  f: fitWindow, 0: fitAll, "?": () => help.showModal(), "/": () => byId("search").focus(),
  n: () => stepMessage(1), p: () => stepMessage(-1), c: () => byId("copy").click(),
  v: () => { filter.replies = !filter.replies; redraw(); }, Escape: () => keep(null),
  ArrowLeft: (event) => (event.shiftKey ? pan(-0.2) : step(-1)),
  ArrowRight: (event) => (event.shiftKey ? pan(0.2) : step(1)),
};

document.addEventListener("keydown", (event) => {
  const inField = /^(input|select|textarea)$/i.test(event.target.tagName) && event.target.type !== "checkbox";
  if (inField && event.key === "Escape") event.target.blur();
  if (inField || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const act = KEYS[event.key] || (/^[1-9]$/.test(event.key) ? () => toFlag(Number(event.key)) : null);
  if (!act) return;
  event.preventDefault();
  act(event);
});

let drag = null;
charts.forEach((chart, place) => {
  const { host } = chart;
  const where = (event) => {
    const box = host.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  host.addEventListener("wheel", (event) => {
    event.preventDefault();
    const length = view.until - view.from;
    const across = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (across) show(view.from + across * length / 1000, view.until + across * length / 1000);
    else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 250))), chart.at(where(event)[0]));
  }, { passive: false });
  host.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, from: view.from, until: view.until, isMoved: false };
    host.setPointerCapture(event.pointerId);
  });
  host.addEventListener("pointermove", (event) => {
    const [x, y] = where(event);
    if (drag) {
      const moved = event.clientX - drag.x;
      drag.isMoved ||= Math.abs(moved) > 3;
      const by = (moved / (chart.width - chart.layout.gutter)) * (drag.until - drag.from);
      if (drag.isMoved) show(drag.from - by, drag.until - by);
      return;
    }
    const hit = hitAt(chart, x, y);
    hovered = place === 0 && hit && hit.own ? hit.own : null;
    showTip(hit, event.clientX, event.clientY);
    drawAbove();
  });
  host.addEventListener("pointerup", (event) => {
    const isClick = drag && !drag.isMoved;
    drag = null;
    if (!isClick) return;
    const [x, y] = where(event);
    if (x < chart.layout.gutter) return;
    const hit = hitAt(chart, x, y);
    if (place === 0) keep(hit && hit.own);
    moveCursor(chart.at(x));
  });
  host.addEventListener("pointerleave", () => {
    hovered = null;
    showTip(null);
    drawAbove();
  });
});

for (const [id, all] of [["kinds", filter.kinds], ["servers", filter.servers]]) {
  byId(id).addEventListener("change", ({ target }) => {
    all[target.checked ? "add" : "delete"](Number(target.value));
    redraw();
    showEvents(cursor);
  });
}
const terms = [...new Set(run.messages.map((own) => own.term))].filter((term) => term !== null);
byId("term").append(...terms.sort((a, b) => a - b).map((term) => element("option", { value: term }, String(term))));
byId("term").addEventListener("change", ({ target }) => {
  filter.term = target.value === "" ? null : Number(target.value);
  redraw();
  showEvents(cursor);
});
byId("search").addEventListener("input", () => showEvents(cursor));
byId("fit-all").addEventListener("click", fitAll);
byId("fit-window")?.addEventListener("click", fitWindow);
byId("zoom-in").addEventListener("click", () => zoom(0.6));
byId("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
byId("help-button").addEventListener("click", () => help.showModal());
byId("copy").addEventListener("click", async ({ target }) => {
  const text = byId("replay").textContent;
  try {
    await navigator.clipboard.writeText(text);
    target.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(byId("replay"));
    target.textContent = "selected";
  }
});
window.addEventListener("hashchange", () => {
  if (follow()) stage.scrollIntoView({ block: "nearest" });
});

/** Draws in the colours and the size that are wanted now. */
function renew() {
  charts.forEach((chart) => {
    chart.palette();
    chart.resize();
    chart.draw();
  });
  drawAbove();
}
window.addEventListener("resize", renew);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renew);
for (const [name, isOn] of [["beforeprint", true], ["afterprint", false]]) {
  window.addEventListener(name, () => {
    document.documentElement.classList.toggle("print", isOn);
    renew();
  });
}
document.documentElement.classList.add("script");
for (const hidden of document.querySelectorAll(".toolbar, #moment, #copy")) hidden.hidden = false;
renew();
follow();
