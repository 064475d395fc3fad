//! M20: a server's saved state grows although it is given snapshots.

use super::{Kind, Monitor, Sighting};
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M20",
    rule: "a snapshot frees the log that it covers, so the saved state stays small",
    paper: "§7",
    kind: Kind::Warning,
    check,
};

/// After how many snapshots in a row, each with a larger state than the one before, a server is said
/// not to use them.
const IN_A_ROW: usize = 8;

/// What a server has saved since its last snapshot.
#[derive(Clone, Default)]
struct Server {
    incarnation: u32,
    /// The smallest state since then.
    least: Option<u64>,
    /// The smallest state after each of the last snapshots, as long as each is larger than the one
    /// before.
    row: Vec<u64>,
}

fn check(story: &Story) -> Vec<Sighting> {
    let mut servers: Vec<Server> = vec![Server::default(); story.servers];
    let mut saved = story.saved.iter().peekable();
    let mut sightings: Vec<Sighting> = Vec::new();
    if story.snapshots.is_empty() {
        return sightings;
    }
    for snapshot in &story.snapshots {
        while let Some(save) = saved.next_if(|save| save.moment < snapshot.moment) {
            let Some(server) = servers.get_mut(save.server.server as usize) else { continue };
            if server.incarnation == save.server.incarnation {
                server.least = Some(server.least.map_or(save.state, |least| least.min(save.state)));
            }
        }
        let number = snapshot.server.server;
        let Some(server) = servers.get_mut(number as usize) else { continue };
        if server.incarnation != snapshot.server.incarnation {
            *server = Server { incarnation: snapshot.server.incarnation, ..Server::default() };
            continue;
        }
        // A server that has saved nothing since its last snapshot has not freed anything either.
        let Some(least) = server.least.take() else { continue };
        if server.row.last().is_some_and(|&before| least <= before) {
            server.row.clear();
        }
        server.row.push(least);
        let (count, first) = (server.row.len(), server.row[0]);
        if count >= IN_A_ROW && least >= 2 * first && super::is_new(&sightings, &[number]) {
            sightings.push(Sighting {
                at: snapshot.moment.at,
                servers: vec![number],
                what: format!(
                    "server {number} was given {count} snapshots, the last up to index {}, and its \
                     saved state went from {first} to {least} bytes without ever shrinking",
                    snapshot.index
                ),
                calls: Vec::new(),
            });
        }
    }
    sightings
}
