//! What a run may cost: calls, bytes, time.

use super::rules;

rules! {
    SENT_AGAIN: Budget "confirmed-sent-again" = "M19" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "a follower is sent the entries from nextIndex on, each once",
        "where nextIndex goes up after a success, and where the entries of a request begin";
    SENT_TWICE: Budget "sent-twice" = "M19" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "a follower is sent the entries from nextIndex on, each once",
        "what makes a leader send: two tasks, or start() and the heartbeat, both with the same entries";
    ONE_A_REQUEST: Budget "one-entry-a-request" at [AppendEntries, Leaders 3],
        "Figure 2, AppendEntries, Arguments",
        "entries go together: log entries to store, may send more than one for efficiency",
        "how many entries a request gets: all from nextIndex on; and whether each start() sends its own";
    NO_PAUSE: Budget "heartbeats-without-pause" = "M18" at [Leaders 1],
        "Figure 2, Leaders 1; §5.2; the lab's hand-out, 3A",
        "heartbeats are for idle periods, some ten a second in the lab",
        "what a leader does after a success: nothing, unless the follower lacks entries";
    TOO_OFTEN: Budget "heartbeats-too-often" = "M18" at [Leaders 1],
        "Figure 2, Leaders 1; §5.2; the lab's hand-out, 3A",
        "the lab allows some ten heartbeats a second",
        "the heartbeat's interval, and whether the task of an earlier leadership still runs beside the new \
         one's";
}
