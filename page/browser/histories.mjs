// Histories that no run of the lab leaves: odd ones, and a very large one.

const ARGS = (term) => ({ bytes: 9, value: { term, candidate_id: 0, last_log_index: 0, last_log_term: 0 } });

/** A stored run of so many servers. */
export function record(servers, events, more = {}) {
  return {
    format: 1, test: "TestOdd3A", replay: "LAB_SEED=1 cargo test TestOdd3A", seed: 1, clock: "virtual",
    banner: "Test (3A): odd", servers, history: "0", end: events.at(-1)?.at ?? 0, warnings: [], events, ...more,
  };
}

const starts = (servers) => Array.from({ length: servers }, (_, server) => [
  { at: 0, event: "started", server: { server, incarnation: 1 } },
  { at: 0, event: "connected", server },
]).flat();

const sent = (at, id, from, to, method, args) =>
  ({ at, event: "rpc_sent", id, from: { server: from, incarnation: 1 }, to, method: `Raft.${method}`, args });

const failure = (message, at) => ({ kind: "liveness", message, location: "", at, check: { check: "one_leader" } });

/** What would run if it were taken for markup. It sets a variable that must not be there. */
export const HOSTILE = `</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">` +
  `<svg/onload=window.hacked=1>\u001b[2J\u202e\u2028 & "quoted" 'too' <!-- ]]>`;

/** Texts of a student's everywhere. */
export function hostile() {
  const events = [
    ...starts(3),
    { at: 10, event: "step", what: `check_one_leader ${HOSTILE}`, file: HOSTILE, line: 7 },
    sent(1000, 0, 0, 1, `RequestVote${HOSTILE}`, { bytes: 99, value: { term: 1, [HOSTILE]: HOSTILE } }),
    { at: 1020, event: "rpc_delivered", id: 0 },
    { at: 1020, event: "rpc_handled", id: 0, reply: { bytes: 9, value: { term: 1, vote_granted: false, HOSTILE } } },
    { at: 1040, event: "rpc_returned", id: 0, outcome: "Replied" },
    { at: 2000, event: "logged", server: { server: 1, incarnation: 1 }, level: HOSTILE, target: "t", text: HOSTILE },
    { at: 3000, event: "proposed", server: { server: 0, incarnation: 1 }, index: 1, term: 1,
      command: { bytes: 9, value: HOSTILE } },
    { at: 5000, event: "network", what: HOSTILE },
    { at: 9000, event: "looked", round: 1, rounds: 10 },
  ];
  return record(3, events, {
    test: HOSTILE, replay: HOSTILE, banner: HOSTILE, clock: HOSTILE, history: HOSTILE, warnings: [HOSTILE],
    failure: failure(`${HOSTILE}\n${HOSTILE}`, 9000),
  });
}

/** Nine servers, and no call between them. */
export const silent = () => record(9, [
  ...starts(9),
  { at: 0, event: "step", what: "check_one_leader", file: "x.rs", line: 1 },
  { at: 500_000, event: "looked", round: 1, rounds: 10 },
], { end: 5_000_000, failure: failure("expected one leader, got none", 5_000_000) });

/** Nothing at all. */
export const empty = () => record(0, []);

/** A run whose beginning is missing. */
export const truncated = () => record(3, [
  sent(70_000_000, 123_456, 2, 1, "RequestVote", ARGS(90)),
  { at: 70_000_050, event: "rpc_delivered", id: 123_456 },
  { at: 70_000_050, event: "viewed", server: { server: 1, incarnation: 3 }, term: 90, is_leader: false },
  { at: 71_000_000, event: "rpc_returned", id: 123_456, outcome: "ServerDied" },
  { at: 75_000_000, event: "looked", round: 9, rounds: 10 },
], { dropped: 1_000_000, failure: failure("expected one leader, got none", 75_000_000) });

/** 20,000 calls in 10 s: heartbeats of a leader, with every hundredth lost. */
export function large(calls = 20_000) {
  const events = [...starts(5), { at: 0, event: "step", what: "one", file: "x.rs", line: 1 }];
  const leader = { server: 0, incarnation: 1 };
  events.push({ at: 400, event: "viewed", server: leader, term: 1, is_leader: true });
  for (let id = 0; id < calls; id++) {
    const at = 500 + id * 500;
    const args = { bytes: 30, value: { term: 1, leader_id: 0, prev_log_index: id, prev_log_term: 1,
      entries: [], leader_commit: id } };
    events.push(sent(at, id, 0, 1 + (id % 4), "AppendEntries", args));
    if (id % 100 === 0) {
      events.push({ at: at + 90, event: "rpc_returned", id, outcome: "RequestLost" });
      continue;
    }
    events.push({ at: at + 40, event: "rpc_delivered", id });
    events.push({ at: at + 40, event: "rpc_handled", id, reply: { bytes: 9, value: { term: 1, success: true } } });
    events.push({ at: at + 80, event: "rpc_returned", id, outcome: "Replied" });
  }
  return record(5, events, { failure: failure("one(1) failed to reach agreement", events.at(-1).at) });
}
