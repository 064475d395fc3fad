//! What a run may cost: calls, bytes, time.

use super::rules;

rules! {
    SENT_AGAIN: Budget "confirmed-sent-again" = "M19" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "a leader sends a follower the entries from nextIndex on, each entry once",
        "where nextIndex goes up after a success, and where the entries of a request begin";
    SENT_TWICE: Budget "sent-twice" = "M19" at [Leaders 3],
        "Figure 2, Leaders 3; §5.3",
        "a leader sends a follower the entries from nextIndex on, each entry once",
        "what makes a leader send. Two tasks, or start() and the heartbeat, may both send the same entries";
    ONE_A_REQUEST: Budget "one-entry-a-request" at [AppendEntries, Leaders 3],
        "Figure 2, AppendEntries, Arguments",
        "a request can carry more than one entry, for efficiency",
        "how many entries a request gets. It must get all entries from nextIndex on. And check whether each \
         start() sends a request of its own";
    NO_PAUSE: Budget "heartbeats-without-pause" = "M18" at [Leaders 1],
        "Figure 2, Leaders 1; §5.2; the lab's hand-out, 3A",
        "heartbeats are for idle periods; the lab allows about ten a second",
        "what a leader does after a success. It must not send again at once, unless the follower lacks entries";
    TOO_OFTEN: Budget "heartbeats-too-often" = "M18" at [Leaders 1],
        "Figure 2, Leaders 1; §5.2; the lab's hand-out, 3A",
        "the lab allows about ten heartbeats a second",
        "the heartbeat interval. And check whether the task of an earlier leadership still runs beside the new \
         one";
}
