// What stands below the picture: the servers' state at the cursor, their logs, and what happened around it.

/** How many indexes of the logs are shown, and how many events at each side of the cursor. */
const INDEXES = 120;
const AROUND = 60;

/** An element with children, which are elements or texts. A text is never taken for markup. */
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const cell = (...children) => element("td", {}, ...children);

function showStates(run, at) {
  const heads = ["", "role", "term", "voted for", "last entry", "commit", "applied", "snapshot", "waits for"];
  const logs = logsAt(run, at);
  const rows = run.lanes.map((lane, server) => {
    const { stay, isUp, isCut, facts, applied, outstanding } = stateAt(run, server, at);
    const name = element("th", {}, `S${server}`);
    if (!isUp) {
      const why = stay && stay.life === 0 && server >= 0 ? "crashed" : "not started";
      return element("tr", {}, name, element("td", { className: "none", colSpan: 8 }, why));
    }
    const { terms, commit, at: seen } = logs[server];
    // What messages show of a log may be newer than what its server has told.
    const isNewer = terms.length > 0 && (!facts || seen >= facts.at);
    const last = isNewer ? [terms.length, terms[terms.length - 1] || "?"] : facts ? facts.last : null;
    const known = Math.max(commit, applied, facts ? facts.commit : 0);
    const told = (value) => (facts ? String(value(facts)) : "–");
    const oldest = outstanding[0];
    const waits = outstanding.length === 0 ? "–"
      : `${outstanding.length} call${outstanding.length > 1 ? "s" : ""}, for up to ${lasting(at - oldest.sent)}`;
    const role = element("span", { className: `role ${stay.role}` }, stay.role);
    return element("tr", {}, name, cell(role, isCut ? " cut off" : ""), cell(String(stay.term ?? "?")),
      cell(told((own) => (own.voted_for === null ? "nobody" : `S${own.voted_for}`))),
      cell(last ? `${last[0]} (term ${last[1]})` : "–"), cell(String(known)),
      cell(String(applied)), cell(told((own) => own.snapshot)), cell(waits));
  });
  document.getElementById("states").replaceChildren(
    element("tr", {}, ...heads.map((head) => element("th", {}, head))), ...rows);
}

/** The log that others are held against: that of the leader of the highest term, else the newest one. */
function reference(run, logs, at) {
  const rank = (server) => {
    const { stay, isUp } = stateAt(run, server, at);
    const { terms } = logs[server];
    const leads = isUp && stay.role === "leader";
    return [leads ? stay.term : -1, terms[terms.length - 1] || 0, terms.length];
  };
  const ranks = logs.map((log, server) => rank(server));
  const isHigher = (a, b) => (a[0] - b[0] || a[1] - b[1] || a[2] - b[2]) > 0;
  return ranks.reduce((best, own, server) => (isHigher(own, ranks[best]) ? server : best), 0);
}

function showLogs(run, at) {
  const host = document.getElementById("grid");
  const logs = logsAt(run, at);
  const longest = Math.max(0, ...logs.map((log) => log.terms.length));
  if (longest === 0) {
    host.replaceChildren(element("p", { className: "note" }, "No log has an entry yet, as far as messages show."));
    return;
  }
  const best = reference(run, logs, at);
  const first = Math.max(1, longest - INDEXES + 1);
  const indexes = Array.from({ length: longest - first + 1 }, (_, i) => first + i);
  const rows = logs.map(({ terms, commit }, server) => {
    const { applied, facts } = stateAt(run, server, at);
    const cells = indexes.map((index) => {
      const term = terms[index - 1];
      if (term === undefined) return element("td", { className: "missing" });
      const its = logs[best].terms[index - 1];
      // An unknown term differs from nothing.
      const isOther = term !== 0 && its !== 0 && term !== its;
      const classes = [`t${term % 8}`];
      if (term === 0) classes.push("unknown");
      if (isOther) classes.push("differs");
      if (index <= commit) classes.push("committed");
      if (facts && index <= facts.snapshot) classes.push("snapshot");
      const command = run.commands.get(`${index}/${term}`);
      const title = `S${server}, index ${index}: term ${term || "unknown"}` +
        (command ? `, command ${command}` : "") + (index <= commit ? ", committed" : "") +
        (index <= applied ? ", applied" : "") + (isOther ? `, differs from S${best}` : "");
      return element("td", { className: classes.join(" "), title },
        (isOther ? "≠" : "") + (term || "?") + (index <= applied ? "•" : ""));
    });
    return element("tr", {}, element("th", {}, `S${server}${server === best ? " ◂" : ""} `,
      element("small", {}, `to ${terms.length}`)), ...cells);
  });
  const head = element("tr", {}, element("th", {}),
    ...indexes.map((index) => element("th", {}, longest - first < 30 || index % 5 === 0 || index === first ? String(index) : "")));
  const note = `a cell has its entry's term; bold with a line below: known to be committed; •: applied; ` +
    `≠: another than in S${best}, marked ◂` + (first > 1 ? `; indexes below ${first} are left out` : "");
  const scroll = element("div", { className: "scroll" }, element("table", { className: "log" }, head, ...rows));
  host.replaceChildren(scroll, element("p", { className: "note" }, note));
  scroll.scrollLeft = scroll.scrollWidth;
}

function showEvents(at) {
  const wanted = document.getElementById("search").value.trim().toLowerCase();
  const fits = (event) =>
    (event.server === null || filter.servers.has(event.server)) && (!event.own || isShown(event.own)) &&
    (wanted === "" || `${who(event)} ${event.kind} ${event.say()}`.toLowerCase().includes(wanted));
  const middle = countUntil(events, at);
  const shown = [];
  for (let i = middle - 1; i >= 0 && shown.length < AROUND; i--) if (fits(events[i])) shown.unshift(events[i]);
  const before = shown.length;
  for (let i = middle; i < events.length && shown.length < before + AROUND; i++) {
    if (fits(events[i])) shown.push(events[i]);
  }
  const host = document.getElementById("events");
  let now = null;
  host.replaceChildren(...shown.map((event, i) => {
    const row = element("div", { className: `event ${event.kind}` + (event.at === at ? " now" : "") },
      element("span", { className: "at" }, seconds(event.at)), element("b", {}, who(event)), event.say());
    row.addEventListener("click", () => {
      keep(event.own);
      moveCursor(event.at);
    });
    if (i === before - 1) now = row;
    return row;
  }));
  if (shown.length === 0) host.append("Nothing fits the filter.");
  host.scrollTop = now ? now.offsetTop - host.offsetTop - host.clientHeight / 2 : 0;
}

const who = (event) => (event.server === null ? "test" : `S${event.server}`);

/** What a message says, line by line. */
function linesOf(own) {
  const after = (at) => `${seconds(at, 6)}, ${lasting(at - own.sent)} later`;
  return [
    titleOf(own), endOf(own), `sent       ${seconds(own.sent, 6)}`,
    own.delivered === null ? "never delivered" : `delivered  ${after(own.delivered)}`,
    own.handled === null ? null : `answered   ${after(own.handled)}`,
    own.returned === null ? "not returned when the run ended" : `returned   ${after(own.returned)}`,
    own.dropped === null ? null : `dropped by its caller ${after(own.dropped)}`,
    own.args === null ? "what it says is left out of this page" : `says  { ${own.args} }`,
    own.reply === null ? null : `reply { ${own.reply} }`,
  ].filter((line) => line !== null);
}

function showKept() {
  const host = document.getElementById("kept");
  host.replaceChildren();
  if (!kept) return;
  const [title, ...lines] = linesOf(kept);
  host.append(element("h3", {}, title), element("pre", {}, lines.join("\n")));
}

function showTip(hit, x, y) {
  const tip = document.getElementById("tip");
  tip.hidden = !hit;
  if (!hit) return;
  const [title, ...lines] = hit.own ? linesOf(hit.own) : hit.tip.filter(Boolean);
  tip.replaceChildren(element("b", {}, title), element("pre", {}, lines.join("\n")));
  const room = document.documentElement.clientWidth - tip.offsetWidth - 12;
  tip.style.left = `${Math.max(4, Math.min(x + 14, room))}px`;
  const below = y + 18 + tip.offsetHeight < window.innerHeight;
  tip.style.top = `${below ? y + 18 : Math.max(4, y - tip.offsetHeight - 12)}px`;
}
