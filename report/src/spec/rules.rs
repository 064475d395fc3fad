//! The rules: one table, a file for each box of Figures 2 and 13, and one for the contract of `raftapi`.
//!
//! A row says what the rule is, where it stands, where to look for what breaks it, and which steps it is
//! checked at. A rule without a check of its own is broken by obligations that aren't met in time, or told
//! where another rule's check sees more.

pub(crate) mod all_servers;
pub(crate) mod append_entries;
pub(crate) mod budget;
pub(crate) mod candidates;
pub(crate) mod contract;
pub(crate) mod followers;
pub(crate) mod install_snapshot;
pub(crate) mod leaders;
pub(crate) mod persistence;
pub(crate) mod repeat;
pub(crate) mod request_vote;

use std::sync::LazyLock;

use super::breach::Breach;
use super::place::Place;
use super::{Did, Known};
use crate::story::Moment;

/// A rule of Raft's, or of the contract between a Raft and its tester.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which doesn't change from version to version: `voted-twice`.
    pub id: &'static str,
    /// The number under which a right Raft is watched by it: `M2`.
    pub alias: Option<&'static str>,
    /// What it means if it is broken.
    pub kind: Kind,
    /// The rules of Figures 2 and 13, or of the contract, that a breach of it breaks, as data; none if it is no
    /// rule of either.
    pub places: &'static [Place],
    /// Where it stands, in words: in Figures 2 and 13 of the extended Raft paper, in its sections, in the contract.
    pub place: &'static str,
    /// The rule, in a sentence without a full stop.
    pub says: &'static str,
    /// Where in one's code to look, in a sentence without a full stop.
    pub look: &'static str,
    /// What a working run does at that place.
    pub normal: Option<&'static str>,
    /// The steps at which it is checked, and how.
    pub(crate) checks: &'static [StepCheck],
}

impl Rule {
    /// Its name, with its number if it has one: `voted-twice (M2)`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.alias {
            Some(alias) => format!("{} ({alias})", self.id),
            None => self.id.to_owned(),
        }
    }

    /// Whether a breach of it may come of another one, which says more.
    pub(crate) fn is_consequence(&self) -> bool {
        let others = [
            &leaders::TWO,
            &leaders::LACKS_COMMITTED,
            &contract::TWO_COMMANDS,
            &contract::NOT_INFORMED,
            &candidates::UNELECTED,
        ];
        others.iter().any(|rule| rule.id == self.id)
    }
}

/// What it means if a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A promise of Raft's is broken. With `LAB_STRICT=1` that fails the run.
    Safety,
    /// A server tells its tester, or another server, what isn't so.
    Contract,
    /// Something that has to happen doesn't, or not in time.
    Liveness,
    /// It takes more than is allowed.
    Budget,
}

/// A check of a rule at one kind of step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepCheck {
    on: On,
    /// Judges a step before what it tells is known.
    pub(super) judge: fn(&Known<'_>, Moment, &Did<'_>) -> Option<Breach>,
    /// Whether it also judges a history without its beginning.
    pub(super) within: bool,
}

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum On {
    /// A request for a vote is sent.
    Asks,
    /// AppendEntries is sent.
    Appends,
    /// A snapshot is sent.
    Installs,
    /// A request for a vote is answered.
    Votes,
    /// AppendEntries is answered.
    Answers,
    /// A snapshot is answered.
    Takes,
    /// A reply arrives.
    Gets,
    /// `start()` returns an index.
    Proposes,
    /// A command or a snapshot is handed to the service.
    Applies,
    /// `get_state` tells something new.
    Views,
    /// Nothing that is judged.
    Other,
}

/// How many kinds of steps there are.
const KINDS: usize = On::Other as usize + 1;

impl On {
    pub(super) fn of(did: &Did<'_>) -> On {
        match did {
            Did::Sent(call) if call.is_vote() => On::Asks,
            Did::Sent(call) if call.is_append() => On::Appends,
            Did::Sent(call) if call.is_snapshot() => On::Installs,
            Did::Handled(call) if call.is_vote() => On::Votes,
            Did::Handled(call) if call.is_append() => On::Answers,
            Did::Handled(call) if call.is_snapshot() => On::Takes,
            Did::Returned(_) => On::Gets,
            Did::Proposed(_) => On::Proposes,
            Did::Applied(..) => On::Applies,
            Did::Viewed(..) => On::Views,
            _ => On::Other,
        }
    }
}

/// A check of what is sent or answered: `check!(Votes, twice)`; with `within`, also of a history without its
/// beginning.
macro_rules! check {
    ($on:ident, $judge:ident within) => { $crate::spec::rules::check!(@ $on, $judge, true) };
    ($on:ident, $judge:ident) => { $crate::spec::rules::check!(@ $on, $judge, false) };
    (@ $on:ident, $judge:ident, $within:literal) => {
        $crate::spec::rules::StepCheck {
            on: $crate::spec::rules::On::$on,
            judge: |known, _moment, did| $crate::spec::rules::check!(@call $on, known, _moment, did, $judge),
            within: $within,
        }
    };
    (@call Proposes, $known:ident, $moment:ident, $did:ident, $judge:ident) => {
        match $did { $crate::spec::Did::Proposed(it) => $judge($known, $moment, it), _ => None }
    };
    (@call Applies, $known:ident, $moment:ident, $did:ident, $judge:ident) => {
        match $did { $crate::spec::Did::Applied(it, _) => $judge($known, $moment, it), _ => None }
    };
    (@call Views, $known:ident, $moment:ident, $did:ident, $judge:ident) => {
        match $did { $crate::spec::Did::Viewed(who, it) => $judge($known, *who, it), _ => None }
    };
    (@call $on:ident, $known:ident, $moment:ident, $did:ident, $judge:ident) => {
        match $did {
            $crate::spec::Did::Sent(call)
            | $crate::spec::Did::Handled(call)
            | $crate::spec::Did::Returned(call) => $judge($known, $moment, call),
            _ => None,
        }
    };
}
pub(crate) use check;

/// The rows of a file: `NAME: Kind "id" = "alias" at [Part 1], "place", "what it says", "where to look"; checks…`.
macro_rules! rules {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident: $kind:ident $id:literal $(= $alias:literal)?
        at [$($part:ident $($number:literal)?),*],
        $place:expr, $says:expr, $look:expr $(, normal $normal:expr)?
        $(=> $($on:ident $judge:ident $($within:ident)?),+)?;
    )+) => {
        $(
            $(#[doc = $doc])*
            pub(crate) static $name: $crate::spec::Rule = $crate::spec::Rule {
                id: $id,
                alias: $crate::spec::rules::rules!(@or $($alias)?),
                kind: $crate::spec::Kind::$kind,
                places: &[$($crate::spec::Place {
                    part: $crate::spec::Part::$part,
                    number: $crate::spec::rules::rules!(@or $($number)?),
                }),*],
                place: $place,
                says: $says,
                look: $look,
                normal: $crate::spec::rules::rules!(@or $($normal)?),
                checks: &[$($($crate::spec::rules::check!($on, $judge $($within)?)),+)?],
            };
        )+
        pub(super) static ROWS: &[&$crate::spec::Rule] = &[$(&$name),+];
    };
    (@or) => { None };
    (@or $it:expr) => { Some($it) };
}
pub(crate) use rules;

/// All rules.
pub static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let boxes = [
        all_servers::ROWS,
        followers::ROWS,
        candidates::ROWS,
        leaders::ROWS,
        request_vote::ROWS,
        append_entries::ROWS,
        install_snapshot::ROWS,
        persistence::ROWS,
        contract::ROWS,
        budget::ROWS,
        repeat::ROWS,
    ];
    boxes.concat()
});

/// The checks of each kind of step.
static CHECKS: LazyLock<[Vec<StepCheck>; KINDS]> = LazyLock::new(|| {
    let mut checks: [Vec<StepCheck>; KINDS] = Default::default();
    for check in RULES.iter().flat_map(|rule| rule.checks) {
        checks[check.on as usize].push(*check);
    }
    checks
});

/// The checks of a step.
pub(super) fn checks(on: On) -> &'static [StepCheck] {
    &CHECKS[on as usize]
}
