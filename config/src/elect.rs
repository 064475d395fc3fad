//! Making a certain server the leader.
//!
//! That server hears nothing but answers, so that its election timer fires, whatever restarts it. What the
//! others send as leaders gets nowhere, so that no log changes. What could keep it from winning are their
//! elections: each raises a term, and a server that has voted for itself votes for nobody else in that
//! term. So they are brought to a stop, by what each Raft does that keeps to Figure 2:
//!
//! * The others hold elections until one of them wins. A leader starts no more of them. As soon as enough
//!   servers for a majority with the leader to be are in that leader's term, only the leader to be may ask.
//! * A server that has voted is asked for that vote again and again, which restarts its timer (§5.2). It
//!   stays in that term, and votes in the next.
//! * The leader to be is asked, too, if it must refuse because its log is the newer one: it then is in the
//!   candidate's term, and its own election is in the next. It is also asked if nobody can win without it.
//!
//! A server that asks before it starts an election (PreVote, thesis §9.6) starts none unless a majority
//! would vote for it. What the others ask so gets nowhere, so they hold no elections and raise no terms.
//! The leader to be asks and is answered, and is alone in starting elections. It waits until a majority
//! hears no leader.
//!
//! Where requests for votes can't be read, nobody is brought to a stop, and the leader is found by chance:
//! of each election of its own that is some third. That is so, too, if such a question can't be told from
//! a request for a vote: to answer it again restarts no timer.

use std::cell::Cell;
use std::mem;
use std::panic::Location;
use std::time::Duration;

use labrpc::{Delivered, Passing};
use raftapi::{Index, Term};
use report::Purpose;
use tokio::time::{Instant, sleep};

use crate::cluster::Config;
use crate::messages::{Messages, is_answer};
use crate::readings::Needs;

/// How long [`Config::elect`] waits for an election.
const ELECTED_WITHIN: Duration = Duration::from_secs(30);

/// How long the leader to be is asked by all. There may be Rafts whose timer that restarts; from then on it
/// isn't asked again before it has asked itself.
const ASKED_BY_ALL: Duration = Duration::from_secs(10);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(1);

/// How often a voter is asked again: before any election timer fires.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How long to wait for an answer: the server that was asked may have crashed, or may never answer.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// An election that one server is to win.
struct Election {
    config: Config,
    leader: usize,
    begun: Instant,
    /// What the others send beside, and what they are answered.
    quiet: labrpc::Hold,
    /// What the leader to be is asked in elections.
    to_leader: labrpc::Hold,
    /// How new its log is, in the terms of §5.4.1; `None` as long as it has asked nobody.
    log: Option<(Term, Index)>,
    /// Whether it has asked somebody since it was asked.
    has_asked: bool,
    voters: Vec<Voter>,
}

/// A server that is to vote for the leader to be.
struct Voter {
    number: usize,
    /// What it is asked in elections.
    requests: labrpc::Hold,
    /// What it has been asked and has not answered.
    asked: Vec<Asked>,
    /// The latest request by which it has voted.
    vote: Option<Asked>,
    /// When it was asked for that once more, and what has come of it.
    again: Option<(Instant, Delivered)>,
}

/// A request for a vote that is on its way.
struct Asked {
    /// A copy, to be delivered again.
    request: labrpc::HeldMessage,
    delivered: Delivered,
    at: Instant,
}

/// What an answer makes of a request.
enum Answer {
    Vote,
    Refusal,
    /// There is none yet.
    Pending,
}

impl Config {
    /// Makes `leader` win an election, and returns its term. Until it leads, and all have heard so that
    /// it can reach, the others may win elections, and what they send as leaders gets nowhere. The
    /// leader's log has to be good enough for a majority, and a majority has to do without the leader
    /// before it: with a vote before the vote, a leader gives none.
    ///
    /// Fails the run (liveness) if that takes more than 30 s. Skips it if that can be because nobody can
    /// read what is asked and answered in elections; or if the leader sends what leaders send, and never says that it
    /// leads, as where it first waits for an answer which the script holds.
    #[track_caller]
    pub fn elect(&self, leader: usize) -> impl Future<Output = Term> + Send {
        let here = Location::caller();
        self.t.step("elect", here);
        let mut election = Election::new(self, leader);
        let sent = self.count(Messages::requests(Purpose::Append).from(leader));
        let config = self.clone();
        async move {
            let mut says_so = false;
            loop {
                election.look();
                says_so |= config.get_state(leader).is_some_and(|(_, leads)| leads);
                if let Some(term) = config.is_heard(leader) {
                    election.end();
                    return term;
                }
                if election.begun.elapsed() > ELECTED_WITHIN {
                    let votes = Messages::requests(Purpose::Vote).from(leader);
                    config.skip_if_untold(votes, Needs::Votes);
                    if !says_so && sent.take() > 0 {
                        config.skip(format!(
                            "server {leader} leads, but doesn't report so before others have answered"
                        ));
                    }
                    let message = format!(
                        "server {leader} was not elected in 30 s, though nothing prevented it"
                    );
                    config.missed(here, votes, message);
                }
                sleep(LOOK).await;
            }
        }
    }

    /// Holds what a server is asked in elections.
    fn hold_elections(&self, number: usize) -> labrpc::Hold {
        self.network().hold(move |passing| {
            let Passing { callee, method, args, reply, .. } = passing;
            reply.is_none()
                && callee == number
                && Purpose::of(method, &args.fields()) == Purpose::Vote
        })
    }

    /// The term that `leader` leads, if all are in it that it can reach.
    fn is_heard(&self, leader: usize) -> Option<Term> {
        let (term, true) = self.get_state(leader)? else { return None };
        let reached = self.connected().into_iter().filter(|&i| self.reach(leader, i));
        let mut states = reached.filter_map(|i| self.get_state(i));
        states.all(|(other, _)| other == term).then_some(term)
    }

    /// Whether two servers can hear each other.
    fn hear_each_other(&self, a: usize, b: usize) -> bool {
        self.is_connected(a) && self.is_connected(b) && self.reach(a, b)
    }
}

/// Whether a message is one of those that come to nothing: what others than the leader to be ask, but in
/// elections, and what they are answered. An answer may be a call of its own.
fn is_in_the_way(passing: Passing<'_>, leader: usize) -> bool {
    let Passing { caller, callee, method, args, reply } = passing;
    if caller == leader {
        return false;
    }
    let args = args.fields();
    match reply {
        Some(_) => Purpose::of(method, &args) != Purpose::Vote,
        None if is_answer(method, &args) => callee != leader && args.vote_granted.is_none(),
        None => true,
    }
}

impl Election {
    fn new(config: &Config, leader: usize) -> Election {
        let others = (0..config.servers()).filter(|&server| server != leader);
        let quiet = config.network().hold(move |passing| is_in_the_way(passing, leader));
        let voter = |number| Voter {
            number,
            requests: config.hold_elections(number),
            asked: Vec::new(),
            vote: None,
            again: None,
        };
        Election {
            config: config.clone(),
            leader,
            begun: Instant::now(),
            quiet,
            to_leader: config.hold_elections(leader),
            log: None,
            has_asked: false,
            voters: others.map(voter).collect(),
        }
    }

    /// Sees to what is under way.
    fn look(&mut self) {
        self.quiet.lose_all();
        let is_settled = self.is_settled();
        let mut voters = mem::take(&mut self.voters);
        for voter in &mut voters {
            voter.hear(&self.config);
            while let Some((caller, request)) = next(&voter.requests) {
                self.see(caller, &request);
                let is_wanted = caller == self.leader || !is_settled;
                if is_wanted && self.config.hear_each_other(caller, voter.number) {
                    voter.ask(request);
                } else {
                    request.lose();
                }
            }
            voter.ask_again(&self.config);
        }
        self.voters = voters;
        while let Some((caller, request)) = next(&self.to_leader) {
            if self.may_ask_leader(caller, &request) {
                self.has_asked = false;
                request.deliver();
            } else {
                request.lose();
            }
        }
    }

    /// Whether somebody leads whose term has as many servers as the leader to be needs for a majority.
    fn is_settled(&self) -> bool {
        let numbers = self.voters.iter().map(|voter| voter.number);
        let heard = numbers.filter(|&other| self.config.hear_each_other(self.leader, other));
        let states: Vec<(Term, bool)> =
            heard.filter_map(|other| self.config.get_state(other)).collect();
        states.iter().filter(|(_, leads)| *leads).any(|(of_leader, _)| {
            let in_term = states.iter().filter(|(term, _)| term == of_leader);
            in_term.count() >= self.config.servers() / 2
        })
    }

    /// Sees what the leader to be asks.
    fn see(&mut self, caller: usize, request: &labrpc::HeldMessage) {
        if caller == self.leader {
            self.has_asked = true;
            self.log = log(request).or(self.log);
        }
    }

    /// Whether the leader to be gets a request for its vote.
    fn may_ask_leader(&self, caller: usize, request: &labrpc::HeldMessage) -> bool {
        let config = &self.config;
        if !config.hear_each_other(caller, self.leader) {
            return false;
        }
        if self.begun.elapsed() > ASKED_BY_ALL && !self.has_asked {
            return false;
        }
        let is_older = self.log.is_some_and(|ours| log(request).is_some_and(|log| log < ours));
        let others = (0..config.servers()).filter(|&other| other != self.leader);
        let votes = others.filter(|&other| config.hear_each_other(caller, other)).count();
        is_older || votes <= config.servers() / 2
    }

    /// Loses what is still held.
    fn end(&self) {
        self.quiet.lose_all();
        self.to_leader.lose_all();
        self.voters.iter().for_each(|voter| voter.requests.lose_all());
    }
}

/// How new the log is of a server that asks for votes.
fn log(request: &labrpc::HeldMessage) -> Option<(Term, Index)> {
    let args = request.args().fields();
    Some((args.last_log_term?, args.last_log_index?))
}

/// The next request that is held, and whose it is.
fn next(hold: &labrpc::Hold) -> Option<(usize, labrpc::HeldMessage)> {
    let caller = Cell::new(0);
    let request = hold.take(|passing| {
        caller.set(passing.caller);
        true
    })?;
    Some((caller.get(), request))
}

impl Asked {
    fn new(request: labrpc::HeldMessage, delivered: Delivered) -> Asked {
        Asked { request, delivered, at: Instant::now() }
    }
}

/// What `voter` has answered to a request. Where answers are calls of their own, it has voted if that has
/// brought it to the candidate's term.
fn answer(
    config: &Config,
    voter: usize,
    request: &labrpc::HeldMessage,
    (at, delivered): (Instant, &Delivered),
) -> Answer {
    let Some(reply) = delivered.reply() else {
        let is_over = at.elapsed() >= ANSWERS_WITHIN;
        return if is_over { Answer::Refusal } else { Answer::Pending };
    };
    let is_vote = reply.fields().gives_vote().unwrap_or_else(|| {
        let term = config.get_state(voter).map(|(term, _)| term);
        term.is_some() && term == request.args().fields().term
    });
    if is_vote { Answer::Vote } else { Answer::Refusal }
}

impl Voter {
    fn ask(&mut self, request: labrpc::HeldMessage) {
        let copy = request.copy();
        self.asked.push(Asked::new(copy, request.deliver()));
    }

    /// Keeps the latest request by which it has voted.
    fn hear(&mut self, config: &Config) {
        for asked in mem::take(&mut self.asked) {
            let Asked { request, delivered, at } = &asked;
            match answer(config, self.number, request, (*at, delivered)) {
                Answer::Pending => self.asked.push(asked),
                Answer::Refusal => {}
                Answer::Vote => (self.vote, self.again) = (Some(asked), None),
            }
        }
    }

    /// Asks once more for the vote that it has given, when the last time is answered and a while ago. If
    /// it refuses, it is in another term by now.
    fn ask_again(&mut self, config: &Config) {
        let Some(Asked { request, delivered, at }) = &self.vote else { return };
        let (at, delivered) =
            self.again.as_ref().map_or((*at, delivered), |(at, again)| (*at, again));
        match answer(config, self.number, request, (at, delivered)) {
            Answer::Pending => {}
            Answer::Refusal => (self.vote, self.again) = (None, None),
            Answer::Vote if at.elapsed() < ASK_AGAIN => {}
            Answer::Vote => self.again = Some((Instant::now(), request.deliver_copy())),
        }
    }
}
