//! What a server remembers across a crash: what its disk had room for, and no more. Since all servers are in one
//! process, a static outlives them.

use super::super::breach::Breach;
use super::super::rules::contract::NOT_INFORMED;
use super::super::{Did, Known};
use super::brings_up_to;
use crate::story::{Applied, Moment};
use crate::text::count;

/// How many commands a server must have applied that its disk can't have had.
const FEW: usize = 4;

/// The least that a command takes on a disk, in bytes, however the log is packed.
const LEAST: usize = 2;

/// What a server can know in its present life.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Whether it has been restarted, and when last.
    began: Option<Moment>,
    /// The most that it had saved until then, in bytes.
    room: usize,
    /// The most that it has ever saved, in bytes.
    saved: usize,
    /// The highest index that a message of this life says that it brings, or that `start()` returned in it.
    up_to: u64,
    /// How many bytes of this life's messages may have brought something in a form that isn't known.
    bytes: usize,
    /// How many commands it has applied in this life that no message is known to have brought.
    remembered: usize,
}

impl Disk {
    /// Takes over what a step tells of its server.
    pub(super) fn hear(&mut self, moment: Moment, did: &Did<'_>) {
        match *did {
            Did::Started(_, life) => {
                let began = (life.incarnation > 1).then_some(moment);
                *self = Disk { began, room: self.saved, saved: self.saved, ..Disk::default() };
            }
            Did::Saved(save) => self.saved = self.saved.max((save.state + save.snapshot) as usize),
            Did::Delivered(call) => {
                self.up_to = self.up_to.max(brings_up_to(call));
                self.bytes += call.brings.as_ref().map_or(0, |message| message.wire_len());
            }
            Did::Returned(call) => {
                self.bytes += call.brings_back.as_ref().map_or(0, |reply| reply.wire_len());
            }
            Did::Proposed(own) => self.up_to = self.up_to.max(own.index),
            Did::Applied(applied, _) => self.remembered += usize::from(self.remembers(applied)),
            _ => {}
        }
    }

    fn remembers(&self, applied: &Applied) -> bool {
        applied.command.is_some() && applied.index > self.up_to
    }
}

/// A server that was restarted applies commands that nothing has brought it since, and for which its disk had no room.
pub(in super::super) fn applies_unsaved(
    known: &Known<'_>,
    moment: Moment,
    applied: &Applied,
) -> Option<Breach> {
    let number = applied.server.server;
    let disk = &known.flow.servers[number as usize].disk;
    let began = disk.began.filter(|_| disk.remembers(applied))?;
    let remembered = disk.remembered + 1;
    if remembered < FEW || disk.room + disk.bytes >= remembered * LEAST {
        return None;
    }
    let what = format!("server {number} remembered after a crash what it had not saved");
    let saved = count(disk.room, "byte");
    let restarted = format!("it was restarted; it had never saved more than {saved}");
    let text = format!(
        "since its restart it had applied {} that no message had brought, up to index {}",
        count(remembered, "command"),
        applied.index
    );
    let breach = Breach::new(&NOT_INFORMED, moment, number, what);
    Some(breach.seen(began.at, restarted, None).seen(moment.at, text, None))
}
