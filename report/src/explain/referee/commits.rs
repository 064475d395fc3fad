//! What is committed (§5.3, §5.4.2).

use super::{Referee, certain, evidence};
use crate::event::RpcId;
use crate::story::{Applied, Call, Moment, Purpose};

impl Referee<'_> {
    /// A reply that has reached the leader tells what it may count.
    pub(super) fn got_confirmation(&mut self, call: &Call) {
        let player = &mut self.players[call.from.server as usize];
        let Some(led) = &mut player.led else { return };
        if player.incarnation != call.from.incarnation
            || call.args.term != Some(led.term)
            || call.reply.term.is_some_and(|term| term > led.term)
        {
            return;
        }
        let up_to = match (call.args.last_included_index, call.up_to()) {
            (Some(index), _) if call.reply.success != Some(false) => index,
            (None, Some(up_to)) if call.reply.success == Some(true) => up_to,
            (None, None) => return self.may_be_confirmed(call),
            _ => return,
        };
        led.answered[call.to as usize] = call.returned.map(|(moment, _)| moment);
        let confirmed = &mut led.confirmed[call.to as usize];
        *confirmed = (*confirmed).max(up_to);
        // Up to where a majority has the log, if an entry of its own term is at that end.
        let own = player.log.last_index().max(up_to);
        let n = counted(&led.confirmed, call.from.server, own, self.story.majority());
        // Of an entry whose term isn't known it may be true.
        if player.log.term(n).is_none_or(|term| term == led.term) && n > player.commit {
            player.commit = n;
        }
    }

    /// A reply has reached the leader that may tell anything: what its request was for can't be read.
    pub(super) fn may_be_confirmed(&mut self, call: &Call) {
        let player = &mut self.players[call.from.server as usize];
        if let Some(led) = &mut player.led
            && player.incarnation == call.from.incarnation
            && !call.is_pre_vote()
        {
            led.confirmed[call.to as usize] = u64::MAX;
        }
    }

    /// A leader shows that an entry of its term is committed. Where so few others have confirmed it that it
    /// takes the leader itself, the leader has it saved.
    fn shows_commit(&mut self, server: u32, term: Option<u64>, index: u64) {
        let majority = self.story.majority();
        let player = &mut self.players[server as usize];
        let Some(led) = player.led.as_ref().filter(|led| Some(led.term) == term) else { return };
        let others = led
            .confirmed
            .iter()
            .zip(0..)
            .filter(|&(&up_to, other)| other != server && up_to >= index);
        if others.count() + 1 == majority
            && index > player.may_know
            && player.log.term(index) == Some(led.term)
        {
            player.log.saved = player.log.saved.max(index);
        }
    }

    /// What a request tells of the commit index counts from its delivery on: its handler may wait for
    /// a disk, and the entries are applied before it answers. What it refuses tells nothing.
    pub(super) fn may_commit(&mut self, call: &Call) {
        if !self.came_to_this_life(call) {
            return;
        }
        let index = match (call.args.last_included_index, call.up_to()) {
            // What is of an earlier term is refused.
            _ if call.reply.term > call.args.term => return,
            (Some(index), _) => index,
            (None, Some(up_to)) if call.reply.success != Some(false) => {
                up_to.min(call.args.leader_commit.unwrap_or_else(|| self.knows(call.from.server)))
            }
            // What can't be read may tell all that its sender knows.
            (None, None) if call.purpose != Purpose::Vote => self.knows(call.from.server),
            _ => return,
        };
        let player = &mut self.players[call.to as usize];
        player.may_know = player.may_know.max(index);
    }

    /// How far a server may know its log to be committed.
    fn knows(&self, server: u32) -> u64 {
        let player = &self.players[server as usize];
        player.commit.max(player.may_know)
    }

    /// A leader tells its followers what is committed.
    pub(super) fn check_commit_sent(&mut self, call: &Call) {
        let Some(commit) = call.args.leader_commit else { return };
        let server = call.from.server;
        let text =
            format!("server {server} told server {} that index {commit} is committed", call.to);
        self.shows_commit(server, call.args.term, commit);
        self.commits(server, call.args.term, commit, call.sent, (text, Some(call.id)));
    }

    /// A server commits up to `index`.
    fn commits(
        &mut self,
        server: u32,
        term: Option<u64>,
        index: u64,
        moment: Moment,
        (text, call): (String, Option<RpcId>),
    ) {
        let majority = self.story.majority();
        let player = &mut self.players[server as usize];
        let Some(led) = player.led.as_ref().filter(|led| Some(led.term) == term) else { return };
        if index <= player.commit.max(player.may_know) || !self.reads_commits {
            return;
        }
        let has = |&&confirmed: &&u64| confirmed >= index;
        let others: Vec<usize> = (0..led.confirmed.len())
            .filter(|&other| other != server as usize && has(&&led.confirmed[other]))
            .collect();
        let count = others.len() + 1;
        let who = if others.is_empty() {
            "no other server had confirmed it".to_owned()
        } else {
            format!(
                "{} had confirmed it",
                crate::text::list(others.iter().map(|other| format!("server {other}")))
            )
        };
        let led_term = led.term;
        let appended = self.story.proposals.iter().find(|proposal| {
            proposal.moment < moment
                && (proposal.server.server, proposal.term, proposal.index)
                    == (server, led_term, index)
        });
        let appended = appended.map_or(led.since, |proposal| proposal.moment);
        let answered = led.answered.iter().filter(|&&answered| answered > Some(appended)).count();
        let entry = player.log.term(index);
        player.commit = index;
        let ended_there = self.ended_at_before_crash(server) == Some(index);
        let (id, what, rule, look);
        if count < majority && ended_there {
            id = "saved-taken-for-applied";
            what = format!(
                "server {server} calls index {index} committed, where its log had ended before a crash, and \
                 no majority has confirmed that"
            );
            rule = "commitIndex and lastApplied are volatile: they begin at 0, or at the snapshot's last \
                    index (Figure 2, Volatile state; §7)";
            look = "what lastApplied and commitIndex are set to when a server begins";
        } else if count < majority && answered + 1 >= majority {
            id = "unsent-entry-counted";
            what = format!(
                "server {server} committed index {index}, which no majority had confirmed, though a majority \
                 had answered something"
            );
            rule = "a reply tells that a follower has what the request had: matchIndex is \
                    prevLogIndex + the number of its entries (Figure 2, Leaders 3; §5.3)";
            look = "how matchIndex is set: from the request's arguments, not from the log's \
                    length or from nextIndex at the time of the reply";
        } else if count < majority {
            id = "commits-without-majority";
            what = format!("server {server} committed index {index} without a majority");
            rule = "an entry is committed once it is on a majority of all servers: a majority of \
                    matchIndex[i] ≥ N (Figure 2, Leaders 4; §5.3)";
            look = "where commitIndex goes up: how many servers it takes, and whether the leader \
                    counts itself once";
        } else if entry.is_some_and(|term| term < led_term) {
            id = "old-term-committed";
            what = format!(
                "server {server} committed an entry of an earlier term before one of its own"
            );
            rule = "a leader counts replicas only of entries of its own term: log[N].term == \
                    currentTerm (Figure 2, Leaders 4; §5.4.2, Figure 8)";
            look = "where commitIndex goes up: the entry's term";
        } else {
            return;
        }
        let of_term = entry.map_or(String::new(), |term| {
            format!(
                "; that entry is of term \
                                                                  {term}"
            )
        });
        let text =
            format!("{text}{of_term}; of the {majority} it takes, {who}, and it has it itself");
        let proof = vec![evidence(moment.at, text, call)];
        let finding = certain(id, what, proof, [rule, look]);
        // The term of an entry may be known by its server's own word only.
        let is_proven = id != "old-term-committed" || !self.players[server as usize].log.is_claimed;
        self.breach(moment, if is_proven { finding } else { finding.likely() });
    }

    /// Where the log of a server ended before its present life, if it isn't its first.
    fn ended_at_before_crash(&self, server: u32) -> Option<u64> {
        let player = &self.players[server as usize];
        let began = player.began.filter(|_| player.incarnation > 1)?;
        let earlier = player.log.confirmations.iter();
        let earlier = earlier.filter(|confirmed| confirmed.incarnation < player.incarnation);
        let proposed = self.story.proposals.iter();
        let proposed = proposed.filter(|own| own.server.server == server && own.moment < began);
        let ends = earlier.map(|confirmed| confirmed.up_to).chain(proposed.map(|own| own.index));
        ends.max()
    }

    pub(super) fn applied(&mut self, applied: &Applied) {
        let (server, index, moment) = (applied.server.server, applied.index, applied.moment);
        let term = self.players[server as usize].led.as_ref().map(|led| led.term);
        self.shows_commit(server, term, index);
        let player = &mut self.players[server as usize];
        if applied.command.is_none() {
            player.commit = player.commit.max(index);
            return;
        }
        if player.incarnation != applied.server.incarnation
            || index <= player.commit.max(player.may_know)
            || !self.reads_commits
        {
            return;
        }
        if let Some(led) = &player.led
            && let Some(view) = self.story.view_at(server as usize, moment.at)
            && view.is_leader
            && view.term == led.term
        {
            let term = led.term;
            let text = format!("server {server}, the leader, applied index {index}");
            self.commits(server, Some(term), index, moment, (text, None));
            return;
        }
        let known = player.commit;
        player.commit = index;
        // The tester tells a restarted server nothing of what it had applied: what it knows may
        // be saved, which the wire doesn't show.
        let text = format!(
            "server {server} applied index {index}; no leader had told it of more than index \
             {known} together with the entries up to there"
        );
        let what = format!("server {server} applied what it couldn't know to be committed");
        let rule = "commitIndex = min(leaderCommit, index of last new entry) (Figure 2, \
                    AppendEntries 5; §5.3); what follows that entry may not be the leader's";
        let look = "where a follower's commitIndex goes up: the last new entry is prevLogIndex + \
                    the number of entries, not the end of the log";
        let proof = vec![evidence(moment.at, text, None)];
        self.breach(moment, certain("commits-beyond-new-entries", what, proof, [rule, look]));
    }
}

/// Up to where a majority has the log, if the leader has it up to `own`.
fn counted(confirmed: &[u64], leader: u32, own: u64, majority: usize) -> u64 {
    let mut all: Vec<u64> = (0..confirmed.len())
        .map(|server| if server == leader as usize { own } else { confirmed[server] })
        .collect();
    all.sort_unstable();
    all[all.len() - majority]
}
