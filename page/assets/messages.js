// Messages: bars from sending to return in the sender's lane, arrows from lane to lane; and what is at a place.

/** How many arrows are drawn one by one; of more, those that tell most. */
const ARROWS = 1500;
const LINES = [[], [6, 3], [6, 3], [2, 3], [6, 3], []];
const SIGNS = ["✓", "×", "×", "⊘", "†", "▸"];

/** Whether the filters let a message through. */
function isShown(own) {
  return filter.kinds.has(own.kind) && (filter.term === null || own.term === filter.term) &&
    (filter.servers.has(own.from) && filter.servers.has(own.to));
}

const barY = (chart, own) => {
  const { layout, run } = chart;
  const row = own.row < 0 ? run.lanes[own.from].rows - 1 : own.row;
  return layout.lanes[own.from] + layout.role + layout.marks + (row + 0.5) * layout.row;
};

function drawBars(chart, g) {
  const { color, run, layout } = chart;
  g.font = SMALL;
  for (const own of run.bars) {
    if (own.until < chart.from || own.sent > chart.until || !isShown(own)) continue;
    const [x1, x2] = [chart.x(own.sent), chart.x(own.until)];
    const y = barY(chart, own);
    const ink = color[`k${own.kind}`];
    const [left, right] = [Math.max(x1, layout.gutter - 5), Math.min(x2, chart.width + 5)];
    g.strokeStyle = ink;
    const isTelling = own.isProof || own.kind === VOTE;
    g.lineWidth = own.isProof ? 4 : isTelling ? 2.5 : 1.5;
    g.globalAlpha = own.row < 0 ? 0.2 : isTelling ? 1 : 0.55;
    g.setLineDash(LINES[own.end]);
    // The dashes stay where they are while the picture moves.
    g.lineDashOffset = left - x1;
    g.beginPath();
    g.moveTo(left, y);
    g.lineTo(right, y);
    g.stroke();
    g.setLineDash([]);
    g.lineDashOffset = 0;
    g.globalAlpha = 1;
    if (own.row >= 0) {
      g.fillStyle = ink;
      g.globalAlpha = isTelling ? 1 : 0.7;
      g.fillRect(x1 - 1, y - (isTelling ? 4 : 2), 2, isTelling ? 8 : 4);
      const sign = own.isLate ? "◷" : own.end === REPLIED && own.verdict === 2 ? "✗" : SIGNS[own.end];
      chart.text(g, sign, Math.min(x2, chart.width - 6), y + 0.5, ink, "center");
      g.globalAlpha = 1;
      const room = right - Math.max(x1, layout.gutter);
      if (room > 150 && (own.kind === VOTE || own.isProof)) {
        const took = lasting(own.until - own.sent);
        const term = own.term === null ? "" : ` term ${own.term}`;
        const text = `${KINDS[own.kind]}${term} → S${own.to}: ` +
          (own.end === OPEN ? `not returned for ${took}` : `${endOf(own)}, after ${took}`);
        const width = g.measureText(text).width + 8;
        if (width < room - 12) {
          const at = Math.max(x1, layout.gutter) + 6;
          g.fillStyle = color.paper;
          g.fillRect(at, y - 6, width, 12);
          chart.text(g, text, at + 4, y + 0.5, color.ink);
        }
      }
    }
    chart.hits.push({ x1: left, x2: right, y, h: 5, own });
  }
  g.font = FONT;
}

/** Where a message leaves a lane, and where it comes to another. */
function ends(layout, from, to) {
  const isDown = layout.lanes[to] > layout.lanes[from];
  const edge = (server, isLower) => layout.lanes[server] + (isLower ? layout.role : 0);
  return [edge(from, isDown), edge(to, !isDown)];
}

function drawArrows(chart, g) {
  const { run } = chart;
  const key = (own) => own.sent;
  const first = countUntil(run.messages, chart.from - run.long, key);
  const inView = [];
  for (let i = first; i < run.messages.length && run.messages[i].sent <= chart.until; i++) {
    if (isShown(run.messages[i])) inView.push(run.messages[i]);
  }
  for (const own of run.late) {
    if (own.sent < chart.from - run.long && own.returned >= chart.from && own.sent <= chart.until &&
      isShown(own)) inView.push(own);
  }
  let shown = inView;
  if (inView.length > ARROWS) {
    shown = inView.filter((own) => !own.isPlain);
    const step = Math.ceil(shown.length / ARROWS);
    if (step > 1) shown = shown.filter((own, i) => own.isProof || i % step === 0);
    density(chart, g, inView);
  }
  [chart.drawn, chart.inView] = [shown.length, inView.length];
  // Of many, each is drawn with less weight.
  chart.weight = Math.max(0.3, Math.min(1, 250 / shown.length));
  for (const own of shown) arrow(chart, g, own);
}

/** How many messages each server sends, where they are too many to be told apart. */
function density(chart, g, messages) {
  const { layout, color } = chart;
  const counts = layout.lanes.map(() => new Uint16Array(Math.ceil(chart.width / 3) + 1));
  for (const own of messages) {
    const x = chart.x(own.sent);
    if (x >= layout.gutter && x <= chart.width) counts[own.from][Math.floor(x / 3)]++;
  }
  const most = counts.reduce((most, own) => own.reduce((a, b) => Math.max(a, b), most), 1);
  g.fillStyle = color.k1;
  counts.forEach((own, server) => own.forEach((count, cell) => {
    if (count === 0) return;
    const height = Math.max(1, (count / most) * 12);
    g.fillRect(cell * 3, layout.lanes[server] - 1 - height, 2.4, height);
  }));
}

function arrow(chart, g, own, isKept = false) {
  const { layout, color } = chart;
  const [start, goal] = ends(layout, own.from, own.to);
  const ink = isKept ? color.flag : color[`k${own.kind}`];
  const x = chart.x(own.sent);
  const line = (x1, y1, x2, y2, dash) => {
    g.setLineDash(dash);
    g.beginPath();
    g.moveTo(x1, y1);
    g.lineTo(x2, y2);
    g.stroke();
    g.setLineDash([]);
    if (!isKept) chart.hits.push({ x1, y1, x2, y2, own });
  };
  g.strokeStyle = ink;
  g.lineWidth = isKept ? 2.5 : own.isProof ? 2 : 1;
  g.globalAlpha = isKept || own.isProof ? 1 : (own.kind === HEARTBEAT ? 0.4 : 0.7) * chart.weight;
  if (own.delivered === null) {
    // What never arrived and isn't lost was on its way to nowhere.
    const isNowhere = own.end === UNREACHABLE || own.end === OPEN;
    const stop = start + (isNowhere ? 0.25 : 0.5) * (goal - start);
    g.fillStyle = ink;
    line(x, start, x, stop, isNowhere ? [2, 3] : []);
    g.globalAlpha = 1;
    g.font = SMALL;
    if (!isNowhere) chart.text(g, SIGNS[own.end], x, stop, ink, "center");
    else g.fillRect(x - 3, stop - 0.5, 6, 1.5);
    g.font = FONT;
    return;
  }
  const there = chart.x(own.delivered);
  line(x, start, there, goal, own.isCopy ? [1, 2] : []);
  head(g, x, start, there, goal, ink, true);
  if (own.handled !== null) reply(chart, g, own, [start, goal], line, ink, isKept);
  g.globalAlpha = 1;
}

/** The way back: where it can be told from the way there, or has something to tell. */
function reply(chart, g, own, [start, goal], line, ink, isKept) {
  const from = chart.x(own.handled);
  const isLost = own.end === REPLY_LOST || own.end === DIED;
  if (isLost) {
    const stop = goal + 0.5 * (start - goal);
    line(from + 3, goal, from + 3, stop, [6, 3]);
    g.font = SMALL;
    chart.text(g, SIGNS[own.end], from + 3, stop, ink, "center");
    g.font = FONT;
    return;
  }
  if (own.returned === null || own.end !== REPLIED) return;
  const back = chart.x(own.returned);
  if (!own.isLate && !isKept && !filter.replies && back - chart.x(own.sent) < 7) return;
  line(from, goal, back, start, own.isLate ? [6, 3] : []);
  head(g, from, goal, back, start, ink, false);
  if (own.isLate) {
    g.font = SMALL;
    chart.text(g, "◷", back - 7, start + (goal > start ? 7 : -7), ink, "center");
    g.font = FONT;
  }
}

/** The head of an arrow: full at a request's end, open at a reply's. */
function head(g, x1, y1, x2, y2, ink, isFull) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const side = (turn) => [x2 - 6 * Math.cos(angle + turn), y2 - 6 * Math.sin(angle + turn)];
  g.beginPath();
  g.moveTo(...side(0.45));
  g.lineTo(x2, y2);
  g.lineTo(...side(-0.45));
  if (isFull) {
    g.fillStyle = ink;
    g.fill();
  } else g.stroke();
}

/** What is drawn at a place: a message before anything else. */
function hitAt(chart, x, y) {
  if (x < chart.layout.gutter) return null;
  let best = null;
  let nearest = 6;
  for (const hit of chart.hits) {
    let distance = 99;
    if (hit.y !== undefined) {
      const dx = Math.max(hit.x1 - x, 0, x - hit.x2);
      const dy = Math.max(0, Math.abs(y - hit.y) - hit.h);
      // Bars and boxes lose against a line that is as near.
      distance = Math.hypot(dx, dy) + (hit.own ? 1.5 : 3);
    } else {
      distance = toLine(hit, x, y);
    }
    if (distance < nearest) [nearest, best] = [distance, hit];
  }
  return best;
}

function toLine({ x1, y1, x2, y2 }, x, y) {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const along = length ? ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length : 0;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1));
}
