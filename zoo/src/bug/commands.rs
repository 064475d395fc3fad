//! Commands: what a client asks for, what it is told, and what that costs.

use super::Kind::{Budget, Harmless, Service};
use super::Part::{A, B};
use super::rules::{
    APPEND_COMMAND, COMMANDS_ONLY, ENTRIES_KEEP_TERMS, FIRST_INDEX, HEARTBEATS, SEND_ENTRIES,
    SENT_ONCE, SEVERAL_ENTRIES, TEN_HEARTBEATS,
};
use super::{Bug, Row, bugs};

bugs! {
    /// Appends each command twice, and answers with the first one's index.
    AppendsTwice {
        part: B,
        kind: Service,
        breaks: "a command is appended once",
        rule: APPEND_COMMAND,
        symptom: "something is committed that nobody has asked for, and indexes go up by two: \
            `some have committed before Start()`, `got index … but expected …`, `expected index …, \
            got …`, `Start() failed`",
        causes: ["entry-nobody-asked-for"],
        source: "constructed",
    }

    /// Appends a command once for each server, in the loop that should send it.
    AppendsOncePerServer {
        part: B,
        kind: Service,
        breaks: "a command is appended once",
        rule: APPEND_COMMAND,
        symptom: "like that of `AppendsTwice`: `got index … but expected …`, `some have committed \
            before Start()`",
        causes: ["entry-nobody-asked-for"],
        source: "constructed",
    }

    /// Answers with an index that counts from 0, though the log begins at 1.
    CountsFromZero {
        part: B,
        kind: Service,
        breaks: "the first index is 1",
        rule: FIRST_INDEX,
        symptom: "the client looks for its command in the wrong place: `one(…) failed to reach \
            agreement`, `cmd … missing in …`, `wrong value … committed for index …`",
        causes: ["index-from-zero"],
        source: "constructed",
    }

    /// Answers with the index behind the last committed one, as if each command were committed
    /// before the next came.
    ReportsCommitIndex {
        part: B,
        kind: Service,
        breaks: "the next index is behind the log's last",
        rule: APPEND_COMMAND,
        symptom: "`start() returned index … after … in the same term …`, where commands come \
            together",
        causes: ["index-given-twice"],
        source: "constructed",
    }

    /// Takes no command as long as another isn't committed.
    TakesOneAtATime {
        part: B,
        kind: Service,
        breaks: "a leader takes each command",
        rule: APPEND_COMMAND,
        symptom: "`cmd … missing in …`, `term changed too often`, and `leader2 rejected Start()`; \
            a leader with a command of an earlier term never takes one again, since only its own \
            would commit that one: `one(…) failed to reach agreement`, nobody accepted it",
        causes: ["one-command-at-a-time", "leader-refuses-commands"],
        source: "constructed",
    }

    /// Leads, and says so, but takes commands only within 40 ms of a follower's last reply.
    RefusesBetweenReplies {
        part: B,
        kind: Service,
        breaks: "a leader takes commands",
        rule: APPEND_COMMAND,
        symptom: "`leader rejected Start()`, `leader2 rejected Start()`, `term changed too often`, \
            or `one(…) failed to reach agreement`, nobody accepted it",
        causes: ["leader-refuses-commands"],
        source: "constructed",
    }

    /// A new leader takes no command for 0.7 s.
    TakesNothingAtFirst {
        part: B,
        kind: Service,
        breaks: "a leader takes commands at once",
        rule: APPEND_COMMAND,
        symptom: "`leader2 rejected Start()`",
        causes: ["leader-refuses-commands"],
        source: "constructed",
    }

    /// A new leader appends an empty entry of its own, and applies it as if it were a command.
    AppendsNoOp {
        part: B,
        kind: Service,
        breaks: "the log has the clients' commands only",
        rule: COMMANDS_ONLY,
        symptom: "`apply error: … applied at index … a command that no client submitted`",
        causes: ["entry-of-a-new-leader"],
        source: "the paper's own §8, taken for part of the lab",
    }

    /// A new leader appends what it doesn't know to be committed once more, in its own term.
    ProposesAgain {
        part: B,
        kind: Service,
        breaks: "an entry keeps its index",
        rule: ENTRIES_KEEP_TERMS,
        symptom: "`unexpected index …`: the log has some commands twice",
        causes: ["entry-of-a-new-leader"],
        source: "constructed",
    }

    /// Sends the whole log each time instead of what the follower lacks.
    SendsWholeLog {
        part: B,
        kind: Budget,
        breaks: "a follower gets what it lacks",
        rule: SEND_ENTRIES,
        symptom: "`too many RPC bytes; got …, expected …`",
        causes: ["confirmed-sent-again"],
        source: "constructed",
    }

    /// Sends each request to append twice.
    SendsTwice {
        part: B,
        kind: Budget,
        breaks: "a command is sent to each peer once",
        rule: SENT_ONCE,
        symptom: "`too many RPC bytes; got …, expected …`: 9.5 % more than the limit",
        causes: ["sent-twice"],
        source: "constructed",
    }

    /// Sends to a follower again as soon as it has answered, whether there is news or not.
    SendsWithoutPause {
        part: B,
        kind: Budget,
        breaks: "heartbeats are for idle periods",
        rule: HEARTBEATS,
        symptom: "`too many or few RPCs (…) to elect initial leader`: more than a thousand",
        causes: ["heartbeats-without-pause"],
        source: "students' repositories",
    }

    /// Sends each entry, and each commit index, in a request of its own.
    SendsOneThingAtATime {
        part: B,
        kind: Budget,
        breaks: "what comes together is sent together",
        rule: SEVERAL_ENTRIES,
        symptom: "`too many RPCs (…) for 10 entries`",
        causes: ["one-entry-a-request"],
        source: "students' repositories",
    }

    /// Tells a follower the commit index again as soon as it has answered.
    NeverNotesWhatItTold {
        part: B,
        kind: Budget,
        breaks: "the commit index is told once",
        rule: HEARTBEATS,
        symptom: "`too many RPCs (…) for 10 entries`; all is quiet before the first command",
        causes: ["heartbeats-without-pause"],
        source: "constructed",
    }

    /// Sends a heartbeat every 20 ms.
    HeartbeatsTooOften {
        part: A,
        kind: Budget,
        breaks: "some ten heartbeats a second",
        rule: TEN_HEARTBEATS,
        symptom: "`too many RPCs (…) for 1 second of idleness`; now and then `too many or few RPCs \
            (…) to elect initial leader`",
        causes: ["heartbeats-too-often"],
        source: "constructed",
    }

    /// Starts another loop of heartbeats with each command, and ends none.
    HeartbeatsPerCommand {
        part: B,
        kind: Budget,
        breaks: "there is one loop of heartbeats",
        rule: TEN_HEARTBEATS,
        symptom: "`too many RPCs (…) for 1 second of idleness`",
        causes: ["heartbeats-too-often"],
        source: "students' repositories: loops of heartbeats that outlive their reason",
    }

    /// Sends all that a follower hasn't confirmed with each new command, also what is under way.
    SendsAtEachStart {
        part: B,
        kind: Harmless { reason: "the lab's limits allow for it" },
        breaks: "what is under way isn't sent again",
        rule: SEND_ENTRIES,
        symptom: "more bytes than are needed",
        causes: [],
        source: "students' repositories: each `Start` sends",
    }

    /// Sends each heartbeat four times.
    SendsHeartbeatsFourTimes {
        part: A,
        kind: Budget,
        breaks: "some ten heartbeats a second",
        rule: TEN_HEARTBEATS,
        symptom: "`too many RPCs (…) for 1 second of idleness`",
        causes: ["heartbeats-too-often", "heartbeats-without-pause"],
        source: "constructed",
    }

    /// Starts another loop of heartbeats with each election that it wins, and ends none.
    HeartbeatsPerElection {
        part: A,
        kind: Budget,
        breaks: "there is one loop of heartbeats",
        rule: TEN_HEARTBEATS,
        symptom: "`too many RPCs (…) for 1 second of idleness`, where a server leads for the third \
            time",
        causes: ["heartbeats-too-often", "heartbeats-without-pause"],
        source: "students' repositories: loops of heartbeats that outlive their term",
    }
}
