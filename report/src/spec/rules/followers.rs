//! Rules for servers: followers (Figure 2).

use super::candidates::NORMAL;
use super::rules;

rules! {
    STANDS: Liveness "election-timer-dead" at [Followers 2, Candidates 4],
        "Figure 2, Followers 2 and Candidates 4; §5.2",
        "if election timeout elapses: start new election, as a follower and as a candidate",
        "whether the task of the election timer goes on in a loop for as long as the server lives, also when \
         it has voted, been a candidate, led or given way to a higher term; and whether it waits for something else that \
         may never come",
        normal NORMAL;
    TOO_LONG: Liveness "election-timeout-too-long" at [ElectionTimeout],
        "§9.3; the lab's hand-out, 3A",
        "the election timeout is as short as the network allows: the lab's checker waits 5 s for a leader, \
         which must be enough for several elections",
        "the range from which the election timeout is drawn, and its unit",
        normal NORMAL;
    ADDS_UP: Liveness "timeouts-add-up" at [Followers 2, ElectionTimeout],
        "Figure 2, Followers 2; §5.2, §9.3",
        "a leader's word begins the election timeout anew: the deadline is that moment plus one timeout",
        "where the deadline is set: from the present time, and not from the deadline that was there before (= and \
         not +=); and whether each word adds a timer or a permit that has to run out",
        normal NORMAL;
    STALE_RESETS: Liveness "timer-reset-by-stale-leader" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "the timer begins anew with AppendEntries from the current leader only",
        "the AppendEntries handler: whether the timer is reset before the term is compared",
        normal NORMAL;
    REFUSAL_RESETS: Liveness "timer-reset-by-refusal" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "the timer begins anew when a vote is granted, not when one is refused or a higher term is seen",
        "the RequestVote handler, and the code that adopts a higher term: whether they reset the election timer",
        normal NORMAL;
    DESPITE_LEADER: Liveness "election-despite-leader" at [Followers 2],
        "Figure 2, Followers 2; §5.2",
        "an election starts if the timeout elapses without AppendEntries from the current leader",
        "where the election timer starts anew: with each AppendEntries of the current term, also one without \
         entries, and one that is refused because the log doesn't match; and how long the timeout is, which \
         must be several heartbeats",
        normal "a leader that nothing disturbs leads until the end";
    SILENT_SINCE_RESTART: Liveness "silent-since-restart" at [Followers 2, Snapshots],
        "Figure 2, Followers 2; §7; rule 6 of the contract",
        "a server that is restarted with a snapshot goes on as any other: its log begins behind the snapshot, \
         and its tasks begin with it",
        "what is done with the snapshot when a server begins: an index that is one off, a loop that waits for \
         what the snapshot covers, a task that ends or never starts",
        normal NORMAL;
}
