//! Rules for servers: followers (Figure 2).

use super::candidates::NORMAL;
use super::rules;

rules! {
    STANDS: Liveness "election-timer-dead" at [Followers 2, Candidates 4],
        "Figure 2, Followers 2 and Candidates 4; §5.2",
        "if election timeout elapses: start new election. This holds for followers and for candidates",
        "whether the task of the election timer loops for as long as the server lives: also after the server \
         has voted, been a candidate, led, or adopted a higher term. And check whether the task waits for \
         something that may never come",
        normal NORMAL;
    TOO_LONG: Liveness "election-timeout-too-long" at [ElectionTimeout],
        "§9.3; the lab's hand-out, 3A",
        "the election timeout is as short as the network allows: the lab's checker waits 5 s for a leader, and \
         several elections must fit into that time",
        "the range from which the election timeout is drawn, and its unit",
        normal NORMAL;
    ADDS_UP: Liveness "timeouts-add-up" at [Followers 2, ElectionTimeout],
        "Figure 2, Followers 2; §5.2, §9.3",
        "a message from the leader restarts the election timeout: the deadline is that moment plus one timeout",
        "where the deadline is set. It must be the present time plus a timeout, not the old deadline plus a \
         timeout (= and not +=). And check whether each message adds another timer, which must also run out, \
         instead of replacing the old one",
        normal NORMAL;
    STALE_RESETS: Liveness "timer-reset-by-stale-leader" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "an AppendEntries restarts the election timer only if it comes from the current leader",
        "the AppendEntries handler: whether it resets the timer before it compares the terms",
        normal NORMAL;
    REFUSAL_RESETS: Liveness "timer-reset-by-refusal" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "a server restarts its election timer when it grants a vote, not when it refuses one or sees a higher \
         term",
        "the RequestVote handler, and the code that adopts a higher term: whether they reset the election timer",
        normal NORMAL;
    DESPITE_LEADER: Liveness "election-despite-leader" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "a server starts an election if the election timeout elapses without AppendEntries from the current \
         leader",
        "where the election timer restarts. Each AppendEntries of the current term must restart it, even one \
         without entries, and one that is refused because the log doesn't match. Check the timer and start the \
         election under one lock; if you release the lock in between, check the timer again. And the timeout \
         must be several heartbeat intervals long",
        normal "if nothing disturbs the leader, it leads until the end";
    SILENT_SINCE_RESTART: Liveness "silent-since-restart" at [Followers 2, Snapshots],
        "Figure 2, Followers 2; §7; rule 6 of the contract",
        "a server that is restarted with a snapshot works like any other: its log begins after the snapshot, \
         and its tasks start at once",
        "what a server does with its snapshot when it starts: an index that is off by one, a loop that waits \
         for entries that the snapshot covers, a task that ends or never starts",
        normal NORMAL;
}
