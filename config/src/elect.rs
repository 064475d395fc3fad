//! Making a certain server the leader.

use std::cell::Cell;
use std::panic::Location;
use std::time::Duration;

use raftapi::Term;
use report::{FailureKind, Purpose};
use tokio::time::{Instant, sleep};

use crate::cluster::Config;
use crate::direct::{Hold, Messages};

/// How long [`Config::elect`] waits for an election.
const ELECTED_WITHIN: Duration = Duration::from_secs(30);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(1);

/// How often a voter is asked again: before any election timer fires.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A server that others than the leader to be ask for votes.
struct Voter {
    number: usize,
    /// What they ask.
    requests: labrpc::Hold,
    /// The request of the highest term so far, and that term.
    latest: Option<(Term, labrpc::Held)>,
}

impl Config {
    /// Makes `leader` win an election, and returns its term. Until it leads, and all have heard so that
    /// it can reach, the others ask for votes and get no answers, and what they send as leaders gets
    /// nowhere; all that is lost. Who has voted for one of them is asked again and again, which keeps it
    /// from standing itself. The leader's log has to be good enough for a majority, and a majority has to
    /// do without the leader before it: with a vote before the vote, a leader gives none.
    ///
    /// Fails the run (liveness) if that takes more than 30 s: of each election the chance is one half.
    #[track_caller]
    pub fn elect(&self, leader: usize) -> impl Future<Output = Term> + Send {
        let here = Location::caller();
        self.t.step("elect", here);
        let others = (0..self.servers()).filter(|&server| server != leader);
        let others: Vec<usize> = others.collect();
        let holds: Vec<Hold> = others.iter().flat_map(|&other| self.silence(other)).collect();
        let mut voters: Vec<Voter> =
            others.iter().map(|&voter| self.voter(voter, leader)).collect();
        let config = self.clone();
        async move {
            let begun = Instant::now();
            let mut asked = begun;
            let term = loop {
                voters.iter_mut().for_each(|voter| voter.pass_on(&config));
                if asked.elapsed() >= ASK_AGAIN {
                    asked = Instant::now();
                    voters.iter().for_each(Voter::ask_again);
                }
                if let Some(term) = config.is_heard(leader) {
                    break term;
                }
                if begun.elapsed() > ELECTED_WITHIN {
                    let message = format!(
                        "server {leader} was not elected in 30 s, though nobody else got any votes"
                    );
                    config.t.fatal_at(here, FailureKind::Liveness, message);
                }
                sleep(LOOK).await;
            };
            holds.iter().for_each(Hold::lose_held);
            voters.iter().for_each(|voter| voter.requests.lose_all());
            term
        }
    }

    /// Holds what a server sends as a leader, and what it is answered.
    fn silence(&self, server: usize) -> [Hold; 3] {
        let sent = |purpose| Messages::requests(purpose).from(server);
        let answers = Messages::all_replies().to(server);
        [sent(Purpose::Append), sent(Purpose::Snapshot), answers]
            .map(|messages| self.hold_unnoted(messages))
    }

    /// Holds what a server is asked for by others than `leader`.
    fn voter(&self, number: usize, leader: usize) -> Voter {
        let requests = self.network().hold(move |passing| {
            let is_vote = || Purpose::of(passing.method, &passing.args.fields()) == Purpose::Vote;
            passing.reply.is_none()
                && passing.callee == number
                && passing.caller != leader
                && is_vote()
        });
        Voter { number, requests, latest: None }
    }

    /// The term that `leader` leads, if all are in it that it can reach.
    fn is_heard(&self, leader: usize) -> Option<Term> {
        let (term, true) = self.get_state(leader)? else { return None };
        let reached = self.connected().into_iter().filter(|&i| self.reach(leader, i));
        let mut states = reached.filter_map(|i| self.get_state(i));
        states.all(|(other, _)| other == term).then_some(term)
    }
}

impl Voter {
    /// Delivers what has come, as far as it would have got there.
    fn pass_on(&mut self, config: &Config) {
        let asks = Cell::new(0);
        while let Some(request) = self.requests.take(|passing| {
            asks.set(passing.caller);
            true
        }) {
            let asks = asks.get();
            let reaches = [asks, self.number].iter().all(|&server| config.is_connected(server))
                && config.reach(asks, self.number);
            if !reaches {
                request.lose();
                continue;
            }
            let term = request.args().fields().term.unwrap_or(0);
            if self.latest.as_ref().is_none_or(|(latest, _)| *latest < term) {
                self.latest = Some((term, request.copy()));
            }
            request.deliver();
        }
    }

    /// Delivers the latest request once more.
    fn ask_again(&self) {
        if let Some((_, request)) = &self.latest {
            request.deliver_copy();
        }
    }
}
