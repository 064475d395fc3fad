//! Votes, terms and leaderships.

use super::Kind::{Harmless, Liveness, Safety, Service};
use super::Part::{A, B};
use super::rules::{
    CANDIDATES_LAST, GET_STATE, GRANT_VOTE, HIGHER_TERM, INVOKED_BY_LEADER, MAJORITY_OF_VOTES,
    ON_CONVERSION, REPLY_TERM, UP_TO_DATE, VOTED_FOR,
};
use super::{Bug, Row, bugs};

bugs! {
    /// A leader that is deposed goes on sending, with its new term.
    SendsOnWhenDeposed {
        part: A,
        kind: Safety,
        breaks: "only a leader sends entries",
        rule: INVOKED_BY_LEADER,
        symptom: "`expected one leader, got none`: all servers follow one that doesn't say that it \
            leads. With commands `apply error: commit index=…`",
        causes: ["deposed-leader-sends"],
        source: "students' repositories: the request is made anew after the reply",
    }

    /// Doesn't count its own vote.
    CountsOnlyOthersVotes {
        part: A,
        kind: Liveness,
        breaks: "a candidate's own vote counts",
        rule: ON_CONVERSION,
        symptom: "`expected one leader, got none` as soon as one of three is cut off",
        causes: ["majority-not-recognised"],
        source: "students' repositories",
    }

    /// Has one vote for all terms.
    NeverClearsVote {
        part: A,
        kind: Liveness,
        breaks: "each term has a new vote",
        rule: VOTED_FOR,
        symptom: "`expected one leader, got none` after the first leader: all votes have been \
            given",
        causes: ["vote-refused-without-reason"],
        source: "Students' Guide to Raft",
    }

    /// Grants its vote only to candidates whose log is more up-to-date than its own.
    VotesForNewerLogsOnly {
        part: B,
        kind: Liveness,
        breaks: "an equal log is good enough",
        rule: GRANT_VOTE,
        symptom: "`expected one leader, got none`: all logs are empty at first, and none is better \
            than another",
        causes: ["vote-refused-without-reason"],
        source: "students' repositories: `>` for `>=`",
    }

    /// `get_state` says that it doesn't lead, though it does.
    NeverSaysItLeads {
        part: A,
        kind: Service,
        breaks: "a leader says that it leads",
        rule: GET_STATE,
        symptom: "`expected one leader, got none`, while commands are accepted",
        causes: ["leader-not-told"],
        source: "constructed",
    }

    /// `get_state` says that it leads as soon as it has once led.
    SaysItLeadsForEver {
        part: A,
        kind: Service,
        breaks: "a former leader doesn't say that it leads",
        rule: GET_STATE,
        symptom: "`term … has 2 (>1) leaders`, though nobody but one acts as one",
        causes: ["leader-only-told"],
        source: "students' repositories: a role that is told from a copy",
    }

    /// `get_state` says that every server leads that doesn't follow.
    SaysItLeadsAsCandidate {
        part: A,
        kind: Service,
        breaks: "a candidate doesn't lead yet",
        rule: GET_STATE,
        symptom: "`expected no leader among connected servers, but … claims to be leader`; now and \
            then `term … has 2 (>1) leaders`",
        causes: ["leader-only-told"],
        source: "constructed",
    }

    /// `get_state` tells the term in which this server led last.
    ReportsTermItLed {
        part: A,
        kind: Service,
        breaks: "the current term is told",
        rule: GET_STATE,
        symptom: "`servers disagree on term`; later `term changed too often`",
        causes: ["term-not-told"],
        source: "constructed",
    }

    /// Grants its vote to every candidate of its term.
    VotesTwice {
        part: A,
        kind: Safety,
        breaks: "one vote a term",
        rule: GRANT_VOTE,
        symptom: "`term … has 2 (>1) leaders`, when two timers fire so close to each other that \
            both become candidates before either has won. Neither leader gives way: a leader of a \
            term doesn't expect another leader in it",
        causes: ["voted-twice"],
        source: "not recorded",
    }

    /// Forgets for whom it has voted when it hears from a leader.
    ForgetsVoteWhenLed {
        part: A,
        kind: Safety,
        breaks: "a vote holds for its whole term",
        rule: VOTED_FOR,
        symptom: "`term … has 2 (>1) leaders`, if a candidate's request comes behind the winner's \
            first heartbeat",
        causes: ["voted-twice"],
        source: "students' repositories",
    }

    /// Votes for a candidate of a higher term and follows a leader of one, and stays in its own
    /// term all the same.
    NeverAdoptsTerm {
        part: A,
        kind: Safety,
        breaks: "a higher term is adopted",
        rule: HIGHER_TERM,
        symptom: "`servers disagree on term`; once links fail, `term … has 2 (>1) leaders`: a \
            new leader counts on from its own old term, and so leads the term of the leader before \
            it",
        causes: ["term-not-adopted"],
        source: "not recorded",
    }

    /// Adopts a higher term, and leads on in it.
    LeadsOnInHigherTerm {
        part: A,
        kind: Safety,
        breaks: "a higher term ends a leadership",
        rule: HIGHER_TERM,
        symptom: "`term … has 2 (>1) leaders`; with commands `apply error: commit index=…`",
        causes: ["deposed-leader-sends"],
        source: "students' repositories",
    }

    /// Takes half of the servers, rounded down, for a majority.
    WinsWithHalf {
        part: A,
        kind: Safety,
        breaks: "a majority is needed",
        rule: MAJORITY_OF_VOTES,
        symptom: "`expected no leader among connected servers, but … claims to be leader`: one of \
            three, alone, elects itself",
        causes: ["leads-without-majority"],
        source: "not recorded",
    }

    /// Takes half of the servers for a majority where their number is even.
    WinsWithHalfOfEven {
        part: A,
        kind: Safety,
        breaks: "half is no majority",
        rule: MAJORITY_OF_VOTES,
        symptom: "two of four servers, cut off from the others, elect a leader. MIT's clusters are \
            all of odd sizes",
        causes: ["leads-without-majority"],
        source: "constructed: `votes * 2 >= peers.len()`",
    }

    /// Counts on from its last election's votes.
    KeepsOldVotes {
        part: A,
        kind: Safety,
        breaks: "each election is counted anew",
        rule: MAJORITY_OF_VOTES,
        symptom: "`expected no leader among connected servers, but … claims to be leader`: a \
            server that starts two elections has two votes, both its own",
        causes: ["leads-without-majority"],
        source: "students' repositories",
    }

    /// Counts votes that it was granted in an earlier term.
    CountsOldVotes {
        part: A,
        kind: Safety,
        breaks: "a vote is for one term",
        rule: MAJORITY_OF_VOTES,
        symptom: "`apply error: commit index=…`: of two leaders of a term one has it by a late \
            reply",
        causes: ["leads-without-majority"],
        source: "Students' Guide to Raft",
    }

    /// Takes a call that has failed for a vote.
    CountsFailedCalls {
        part: A,
        kind: Safety,
        breaks: "silence is no vote",
        rule: MAJORITY_OF_VOTES,
        symptom: "`expected no leader among connected servers, but … claims to be leader`, if a \
            call fails before the timer fires again",
        causes: ["leads-without-majority"],
        source: "constructed: the lab's `ok` isn't looked at",
    }

    /// Starts an election in the term in which it is.
    NeverIncrementsTerm {
        part: A,
        kind: Liveness,
        breaks: "each election has a term of its own",
        rule: ON_CONVERSION,
        symptom: "`term is 0, but should be at least 1`; later `expected one leader, got none`, \
            since all votes of term 0 have been given",
        causes: ["election-without-new-term"],
        source: "not recorded",
    }

    /// Gives up its lock between the last vote and its leadership, for 5 ms, and then leads
    /// whatever has happened meanwhile.
    LeadsWithoutSecondLook {
        part: A,
        kind: Safety,
        breaks: "a server that begins to lead is still a candidate of that term",
        rule: MAJORITY_OF_VOTES,
        symptom: "a server leads a term for which it never had the votes",
        causes: ["leads-without-majority"],
        source: "students' repositories: check, then act",
    }

    /// Wins with the votes of more than half of those that have answered.
    WinsAmongWhoAnswer {
        part: A,
        kind: Safety,
        breaks: "a majority of all servers is needed",
        rule: MAJORITY_OF_VOTES,
        symptom: "`term … has 2 (>1) leaders` and `apply error: commit index=…`: the first two \
            that answer decide",
        causes: ["leads-without-majority"],
        source: "students' repositories",
    }

    /// Grants its vote at once to whoever asks in a higher term.
    VotesForAnyHigherTerm {
        part: B,
        kind: Safety,
        breaks: "a higher term is no reason to vote",
        rule: GRANT_VOTE,
        symptom: "`apply error: commit index=…`: a leader without a committed entry puts another \
            in its place",
        causes: ["vote-for-outdated-log"],
        source: "students' repositories",
    }

    /// Refuses its vote to the candidate that has it already. Candidates ask again, in the same
    /// term, whom they got no reply from.
    RefusesToRepeatVote {
        part: A,
        kind: Harmless { reason: "a vote whose reply is lost is made up for by the next election" },
        breaks: "a vote can be asked for twice",
        rule: GRANT_VOTE,
        symptom: "an election now and then comes to nothing though a majority has voted for its \
            candidate",
        causes: ["vote-refused-without-reason"],
        source: "students' repositories",
    }

    /// Leaves the term out of its refusals, which say 0.
    RefusesWithoutTerm {
        part: A,
        kind: Liveness,
        breaks: "a refusal tells the term",
        rule: REPLY_TERM,
        symptom: "a candidate or a leader doesn't learn that its term is over, until somebody asks \
            it something",
        causes: ["answer-without-term"],
        source: "students' repositories: a reply that is filled in on one path only",
    }

    /// Follows whatever term it hears of, also a lower one.
    AdoptsLowerTerm {
        part: A,
        kind: Safety,
        breaks: "terms only go up",
        rule: HIGHER_TERM,
        symptom: "`apply error: commit index=…`: a leader that was cut off overwrites what its \
            successor has committed",
        causes: ["term-went-back", "old-leader-obeyed"],
        source: "Students' Guide to Raft",
    }

    /// Grants its vote without a look at the candidate's log.
    VotesForAnyLog {
        part: B,
        kind: Safety,
        breaks: "only an up-to-date candidate gets a vote",
        rule: GRANT_VOTE,
        symptom: "`apply error: commit index=…`: a leader without a committed entry puts another \
            in its place",
        causes: ["vote-for-outdated-log"],
        source: "students' repositories; Students' Guide to Raft",
    }

    /// Takes the longer log for the more up-to-date one, whatever its last term.
    ComparesLengthsOnly {
        part: B,
        kind: Safety,
        breaks: "the last term comes before the length",
        rule: UP_TO_DATE,
        symptom: "`apply error: commit index=…`",
        causes: ["longer-log-preferred", "vote-for-outdated-log"],
        source: "Students' Guide to Raft",
    }

    /// Wants a candidate's last term and its length to be both at least its own.
    WantsNewerAndLonger {
        part: B,
        kind: Liveness,
        breaks: "the last term comes before the length",
        rule: UP_TO_DATE,
        symptom: "`one(…) failed to reach agreement`: of two servers neither is good enough for \
            the other",
        causes: ["longer-log-preferred", "vote-refused-without-reason"],
        source: "students' repositories",
    }

    /// Asks for votes with the index and the term of the last entry that it knows to be committed.
    AsksWithCommitIndex {
        part: B,
        kind: Liveness,
        breaks: "a candidate says where its log ends",
        rule: CANDIDATES_LAST,
        symptom: "`one(…) failed to reach agreement`, nobody accepted it: a server that has all \
            entries is refused by those that count them all",
        causes: ["says-another-state"],
        source: "students' repositories: commitIndex for the log's length",
    }

    /// Asks for votes with the index behind its last entry.
    AsksWithNextIndex {
        part: B,
        kind: Safety,
        breaks: "a candidate says where its log ends",
        rule: CANDIDATES_LAST,
        symptom: "`apply error: commit index=…`: a server that lacks the last committed entry is \
            elected",
        causes: ["says-another-state"],
        source: "students' repositories: the log's length for its last index",
    }

    /// Asks for votes with its current term as the term of its last entry.
    AsksWithCurrentTerm {
        part: B,
        kind: Safety,
        breaks: "a candidate says the term of its last entry",
        rule: CANDIDATES_LAST,
        symptom: "`apply error: commit index=…`: whoever stands wins, however old its log",
        causes: ["says-another-state"],
        source: "students' repositories",
    }

    /// Looks whether its vote is free, waits for 2 ms, and grants it if it was.
    VotesInTwoSteps {
        part: A,
        kind: Safety,
        breaks: "handlers of one server don't overlap between look and act",
        rule: GRANT_VOTE,
        symptom: "`term … has 2 (>1) leaders`, if two candidates ask at the same time",
        causes: ["handlers-overlap", "voted-twice"],
        source: "students' repositories: a lock that is released between check and act",
    }

    /// Asks each server twice, lest a request be lost, and counts both answers.
    CountsRepeatedVotes {
        part: A,
        kind: Safety,
        breaks: "a server has one vote",
        rule: MAJORITY_OF_VOTES,
        symptom: "two of five elect a leader: `expected no leader among connected servers, but … \
            claims to be leader` in larger clusters than MIT's",
        causes: ["voter-counted-twice"],
        source: "students' repositories: a counter instead of a set",
    }

    /// Counts its own vote when it becomes a candidate, and once more as a reply.
    CountsItselfTwice {
        part: A,
        kind: Safety,
        breaks: "a server has one vote",
        rule: MAJORITY_OF_VOTES,
        symptom: "`expected no leader among connected servers, but … claims to be leader`: one of \
            three elects itself",
        causes: ["voter-counted-twice", "leads-without-majority"],
        source: "students' repositories: the loop over the peers includes this server",
    }
}
