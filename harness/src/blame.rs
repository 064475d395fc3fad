//! What was demanded of code that panicked, blocked its thread, or did what a simulation can't bear.

use report::{Activity, Check};
use sim::Misuse;
use sim::context::{self, Context};

/// Whose code it was, and what it was at; `server` and `life` are unknown together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blame {
    server: Option<u32>,
    life: Option<u32>,
    activity: Activity,
}

impl Blame {
    /// The code of this context; without one it was no server's, or nobody knows.
    pub(crate) fn of(context: Option<Context>) -> Blame {
        let Some(Context { owner, activity }) = context else {
            return Blame { server: None, life: None, activity: Activity::Elsewhere };
        };
        let activity = match activity {
            context::Activity::Call("make") => Activity::Make,
            context::Activity::Call(name) => Activity::Method { name: name.into() },
            context::Activity::Handler(method) => Activity::Handler { method: method.into() },
            context::Activity::Task(_) => Activity::Task,
        };
        Blame { server: Some(owner.server), life: Some(owner.incarnation), activity }
    }

    /// The code of this server, whatever it was at; more is known of it if `context` is its.
    pub(crate) fn of_server(server: u32, context: Option<Context>) -> Blame {
        let blame = Blame::of(context);
        if blame.server == Some(server) {
            return blame;
        }
        Blame { server: Some(server), life: None, activity: Activity::Elsewhere }
    }

    /// It shouldn't have panicked, by an assertion or otherwise.
    pub(crate) fn panicked(self, is_assertion: bool) -> Check {
        let Blame { server, life, activity } = self;
        Check::Panicked { server, life, activity, is_assertion }
    }

    /// It shouldn't have blocked the simulated thread.
    pub(crate) fn blocked(self) -> Check {
        let Blame { server, life, activity } = self;
        Check::Blocked { server, life, activity }
    }

    /// It shouldn't have done something else that a simulation can't bear.
    pub(crate) fn misused(self) -> Check {
        let Blame { server, life, activity } = self;
        Check::Misused { server, life, activity }
    }
}

/// What was demanded of the code of this context that did this.
pub(crate) fn did(misuse: &Misuse, context: Option<Context>) -> Check {
    match misuse {
        Misuse::BlockingSleep(_) => Blame::of(context).blocked(),
        // Which server made the calls is known; whose code runs now may be chance.
        Misuse::MassOfCalls(burst) | Misuse::SameCalls(burst) | Misuse::MassOfBytes(burst) => {
            Blame::of_server(burst.server, context).misused()
        }
        _ => Blame::of(context).misused(),
    }
}

/// What the code that runs now shouldn't have done: something that a simulation can't bear.
#[must_use]
pub fn misused() -> Check {
    Blame::of(context::current()).misused()
}

#[cfg(test)]
mod tests {
    use std::panic::Location;
    use std::time::Duration;

    use sim::Burst;
    use sim::context::Owner;

    use super::*;

    fn context(activity: context::Activity) -> Option<Context> {
        let owner = Owner { server: 2, incarnation: 3 };
        Some(Context { owner, activity })
    }

    #[test]
    fn what_code_was_at_is_that_of_its_context() {
        let at = |activity| Check::Panicked {
            server: Some(2),
            life: Some(3),
            activity,
            is_assertion: false,
        };
        let check = |activity| Blame::of(context(activity)).panicked(false);
        assert_eq!(check(context::Activity::Call("make")), at(Activity::Make));
        let start = Activity::Method { name: "start".into() };
        assert_eq!(check(context::Activity::Call("start")), at(start));
        let method = "Raft.RequestVote";
        let handler = Activity::Handler { method: method.into() };
        assert_eq!(check(context::Activity::Handler(method)), at(handler));
        assert_eq!(check(context::Activity::Task(Location::caller())), at(Activity::Task));
        let nobody = Check::Blocked { server: None, life: None, activity: Activity::Elsewhere };
        assert_eq!(Blame::of(None).blocked(), nobody);
    }

    #[test]
    fn a_sleep_blocks_and_a_burst_is_its_servers() {
        let did = |misuse: &Misuse| did(misuse, context(context::Activity::Call("start")));
        let activity = || Activity::Method { name: "start".into() };
        let sleep = Misuse::BlockingSleep(Duration::from_secs(1));
        let blocked = Check::Blocked { server: Some(2), life: Some(3), activity: activity() };
        assert_eq!(did(&sleep), blocked);
        let misused = Check::Misused { server: Some(2), life: Some(3), activity: activity() };
        assert_eq!(did(&Misuse::OsThread), misused);
        let burst = |server| {
            let lasted = Duration::ZERO;
            Misuse::MassOfCalls(Burst { server, calls: 9, bytes: 9, lasted, called_at: None })
        };
        assert_eq!(did(&burst(2)), misused);
        let activity = Activity::Elsewhere;
        let of_another = Check::Misused { server: Some(1), life: None, activity };
        assert_eq!(did(&burst(1)), of_another);
    }
}
