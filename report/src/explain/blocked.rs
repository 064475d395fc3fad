//! Causes of `the simulated thread is blocked`, where the place tells more than the sentence does.

use super::finding::{Confidence, Finding};
use super::numbers::numbers;
use super::{Case, Cause, commands, evidence};
use crate::story::Applied;

pub(super) const SENTENCE: &str = "the simulated thread is blocked";

pub(super) const CAUSES: &[Cause] = &[killed_server_waits, snapshot_waits, start_waits];

/// The server that blocks the thread, by the failure's sentence.
fn server(case: &Case<'_>) -> Option<usize> {
    let sentence = case.failure.message.lines().next()?;
    let server = usize::try_from(*numbers(sentence).first()?).ok()?;
    (server < case.story.servers).then_some(server)
}

/// Whether the server blocks it in what `place` says.
fn is_in(case: &Case<'_>, place: &str) -> bool {
    case.failure.message.lines().next().is_some_and(|sentence| sentence.contains(place))
}

/// A task of a server that was killed waits for what nobody will give it.
fn killed_server_waits(case: &Case<'_>) -> Option<Finding> {
    let server = server(case)?;
    // The sentence has the time.
    let lives = case.story.lives[server].iter().rev();
    let mut ended = lives.filter_map(|life| Some((life.incarnation, life.until?)));
    let (life, crashed) =
        ended.find(|(_, until)| is_in(case, &format!(", crashed at {} s, ", until.at)))?;
    let proof = vec![
        evidence(crashed.at, format!("server {server} was killed, in its life {life}"), None),
        evidence(
            case.window.until,
            "a task of a life that had ended blocks the thread, and with it all others".to_owned(),
            None,
        ),
    ];
    Some(Finding {
        id: "killed-server-waits".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} was killed, and its tasks go on and wait for ever"),
        evidence: proof,
        rule: "a server that is killed ends its work: kill() returns at once, leaves no lock taken, \
               and its tasks end (the lab's Kill() and killed())"
            .to_owned(),
        look: "what kill() locks, and whether it lets go of it; and the tasks' loops, which have to end \
               once the server is killed"
            .to_owned(),
        normal: None,
    })
}

/// The service waits for the Raft, which waits for the service.
fn snapshot_waits(case: &Case<'_>) -> Option<Finding> {
    let server = server(case)?;
    if !is_in(case, ", in snapshot: ") {
        return None;
    }
    let Applied { moment, index, .. } =
        case.story.applied.iter().rev().find(|applied| applied.server.server as usize == server)?;
    let proof = vec![
        evidence(moment.at, format!("server {server}'s service was given index {index}"), None),
        evidence(
            case.window.until,
            "before it took the next message it called snapshot(), which doesn't return".to_owned(),
            None,
        ),
    ];
    Some(Finding {
        id: "lock-held-while-applying".to_owned(),
        confidence: Confidence::Likely,
        what: format!(
            "server {server}'s snapshot() waits, most likely for a lock, and who has it for the service, which \
             waits for snapshot()"
        ),
        evidence: proof,
        rule: "no lock is held while something waits, above all not while a message is sent to the apply \
               channel: the service may call snapshot() before it takes the next message (the lab's \
               advice about locking)"
            .to_owned(),
        look: "what snapshot() waits for: a lock that it holds already, a receive; or the task that sends to \
               the apply channel, which copies what it sends, lets go of the lock, and sends then"
            .to_owned(),
        normal: None,
    })
}

/// `start()` waits for what comes only once it has returned.
fn start_waits(case: &Case<'_>) -> Option<Finding> {
    let server = server(case)?;
    if !is_in(case, ", in start: ") {
        return None;
    }
    let until = case.window.until;
    let leads = commands::leads(case.story, server, until);
    let leads = leads.map(|leader| {
        let text = format!("server {server} leads term {}", leader.term);
        evidence(leader.since, text, None)
    });
    let mut proof: Vec<_> = leads.into_iter().collect();
    let text = format!("a client calls server {server}'s start(), which doesn't return");
    proof.push(evidence(until, text, None));
    Some(Finding {
        id: "start-waits".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server}'s start() waits instead of returning at once"),
        evidence: proof,
        rule: "start() returns immediately: it appends the command, and doesn't wait for it to be \
               committed (the lab's Start(); the service answers its client when the entry is applied, \
               §5.3)"
            .to_owned(),
        look: "what start() waits for: a reply, a channel, a commit; or a lock that it, or who called it, \
               holds already"
            .to_owned(),
        normal: None,
    })
}
