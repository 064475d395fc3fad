//! Where a server did what a rule doesn't allow, and what shows it.

use super::rules::{Kind, Rule};
use crate::event::{RpcId, Time};
use crate::explain::{Confidence, Evidence, Finding};
use crate::story::Moment;

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Breach {
    /// The rule.
    pub rule: &'static Rule,
    /// When it was broken; of something that didn't happen, when that was noticed.
    pub at: Moment,
    /// Which servers did it.
    pub servers: Vec<u32>,
    /// What they did, in a sentence without a full stop that begins with a server.
    pub what: String,
    /// What shows it.
    pub facts: Vec<Fact>,
    /// The rule that was really broken if that one was broken elsewhere in the run, without a doubt of its
    /// own: what a crash has taken shows in several ways.
    pub perhaps: Option<&'static Rule>,
    /// Whether another mistake can have led to the same step.
    pub is_ambiguous: bool,
    /// What would refute it, in a clause behind "if"; of a guess only.
    pub refuted_if: Option<&'static str>,
}

/// Something that a breach rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What happened, in a sentence without a full stop.
    pub text: String,
    /// When.
    pub at: Time,
    /// The calls that it is about.
    pub calls: Vec<RpcId>,
    /// How it is known.
    pub basis: Basis,
}

/// How something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The run shows it.
    Seen,
    /// It is concluded, or a server has said so of itself: it may be otherwise.
    Concluded,
}

impl Basis {
    /// Seen if `is_seen`, else concluded.
    pub(crate) fn seen_if(is_seen: bool) -> Basis {
        if is_seen { Basis::Seen } else { Basis::Concluded }
    }
}

/// Why all that rests on messages is doubtful in a run.
#[derive(Clone, Debug)]
pub(crate) enum Doubt {
    /// By something that happened in it.
    Shown(Fact),
    /// By how messages are read: a clause of what would refute that.
    Reading(String),
}

impl Fact {
    pub(crate) fn new(
        basis: Basis,
        at: Time,
        text: impl Into<String>,
        calls: impl IntoIterator<Item = RpcId>,
    ) -> Fact {
        Fact { text: text.into(), at, calls: calls.into_iter().collect(), basis }
    }
}

impl Breach {
    /// A rule was broken by servers that are [added](Breach::by) one by one.
    pub(crate) fn of_several(rule: &'static Rule, at: Moment, what: &str) -> Breach {
        Breach { servers: Vec::new(), ..Breach::new(rule, at, 0, what) }
    }

    /// The same, broken by this server, too.
    pub(crate) fn by(mut self, server: u32) -> Breach {
        self.servers.push(server);
        self
    }

    /// The same, if anything shows it.
    pub(crate) fn if_shown(self) -> Option<Breach> {
        (!self.facts.is_empty()).then_some(self)
    }

    /// A rule was broken at `at` by `server`.
    pub(crate) fn new(
        rule: &'static Rule,
        at: Moment,
        server: u32,
        what: impl Into<String>,
    ) -> Breach {
        let what = what.into();
        let (servers, facts, is_ambiguous) = (vec![server], Vec::new(), false);
        Breach { rule, at, servers, what, facts, perhaps: None, is_ambiguous, refuted_if: None }
    }

    /// The same, and the run shows this.
    pub(crate) fn seen(
        self,
        at: Time,
        text: impl Into<String>,
        calls: impl IntoIterator<Item = RpcId>,
    ) -> Breach {
        self.known(Basis::Seen, at, text, calls)
    }

    /// The same, and this is concluded.
    pub(crate) fn concluded(
        self,
        at: Time,
        text: impl Into<String>,
        calls: impl IntoIterator<Item = RpcId>,
    ) -> Breach {
        self.known(Basis::Concluded, at, text, calls)
    }

    /// The same, and this is known by `basis`.
    pub(crate) fn known(
        self,
        basis: Basis,
        at: Time,
        text: impl Into<String>,
        calls: impl IntoIterator<Item = RpcId>,
    ) -> Breach {
        self.fact(Fact::new(basis, at, text, calls))
    }

    /// The same with another fact.
    pub(crate) fn fact(mut self, fact: Fact) -> Breach {
        self.facts.push(fact);
        self
    }

    /// The same with what else is known.
    pub(crate) fn facts(mut self, facts: impl IntoIterator<Item = Fact>) -> Breach {
        self.facts.extend(facts);
        self
    }

    /// The same, if nothing but this rule's breach leads to such a step only where `is_so`.
    pub(crate) fn sure_if(self, is_so: bool) -> Breach {
        Breach { is_ambiguous: self.is_ambiguous || !is_so, ..self }
    }

    /// The same as a guess, and what would refute it.
    pub(crate) fn refuted_if(self, clause: &'static str) -> Breach {
        Breach { refuted_if: Some(clause), ..self }
    }

    pub(crate) fn or(self, perhaps: &'static Rule) -> Breach {
        Breach { perhaps: Some(perhaps), ..self }
    }

    /// Whether the run proves that some promise is broken by this step: nothing is concluded.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let is_seen = |fact: &Fact| fact.basis == Basis::Seen;
        matches!(self.rule.kind, Kind::Safety | Kind::Contract)
            && !self.facts.is_empty()
            && self.facts.iter().all(is_seen)
    }

    /// Whether the run proves that it is this rule that is broken.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.is_proven() && !self.is_ambiguous && self.perhaps.is_none()
    }

    /// What a reader is told, by the evidence that was there when the rule was broken. `doubt` is why all
    /// that rests on messages is doubtful in this run, if it is.
    pub(crate) fn finding(mut self, doubt: Option<&Doubt>) -> Finding {
        self.facts.sort_by_key(|fact| fact.at);
        let rests_on_messages = self.facts.iter().any(|fact| !fact.calls.is_empty());
        let mut reading = None;
        match doubt.filter(|_| self.is_certain() && rests_on_messages) {
            Some(Doubt::Shown(fact)) => self.facts.push(fact.clone()),
            Some(Doubt::Reading(clause)) => {
                self.is_ambiguous = true;
                reading = Some(clause.clone());
            }
            None => {}
        }
        let confidence = if self.is_certain() { Confidence::Certain } else { Confidence::Likely };
        // What is proven isn't a guess.
        let refuted_if = self.refuted_if.filter(|_| confidence != Confidence::Certain);
        let Rule { id, says, place, look, normal, .. } = *self.rule;
        let evidence = |fact: Fact| Evidence { text: fact.text, at: fact.at, calls: fact.calls };
        Finding {
            id: id.to_owned(),
            confidence,
            what: self.what,
            evidence: self.facts.into_iter().map(evidence).collect(),
            rule: format!("{says} ({place})"),
            look: look.to_owned(),
            normal: normal.map(str::to_owned),
            refuted_if: either([refuted_if.map(str::to_owned), reading]),
        }
    }
}

/// The clauses of these that there are, each of which refutes a finding.
pub(crate) fn either(clauses: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let clauses = clauses.into_iter().flatten();
    clauses.reduce(|one, other| format!("{one}; or if {other}"))
}
