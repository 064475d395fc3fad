//! Instead of agreement: a follower that has confirmed more than its log has.

use super::{LONG, leads, up};
use crate::event::Caller;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::append_entries;
use crate::story::View;

/// A follower says of itself that its log ends before what it has confirmed in the same term: there its leader takes
/// nothing back.
pub(super) fn lacks_confirmed(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let ends = |view: &View| {
        let detail = view.detail.as_ref()?;
        Some(detail.last_index.max(detail.snapshot_index))
    };
    // Who tells so is asked again when the run fails. What was told before that is out of date.
    let last_told = |server: u32| {
        let last = story.views[server as usize].last();
        last.filter(|view| view.moment.at >= until && case.failure.at == until)
    };
    up(&case.window).find_map(|server| {
        let view = last_told(server).filter(|view| !view.is_leader)?;
        let has = ends(view)?;
        let life = Caller { server, incarnation: view.incarnation };
        let call = story.answered_by(life).rfind(|call| {
            call.is_append()
                && call.is_followed()
                && call.args.term == Some(view.term)
                && call.confirms() > Some(has)
                && call.handled.is_some_and(|handled| until.since(handled.at) >= LONG)
        })?;
        let (confirmed, handled) = (call.confirms()?, call.handled?);
        // And a leader tells that its log has what it sends.
        let leader = leads(story, call.from.server as usize, until)?;
        if leader.term != view.term || last_told(leader.server).and_then(ends) < Some(confirmed) {
            return None;
        }
        let what = format!("server {server} confirmed entries that it doesn't have");
        let text = format!("server {server} confirmed its log up to index {confirmed}");
        let breach = case.breach(&append_entries::NOT_APPENDED, server, what);
        let breach = breach.seen(handled.at, text, [call.id]);
        let text = format!("it reports that its log ends at index {has}");
        Some(breach.seen(view.moment.at, text, None).sure_if(false))
    })
}
