// The run as data: what the page brings along, decoded, and what can be asked of it.

const KINDS = ["RequestVote", "AppendEntries", "heartbeat", "InstallSnapshot", "other"];
const ENDS = [
  "answered", "request lost by the network", "reply lost by the network", "receiver unreachable",
  "receiver died or was cut off", "not returned when the run ended",
];
const [REPLIED, REQUEST_LOST, REPLY_LOST, UNREACHABLE, DIED, OPEN] = [0, 1, 2, 3, 4, 5];
const [VOTE, APPEND, HEARTBEAT] = [0, 1, 2];

/** The JSON in the element `id`; null if there is none. */
function embedded(id) {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
}

/** How many of `items`, which are in the order of `key`, have a key of at most `at`. */
function countUntil(items, at, key = (item) => item.at) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(items[middle]) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The last of `items` that is at or before `at`. */
const lastAt = (items, at, key) => items[countUntil(items, at, key) - 1];

const seconds = (us, digits = 3) => `${(us / 1e6).toFixed(digits)} s`;

/** A length of time, in the unit that fits. */
function lasting(us) {
  if (us < 1000) return `${us} µs`;
  return us < 1e6 ? `${+(us / 1000).toFixed(2)} ms` : `${(us / 1e6).toFixed(2)} s`;
}

/** A message, from its row: the columns of `impl Serialize for Message`. */
function message(row, run) {
  const at = (column) => (row[column] === undefined ? -1 : row[column]);
  const since = (column) => (at(column) < 0 ? null : row[6] + at(column));
  const text = (column) => (at(column) < 0 ? null : run.texts[at(column)]);
  const own = {
    id: row[0], from: row[1], to: row[2], kind: row[3], term: at(4) < 0 ? null : row[4],
    entries: row[5], sent: row[6], delivered: since(7), handled: since(8), returned: since(9),
    end: at(10), verdict: at(11), args: text(12), reply: text(13), row: at(14), dropped: since(15),
    life: at(16) < 0 ? 1 : at(16), isCopy: at(17) > 0,
  };
  own.until = own.returned === null ? Math.max(run.end, own.sent) : own.returned;
  own.isLong = !own.isCopy && own.until - own.sent > run.long;
  own.isLate = own.end === REPLIED && own.handled !== null && own.returned - own.handled > run.long;
  own.isProof = run.proof.has(own.id);
  own.isPlain = own.end === REPLIED && own.verdict !== 2 && !own.isProof && !own.isLong &&
    own.kind !== VOTE;
  return own;
}

/** What a message is, in a line. */
function titleOf(own) {
  const term = own.term === null ? "" : `, term ${own.term}`;
  const entries = own.kind === APPEND ? ` (${own.entries} entries)` : "";
  return `S${own.from} → S${own.to}  ${KINDS[own.kind]}${entries}${term}${own.isCopy ? ", copy" : ""}`;
}

/** What came of a message, in words. */
function endOf(own) {
  if (own.end === REPLIED) {
    const verdict = own.kind === VOTE ? ["answered", "vote granted", "vote refused"]
      : ["answered", "accepted", "rejected"];
    return verdict[own.verdict] + (own.isLate ? ", the reply came late" : "");
  }
  return ENDS[own.end];
}

/** The run in the element `id`, decoded. */
function decode(id) {
  const run = embedded(id);
  if (!run) return null;
  run.proof = new Set(run.flags.flatMap((flag) => flag.calls));
  run.messages = run.messages.map((row) => message(row, run));
  run.bars = run.messages.filter((own) => own.isLong);
  run.late = run.messages.filter((own) => own.isLate);
  run.byId = new Map(run.messages.map((own) => [own.id, own]));
  for (const lane of run.lanes) {
    for (const mark of lane.marks) mark.text = run.texts[mark.text];
    lane.applied = lane.applied.map(([at, index]) => ({ at, index }));
    lane.saved = lane.saved.map(([at, bytes]) => ({ at, bytes }));
  }
  run.commands = new Map(run.commands.map(([index, term, text]) => [`${index}/${term}`, run.texts[text]]));
  return run;
}

/** What is known of a server at a time. */
function stateAt(run, server, at) {
  const lane = run.lanes[server];
  const stay = lastAt(lane.stays, at);
  const facts = lastAt(lane.facts, at);
  const applied = lastAt(lane.applied, at);
  const outstanding = run.bars.filter((own) => own.from === server && own.sent <= at &&
    (own.returned === null || at < own.returned));
  return {
    stay, outstanding,
    isUp: Boolean(stay && stay.role),
    isCut: lane.cut.some(([from, until]) => from <= at && at < until),
    // What an earlier life has told is of no use.
    facts: facts && stay && facts.at >= lifeBegan(lane, stay.life) ? facts : null,
    applied: applied ? applied.index : 0,
  };
}

function lifeBegan(lane, life) {
  const first = lane.stays.find((stay) => stay.life === life && stay.role);
  return first ? first.at : 0;
}

/** The servers' logs at a time, as terms from index 1 on, and how far each is known to be committed. */
function logsAt(run, at) {
  const logs = run.lanes.map(() => ({ terms: [], commit: 0, at: -1 }));
  for (const step of run.logs) {
    if (step.at > at) break;
    const log = logs[step.server];
    log.terms.length = Math.min(log.terms.length, step.kept);
    for (const [term, count] of step.terms) {
      for (let i = 0; i < count; i++) log.terms.push(term);
    }
    [log.commit, log.at] = [step.commit, step.at];
  }
  return logs;
}

/** All that happened, in order: for the list below the picture. What each says is asked only when it is shown. */
function eventsOf(run) {
  const events = [];
  const add = (at, server, kind, say, own = null) => events.push({ at, server, kind, say, own });
  for (const check of run.checks) {
    add(check.at, null, "test", () => check.what + (check.line ? `, ${check.line}` : ""));
  }
  for (const fault of run.faults) {
    add(fault.at, null, "test", () => fault.what + (fault.line ? `, ${fault.line}` : ""));
  }
  for (const look of run.looks) {
    add(look.at, null, "test", () => `look ${look.round} of ${look.rounds}: ` +
      (look.leader === null ? "no leader" : `server ${look.leader} leads`));
  }
  run.lanes.forEach((lane, server) => {
    for (const mark of lane.marks) add(mark.at, server, mark.kind, () => mark.text);
    for (const applied of lane.applied) {
      add(applied.at, server, "apply", () => `has applied up to index ${applied.index}`);
    }
    for (const saved of lane.saved) add(saved.at, server, "save", () => `saves ${saved.bytes} bytes`);
  });
  for (const own of run.messages) {
    add(own.sent, own.from, "message", () => `sends ${titleOf(own)}: ${endOf(own)}`, own);
    if (own.isLong && own.returned !== null) {
      add(own.returned, own.from, "message", () =>
        `gets back ${titleOf(own)}: ${endOf(own)}, after ${lasting(own.returned - own.sent)}`, own);
    }
  }
  if (run.failed_at !== null) add(run.failed_at, null, "test", () => "FAILS");
  return events.sort((a, b) => a.at - b.at);
}
