// The picture on a canvas: ruler, test, faults, and the servers' lanes. Messages are in messages.js.

const MARKS = {
  crash: "☠", start: "⟳", lead: "★", election: "▲", step_down: "▽", grant: "✓", deny: "✗", snapshot: "◆",
  refuse: "⊝", propose: "+", task: "·", log: "≡",
};
const FONT = "12px system-ui, sans-serif";
const SMALL = "11px system-ui, sans-serif";

/** One run on two canvases: the picture, and above it what follows the pointer. */
class Chart {
  /** `toMain` and `toOwn` map this run's times to those of the axis, and back. */
  constructor(run, layout, host, toMain = (at) => at, toOwn = (at) => at) {
    Object.assign(this, { run, layout, toMain, toOwn, hits: [], drawn: 0, inView: 0 });
    this.canvas = host.appendChild(document.createElement("canvas"));
    this.above = host.appendChild(document.createElement("canvas"));
    this.above.className = "above";
    this.host = host;
    host.style.height = `${layout.height}px`;
    this.palette();
  }

  /** Takes the colours from the style sheet. */
  palette() {
    const style = getComputedStyle(this.host);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    this.color = new Proxy({}, { get: (cache, name) => (cache[name] ??= color(name)) });
    this.hatch = null;
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = this.host.clientWidth;
    for (const canvas of [this.canvas, this.above]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.layout.height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
  }

  x(at) {
    const { from, until } = view;
    const { gutter } = this.layout;
    return gutter + ((this.toMain(at) - from) / (until - from)) * (this.width - gutter);
  }

  /** The time of the axis at a place. */
  at(x) {
    const { gutter } = this.layout;
    return view.from + ((x - gutter) / (this.width - gutter)) * (view.until - view.from);
  }

  draw() {
    const g = this.canvas.getContext("2d");
    const { layout, run } = this;
    [this.from, this.until] = [this.toOwn(view.from), this.toOwn(view.until)];
    this.hits = [];
    g.clearRect(0, 0, this.width, layout.height);
    g.font = FONT;
    g.textBaseline = "middle";
    this.names(g);
    g.save();
    g.beginPath();
    g.rect(layout.gutter, 0, this.width - layout.gutter, layout.height);
    g.clip();
    this.ruler(g);
    if (run.chance) this.chance(g);
    this.script(g);
    this.faults(g);
    run.lanes.forEach((lane, server) => this.lane(g, lane, server));
    drawBars(this, g);
    drawArrows(this, g);
    run.lanes.forEach((lane, server) => this.marks(g, lane, server));
    this.flags(g);
    if (typeof this.differs === "number") this.difference(g);
    g.restore();
  }

  text(g, text, x, y, color, align = "left") {
    g.fillStyle = color;
    g.textAlign = align;
    g.fillText(text, x, y);
  }

  names(g) {
    const { layout, color } = this;
    if (layout.chance) this.text(g, "P(fail)", 6, layout.chance + layout.band / 2, color.soft);
    this.text(g, "test", 6, layout.checks + layout.band / 2, color.soft);
    this.text(g, "faults", 6, layout.faults + layout.band / 2, color.soft);
    g.font = "bold 13px system-ui, sans-serif";
    layout.lanes.forEach((top, server) => {
      const shown = filter.servers.has(server);
      this.text(g, `S${server}`, 6, top + layout.role / 2, shown ? color.ink : color.soft);
      if (filter.server === server) {
        g.fillStyle = color.flag;
        g.fillRect(0, top, 3, layout.role);
      }
    });
    g.font = FONT;
  }

  ruler(g) {
    const { layout, color } = this;
    const length = view.until - view.from;
    let step = 1;
    for (let i = 0; length / step > Math.max(3, this.width / 110); i++) step *= [2, 2.5, 2][i % 3];
    const digits = Math.max(0, Math.ceil(6 - Math.log10(step) - 1e-9));
    g.strokeStyle = color.line;
    g.lineWidth = 1;
    // The ruler is the main run's: where another is stretched to it, it has no scale of its own.
    for (let at = Math.ceil(view.from / step) * step; at <= view.until; at += step) {
      const x = Math.round(layout.gutter + ((at - view.from) / length) * (this.width - layout.gutter)) + 0.5;
      g.beginPath();
      g.moveTo(x, 18);
      g.lineTo(x, layout.height);
      g.stroke();
      const isAtEdge = x < layout.gutter + 16 || x > this.width - 16;
      if (!isAtEdge) this.text(g, seconds(at, digits), x, 9, color.soft, "center");
    }
  }

  /** The share of runs that fail if all is drawn anew, over the time from which on; and where it gets to one. */
  chance(g) {
    const { layout: { chance: top, band, height }, color, run: { chance: { points, lost } } } = this;
    const y = (point) => top + band * (1 - point.failed / Math.max(point.runs, 1));
    g.beginPath();
    g.moveTo(this.x(points[0].at), top + band);
    for (const point of points) g.lineTo(this.x(point.at), y(point));
    g.lineTo(this.x(points[points.length - 1].at), top + band);
    g.fillStyle = color.failed;
    g.fill();
    points.forEach((point, i) => {
      const [x, next] = [this.x(point.at), points[i + 1] ? this.x(points[i + 1].at) : this.width];
      this.hits.push({ x1: x, x2: next, y: top + band / 2, h: band / 2, tip: [
        `${point.failed} of ${point.runs} runs fail`, `if all is drawn anew from ${seconds(point.at)} on`] });
    });
    if (!lost) return;
    const [left, right] = lost.map((at) => this.x(at));
    g.fillStyle = color.bad;
    g.globalAlpha = 0.35;
    g.fillRect(left, top, Math.max(right - left, 2), height);
    g.globalAlpha = 1;
    this.text(g, "lost", right + 4, top + 8, color.bad);
  }

  script(g) {
    const { layout, color, run } = this;
    const { checks: top, band } = layout;
    let last = -9;
    const count = countUntil(run.checks, this.until);
    for (const check of run.checks.slice(0, count)) {
      if (check.until < this.from) continue;
      const [left, right] = [Math.max(this.x(check.at), layout.gutter - 2), this.x(check.until)];
      if (right - last < 1) continue;
      last = right;
      g.fillStyle = check.has_failed ? color.failed : color.check;
      g.fillRect(left, top, Math.max(right - left - 1, 0.7), band);
      if (check.has_failed) {
        g.fillStyle = color.window;
        g.fillRect(left, top + band, right - left, layout.height);
      }
      this.label(g, (check.has_failed ? "✗ " : "") + check.what, left, right, top + 9, color.ink);
      this.hits.push({ x1: left, x2: right, y: top + 6, h: 6, tip: [check.what, check.line,
        `from ${seconds(check.at)} for ${lasting(check.until - check.at)}`] });
    }
    g.font = SMALL;
    let before = -99;
    for (const look of run.looks) {
      if (look.at < this.from || look.at > this.until) continue;
      const x = this.x(look.at);
      if (x - before < 7) continue;
      before = x;
      const found = look.leader !== null;
      this.text(g, found ? "✓" : "×", x, top + band - 6, found ? color.good : color.bad, "center");
      this.hits.push({ x1: x - 4, x2: x + 4, y: top + band - 5, h: 5, tip: [
        `look ${look.round} of ${look.rounds}`,
        found ? `server ${look.leader} leads` : "no leader found", seconds(look.at)] });
    }
    g.font = FONT;
  }

  /** Text in a box, cut to its width; none if there is no room. */
  label(g, text, left, right, y, ink) {
    const from = Math.max(left, this.layout.gutter) + 4;
    const room = Math.min(right, this.width) - from - 3;
    if (room < 14) return;
    let shown = text;
    if (g.measureText(text).width > room) {
      const letters = Math.floor(room / 6.6) - 1;
      if (letters < 2) return;
      shown = `${text.slice(0, letters)}…`;
    }
    this.text(g, shown, from, y, ink);
  }

  faults(g) {
    const { layout, color, run } = this;
    const { faults: top, band } = layout;
    g.font = SMALL;
    run.up.forEach((up, i) => {
      const next = run.up[i + 1];
      const [left, right] = [this.x(up.at), next ? this.x(next.at) : this.x(Math.max(run.end, up.at))];
      if (right < layout.gutter || left > this.width || right - left < 0.5) return;
      g.fillStyle = up.is_majority ? color.majority : color.minority;
      g.fillRect(left, top + band - 4, right - left - 1, 4);
      const who = up.servers.map((server) => `S${server}`).join(" ") || "none";
      this.hits.push({ x1: left, x2: right, y: top + band - 2, h: 4, tip: [`connected: ${who}`,
        up.is_majority ? "a majority: a leader can be elected" : "no majority: no leader can be elected"] });
    });
    const shown = run.faults.filter((fault) => fault.at >= this.from && fault.at <= this.until);
    let last = -99;
    shown.forEach((fault, i) => {
      const x = this.x(fault.at);
      g.strokeStyle = color.fault;
      g.setLineDash([2, 3]);
      g.beginPath();
      g.moveTo(x, top);
      g.lineTo(x, layout.height);
      g.stroke();
      g.setLineDash([]);
      const same = shown.filter((other) => Math.abs(this.x(other.at) - x) < 3);
      if (x - last < 3) return;
      last = x;
      const behind = shown.slice(i + 1).find((other) => this.x(other.at) - x >= 3);
      const what = same.map((other) => other.what).join(", ");
      const right = behind ? this.x(behind.at) : this.width;
      if (right - x > 40) this.label(g, what, x - 1, right, top + 8, color.ink);
      else this.text(g, "⚡", x + 1, top + 8, color.ink);
      this.hits.push({ x1: x - 2, x2: Math.min(right, x + 12), y: top + 8, h: 8,
        tip: [what, ...same.map((other) => other.line), seconds(fault.at)] });
    });
    g.font = FONT;
  }

  lane(g, lane, server) {
    const { layout, color, run } = this;
    const top = layout.lanes[server];
    const first = Math.max(0, countUntil(lane.stays, this.from) - 1);
    let last = -9;
    for (let i = first; i < lane.stays.length && lane.stays[i].at <= this.until; i++) {
      const stay = lane.stays[i];
      const until = lane.stays[i + 1] ? lane.stays[i + 1].at : Math.max(run.end, stay.at);
      const [left, right] = [Math.max(this.x(stay.at), layout.gutter - 2), this.x(until)];
      if (right - last < 0.7) continue;
      last = right;
      const width = Math.max(right - left, 0.7);
      g.fillStyle = stay.role ? color[stay.role.toLowerCase()] : color.crashed;
      g.fillRect(left, top, width, layout.role);
      if (stay.role === "candidate" || !stay.role) this.hatched(g, left, top, width, layout.role, stay.role);
      const ink = stay.role === "leader" ? color["leader-ink"] : color.ink;
      const term = stay.term ?? "?";
      const name = stay.role ? `${stay.role} ${term}` : "crashed";
      const short = stay.role ? stay.role[0].toUpperCase() + term : "";
      const shown = width > 90 ? name : short;
      if (stay.role !== "leader" && width > 30) {
        g.fillStyle = color[stay.role || "crashed"];
        const room = Math.min(g.measureText(shown).width + 6, right - 2 - Math.max(left, layout.gutter));
        if (room > 0) g.fillRect(Math.max(left, layout.gutter) + 1, top + 3, room, layout.role - 6);
      }
      this.label(g, shown, left, right, top + layout.role / 2 + 1, ink);
      this.hits.push({ x1: left, x2: right, y: top + layout.role / 2, h: layout.role / 2 - 2, tip: [
        `S${server}: ${stay.role || "crashed"}` + (stay.role ? `, term ${term}` : ""),
        `from ${seconds(stay.at)} for ${lasting(until - stay.at)}`] });
    }
    for (const [from, until] of lane.cut) {
      if (until < this.from || from > this.until) continue;
      const [left, right] = [this.x(from), this.x(until)];
      g.strokeStyle = color.ink;
      g.lineWidth = 1.5;
      g.setLineDash([5, 3]);
      g.strokeRect(left + 0.5, top + 0.5, Math.max(right - left - 1, 1), layout.role - 1);
      g.setLineDash([]);
      if (right - left > 190) {
        const at = Math.min(right, this.width) - 5;
        const width = g.measureText("cut off").width + 8;
        g.fillStyle = color.paper;
        g.fillRect(at - width + 4, top + 4, width, layout.role - 8);
        this.text(g, "cut off", at, top + layout.role / 2 + 1, color.ink, "right");
      }
    }
  }

  hatched(g, left, top, width, height, role) {
    if (width < 3) return;
    g.save();
    g.beginPath();
    g.rect(left, top, width, height);
    g.clip();
    g.strokeStyle = role ? this.color["candidate-line"] : this.color.soft;
    g.lineWidth = 1;
    g.beginPath();
    const end = Math.min(left + width, this.width) + height;
    for (let x = Math.max(left, 0) - (Math.max(left, 0) % 7); x < end; x += 7) {
      g.moveTo(x, top);
      g.lineTo(x - height, top + height);
    }
    g.stroke();
    g.restore();
  }

  marks(g, lane, server) {
    const { layout, color } = this;
    const y = layout.lanes[server] + layout.role + layout.marks / 2 + 1;
    const taken = new Set();
    g.font = SMALL;
    const inView = (items) => items.slice(countUntil(items, this.from - 1), countUntil(items, this.until));
    const shown = inView(lane.marks);
    for (const kind of Object.keys(MARKS)) {
      for (const mark of shown) {
        if (mark.kind !== kind) continue;
        const x = this.x(mark.at);
        const cell = Math.round(x / 8);
        if (taken.has(cell)) continue;
        taken.add(cell);
        const ink = kind === "deny" || kind === "crash" ? color.bad : color.ink;
        this.text(g, MARKS[kind], x, y, ink, "center");
        const same = shown.filter((other) => Math.abs(this.x(other.at) - x) < 4).slice(0, 8);
        this.hits.push({ x1: x - 4, x2: x + 4, y, h: 7, tip: [`S${server}`,
          ...same.map((other) => `${seconds(other.at)}  ${MARKS[other.kind]} ${other.text}`)] });
      }
    }
    for (const [items, sign, what] of [
      [inView(lane.applied), "●", (own) => `has applied up to index ${own.index}`],
      [inView(lane.saved), "▪", (own) => `saves ${own.bytes} bytes`],
    ]) {
      let last = -99;
      for (const own of items) {
        const x = this.x(own.at);
        const cell = Math.round(x / 8);
        if (x - last < 8 || taken.has(cell)) continue;
        last = x;
        taken.add(cell);
        this.text(g, sign, x, y, color.soft, "center");
        this.hits.push({ x1: x - 4, x2: x + 4, y, h: 7, tip: [`S${server} ${what(own)}`, seconds(own.at)] });
      }
    }
    g.font = FONT;
  }

  /** Where this run first goes otherwise than the one beside it. */
  difference(g) {
    const { layout, color } = this;
    const x = this.x(this.differs);
    g.strokeStyle = color.bad;
    g.lineWidth = 3;
    g.setLineDash([8, 4]);
    g.strokeRect(x, layout.checks - 2, 0.01, layout.height);
    g.setLineDash([]);
    g.lineWidth = 1;
    const text = "≠ first difference";
    g.fillStyle = color.paper;
    g.fillRect(x + 10, 12, g.measureText(text).width + 6, 14);
    this.text(g, text, x + 13, 19, color.bad);
  }

  flags(g) {
    const { layout, color, run } = this;
    g.font = "bold 11px system-ui, sans-serif";
    for (const flag of run.flags) {
      const x = this.x(flag.at);
      if (x < layout.gutter - 9 || x > this.width + 9) continue;
      g.strokeStyle = color.flag;
      g.lineWidth = 1.5;
      g.beginPath();
      g.moveTo(x, 18);
      g.lineTo(x, layout.height);
      g.globalAlpha = flag.is_first ? 0.9 : 0.4;
      g.stroke();
      g.globalAlpha = 1;
      g.fillStyle = flag.is_first ? color.flag : color.soft;
      g.beginPath();
      g.arc(x, 18, 8, 0, 7);
      g.fill();
      this.text(g, String(flag.number), x, 18.5, color["flag-ink"], "center");
    }
    g.font = FONT;
  }
}
