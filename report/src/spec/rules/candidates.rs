//! Rules for servers: candidates (Figure 2).

use std::collections::BTreeSet;

use super::{leaders, rules};
use crate::spec::Known;
use crate::spec::breach::Breach;
use crate::spec::flow::{leads_unelected, possible_votes};
use crate::story::{Call, Moment};
use crate::text::{count, named};

/// What a working run does when a majority is back.
pub(crate) const NORMAL: &str = "a server starts an election within 0.6 s after a majority is connected; if \
                                 nobody wins, the next election starts 0.3 to 0.6 s later; one of the first \
                                 few succeeds";

const COUNTED: &str = "the candidate becomes leader as soon as the deciding vote arrives";

rules! {
    WITHOUT_NEW_TERM: Safety "election-without-new-term" at [Candidates 1],
        "Figure 2, Candidates 1; §5.2",
        "a candidate increments currentTerm before each election, also after an election that nobody won",
        "the beginning of an election. The term must go up, also if the server is already a candidate",
        normal NORMAL
        => Asks stands_in_term_zero;
    ASKS_IN_LATER_TERM: Safety "asks-in-later-term" at [Candidates 1],
        "Figure 2, Candidates 1; §5.2",
        "an election has one term: all its requests have the term that the candidate entered when the election \
         began",
        "where the term of a RequestVote is read. Read it once, when the election begins, together with the \
         other fields; when a request is sent later, currentTerm may have changed";
    ASKS_NOBODY: Liveness "votes-not-asked-for" at [Candidates 1],
        "Figure 2, Candidates 1; §5.2",
        "on conversion to candidate, start election: increment currentTerm, vote for self, reset election timer, \
         send RequestVote RPCs to all other servers",
        "where an election begins: which servers get requests for votes, whether the requests are sent at all, \
         and whether the tasks that send them live on",
        normal NORMAL;
    PRE_VOTE_TERM: Liveness "pre-vote-in-own-term" at [Candidates 1],
        "the author's thesis, §9.6",
        "a pre-vote has the term in which the server would start its election: currentTerm + 1",
        "the term in requests for pre-votes, and what the receiver compares it with",
        normal NORMAL;
    PRE_VOTES_REFUSED: Liveness "pre-votes-refused" at [RequestVote, Candidates 1],
        "the author's thesis, §9.6",
        "a server grants a pre-vote if it has heard from no leader for an election timeout, if the term is \
         higher than its own, and if the candidate's log is up-to-date; its own vote doesn't matter",
        "the handler of pre-votes: each condition under which it refuses, and where the server notes when it \
         last heard from a leader",
        normal NORMAL;
    PRE_VOTE_RAISES: Liveness "pre-vote-raises-term" at [RequestVote, Candidates 1],
        "the author's thesis, §9.6",
        "a pre-vote changes nothing: its term is the one in which its sender would start an election. Nobody \
         is in that term yet, so the receiver stays in its own term",
        "the handler of pre-votes, and the code that runs for every message. It may adopt only the term of a \
         real request or reply",
        normal NORMAL;
    WITHOUT_MAJORITY: Safety "leads-without-majority" = "M17" at [Candidates 2],
        "Figure 2, Candidates 2; §5.2",
        "a candidate becomes leader once it has votes of a majority of all servers, in the same term",
        "how many votes make a candidate the leader. A majority is more than half of all servers, not of those \
         that can be reached. A failed call or a vote of an earlier term doesn't count"
        => Appends leads_without_votes, Installs leads_without_votes;
    COUNTED_TWICE: Safety "voter-counted-twice" = "M17" at [Candidates 2],
        "Figure 2, Candidates 2; §5.2",
        "a majority is a number of servers, not of replies: each server has one vote, however often its reply \
         arrives, and the candidate's own vote counts once",
        "how votes are counted. Use the set of servers that voted, not a number that goes up with each reply";
    UNELECTED: Safety "leads-unelected" at [Candidates 2, Contract 4],
        "Figure 2, Candidates 2; §5.1, §5.2; rule 4 of the contract",
        "a server may lead, and report that it leads, only after messages with the votes of a majority have \
         reached it",
        "where the role becomes leader; what get_state reads; and what the servers share besides the network: \
         a static, a file, a pointer to another server's memory"
        => Views leads_unelected;
    LEADS: Liveness "majority-not-recognised" at [Candidates 2],
        "Figure 2, Candidates 2; §5.2",
        "if votes received from majority of servers: become leader; a majority of n servers is n/2 + 1, \
         including the candidate's own vote",
        "where votes are counted: whether the candidate's own vote counts, and which number the count must \
         reach",
        normal COUNTED;
    WAITS_FOR_ALL: Liveness "waits-for-all-replies" at [Candidates 2],
        "Figure 2, Candidates 2; §5.2",
        "if votes received from majority of servers: become leader",
        "the code that waits for vote replies, such as a loop or join over all of them. Count each reply as it \
         arrives, and become leader with the one that makes the majority",
        normal COUNTED;
    GIVES_UP: Liveness "candidate-gives-up" at [Candidates 2],
        "Figure 2, Candidates 2 to 4; §5.2",
        "a candidate stays a candidate until it wins, another server leads, or its election timeout elapses: a \
         refused vote ends nothing, and a slow vote still counts",
        "what a candidate does with a refusal, and how long it waits for the other replies. An election \
         timeout is many times as long as a round trip",
        normal COUNTED;
    LEADER_NOT_FOLLOWED: Liveness "leader-not-followed" at [Candidates 3],
        "Figure 2, Candidates 3; §5.2",
        "if AppendEntries RPC received from new leader: convert to follower; the leader may have the \
         candidate's own term, and the candidate answers it as a follower does",
        "what a candidate does in the AppendEntries handler with a request of its own term. It may refuse a \
         request for its term only if that term is lower"
        => Answers refuses_as_candidate;
    NOT_RESTARTED: Liveness "election-not-restarted" = "M12" at [Candidates 4],
        "Figure 2, Candidates 4; §5.2",
        "if election timeout elapses: start new election. In this network, a call to an unreachable server \
         takes up to 7 s to fail",
        "the code that waits for vote replies, such as a loop, a join or a channel receive. It must not keep \
         the server from checking its election timer. Send each request in a task of its own, and count the \
         vote where the reply arrives",
        normal NORMAL;
    AT_ONCE: Liveness "election-timer-not-restarted" at [Candidates 1, Candidates 4],
        "Figure 2, Candidates 1 and 4; §5.2",
        "on conversion to candidate, start election: increment currentTerm, vote for self, reset election \
         timer: a candidate waits a whole timeout before its next election",
        "the beginning of an election. The timer must restart there with a new timeout, also if the server is \
         already a candidate",
        normal NORMAL;
    SPLIT: Liveness "votes-split" = "M14" at [ElectionTimeout],
        "§5.2, §9.3",
        "election timeouts are chosen randomly, anew each time, from an interval that is much longer than an \
         election takes",
        "where the election timeout is drawn. Typical mistakes: it is drawn only once, it is drawn from a \
         narrow range, or it is a constant",
        normal NORMAL;
    SAME_SEED: Liveness "same-seed-everywhere" at [ElectionTimeout],
        "§5.2, §9.3",
        "each server draws its own election timeouts: random generators with the same seed draw the same \
         numbers",
        "how the random generator is seeded. Use the server's number, or the thread's generator. Don't use a \
         constant, and don't use the time: all servers start at the same instant of virtual time",
        normal NORMAL;
    ALWAYS_THE_SAME: Liveness "timeout-always-the-same" at [ElectionTimeout],
        "§5.2, §9.3",
        "election timeouts are chosen randomly, anew each time: so servers rarely start elections together twice in a \
         row, and not always the same server is first",
        "where the election timeout is drawn. Typical mistakes: it is drawn only once, or it is a constant",
        normal NORMAL;
}

fn stands_in_term_zero(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (server, term) = (call.from.server, call.args.term?);
    if term > 0 || known.server(server).stood.contains(&0) || !known.stands(call, 0) {
        return None;
    }
    let what = format!("server {server} started an election in term 0, the initial term");
    let text = format!("server {server} asked server {} for its vote in term 0", call.to);
    // What asks before a vote (PreVote) may do so under a name that isn't known here.
    Some(Breach::new(&WITHOUT_NEW_TERM, moment, server, what).concluded(moment.at, text, [call.id]))
}

/// A server acts as a leader before the requests for votes that it has sent can have been answered, by whatever message
/// its Raft answers them.
fn leads_unanswered(known: &Known<'_>, moment: Moment, call: &Call, term: u64) -> Option<Breach> {
    let (story, number) = (known.story, call.from.server);
    let is_its_own =
        |asked: &&Call| asked.from == call.from && asked.is_vote() && asked.args.term == Some(term);
    let asked = story.sent_by(number as usize).find(is_its_own)?;
    let needed = story.majority() - 1;
    let votes = possible_votes(known, number, term, (asked.sent, moment));
    if story.dropped > 0 || asked.sent >= moment || votes >= needed {
        return None;
    }
    let what =
        format!("server {number} became the leader of term {term} without the votes of a majority");
    let stood = format!("server {number} asked for votes in term {term}");
    let text = format!(
        "it sent {} as a leader; since it had asked for votes, only {} had sent it a message that may be a \
         vote, and it needs {}",
        call.method,
        count(votes, "server"),
        count(needed, "vote")
    );
    let breach = Breach::new(&WITHOUT_MAJORITY, moment, number, what);
    let breach = breach.seen(asked.sent.at, stood, [asked.id]);
    Some(breach.seen(moment.at, text, [call.id]))
}

/// A server has a majority of the votes only if one of them counts twice: its own, for which it has asked itself, or
/// one that has come again.
pub(crate) fn counted_twice(
    known: &Known<'_>,
    (number, term): (u32, u64),
    moment: Moment,
) -> Option<Breach> {
    let grants = known.server(number).grants.get(&term).map_or(&[][..], |grants| grants);
    let (first, second) = grants.iter().enumerate().find_map(|(place, grant)| {
        let first = grants[..place].iter().find(|first| first.voter == grant.voter);
        first.map(|first| (first, grant)).or((grant.voter == number).then_some((grant, grant)))
    })?;
    if grants.len() + 1 < known.story.majority() {
        return None;
    }
    let (what, text) = match second.voter == number {
        true => (
            format!("server {number} also asked itself for its vote, and counted that vote twice"),
            format!("server {number}'s vote of term {term} for itself also arrived as a reply"),
        ),
        false => (
            format!("server {number} counted a vote of server {} twice", second.voter),
            format!("server {}'s vote of term {term} reached server {number}", first.voter),
        ),
    };
    let breach = Breach::new(&COUNTED_TWICE, moment, number, what);
    let breach = breach.seen(first.at, text, [first.call]);
    Some(match second.call == first.call {
        true => breach,
        false => breach.seen(second.at, "the same vote arrived again", [second.call]),
    })
}

/// A candidate refuses what the leader of its own term sends, though its log has what that follows.
fn refuses_as_candidate(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.to, call.args.term?);
    let server = known.server(number);
    let (prev, prev_term) = call.args.prev_log_index.zip(call.args.prev_log_term)?;
    let fits = prev == 0 || server.log.term(prev) == Some(prev_term);
    let stands = server.stood.contains(&term) && server.leads(Some(term)).is_none();
    let refuses = call.is_rejected() && call.reply.term == Some(term);
    if !stands || !refuses || !fits || !server.is_at_rest(call) {
        return None;
    }
    // Who has followed this leader is no candidate any more.
    let mut answered = known.story.handled_by(number as usize);
    let has_followed = answered.any(|other| {
        let is_its = other.from.server == call.from.server && other.args.term == Some(term);
        is_its && other.is_accepted() && other.handled < Some(moment)
    });
    if has_followed {
        return None;
    }
    let asked = known.story.sent_by(number as usize).rfind(|asked| {
        asked.is_vote() && asked.args.term == Some(term) && Some(asked.sent) < call.delivered
    })?;
    let what = format!(
        "server {number}, a candidate of term {term}, refused a request from the leader of that term"
    );
    let stood = format!("server {number} asked for votes in term {term}");
    let follows = match prev {
        0 => "begins with the first entry".to_owned(),
        _ => format!("has prevLogIndex {prev} and matches its log"),
    };
    let text =
        format!("it refused server {}'s request of term {term}, which {follows}", call.from.server);
    let breach = Breach::new(&LEADER_NOT_FOLLOWED, moment, number, what);
    let breach = breach.seen(asked.sent.at, stood, [asked.id]).seen(moment.at, text, [call.id]);
    Some(breach.sure_if(false))
}

/// A server acts as a leader without the votes that it takes.
fn leads_without_votes(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (number, term) = (call.from.server, call.args.term?);
    let server = known.server(number);
    if server.led.as_ref().is_some_and(|led| led.term >= term) {
        return None;
    }
    if !known.reads.votes {
        return leads_unanswered(known, moment, call, term);
    }
    // A request of an earlier term is late, or says the wrong one.
    if known.story.view_at(number as usize, moment.at).is_some_and(|view| view.term > term) {
        return None;
    }
    let majority = known.story.majority();
    let voters: BTreeSet<u32> =
        server.voters(term).into_iter().filter(|&it| it != number).collect();
    if voters.len() + 1 >= majority {
        return None;
    }
    if let Some(breach) = leaders::without_votes(known, moment, call) {
        return Some(breach);
    }
    let text = format!(
        "server {number} acted as the leader of term {term}; by then it had received {} in that term. With its \
         own vote, it had {} of the {majority} votes that it needed",
        count(voters.len(), "vote"),
        voters.len() + 1
    );
    if let Some(breach) = counted_twice(known, (number, term), moment) {
        return Some(breach.seen(moment.at, text, [call.id]));
    }
    let what =
        format!("server {number} became the leader of term {term} without the votes of a majority");
    let mut breach =
        Breach::new(&WITHOUT_MAJORITY, moment, number, what).seen(moment.at, text, [call.id]);
    let earlier = server.grants.range(..term).flat_map(|(_, grants)| grants);
    let earlier: BTreeSet<u32> = earlier.map(|grant| grant.voter).collect();
    if voters.len() + 1 + earlier.len() >= majority && !earlier.is_empty() {
        let text = format!(
            "before term {term} it had received votes from {}; it may have counted these, too",
            named(&earlier)
        );
        breach = breach.seen(moment.at, text, None);
    }
    Some(breach)
}
