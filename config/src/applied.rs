//! What each server has applied, and the checks that it must pass: MIT's `logs` and `checkLogs`.

use std::cmp::Ordering;

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use raftapi::{ApplyMsg, Command, Index};
use report::{Check, SnapshotFault};

use crate::refusal::Refusal;
use crate::value::Value;

/// How often a service makes a snapshot: at the indexes 9, 19, 29 and so on (MIT's
/// `SnapShotInterval`).
pub const SNAPSHOT_INTERVAL: Index = 10;

/// What all servers have applied. A server's log survives its crashes: what it applies again after a
/// restart must be what it applied before.
#[derive(Debug)]
pub(crate) struct Logs {
    servers: Vec<Log>,
    /// The highest index that any server has applied.
    max_index: Index,
}

#[derive(Clone, Debug, Default)]
struct Log {
    /// What was applied from index 1 on, in this and in earlier lives; there are no gaps.
    commands: Vec<Command>,
    /// The last index that was applied in this life; `None` if nothing was. There is a command for
    /// it, whatever a server has claimed: it can be counted on from.
    last: Option<Index>,
}

/// What is to be done after a message was taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Applied {
    /// Nothing.
    Noted,
    /// The service makes a snapshot that covers everything up to `index`.
    MakeSnapshot { index: Index, snapshot: Bytes },
}

/// Whether the service makes snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshots {
    /// It doesn't: parts 3A to 3C.
    Off,
    /// It does, every ten commands: part 3D.
    On,
    /// It does, and each server's at an interval of its own: 4 commands for server 0, 7 for server 1, and
    /// so on. MIT's all make theirs at the same indexes, so that none is ever behind another's log.
    Uneven,
}

impl Snapshots {
    /// How many commands lie between two snapshots of a server's; `None` if it makes none.
    fn interval(self, server: usize) -> Option<Index> {
        match self {
            Snapshots::Off => None,
            Snapshots::On => Some(SNAPSHOT_INTERVAL),
            Snapshots::Uneven => Some(4 + 3 * server as Index),
        }
    }
}

impl Log {
    /// What was applied at `index`.
    fn get(&self, index: Index) -> Option<&Command> {
        self.commands.get(usize::try_from(index.checked_sub(1)?).ok()?)
    }
}

impl Logs {
    pub(crate) fn new(servers: usize) -> Logs {
        Logs { servers: vec![Log::default(); servers], max_index: 0 }
    }

    pub(crate) fn max_index(&self) -> Index {
        self.max_index
    }

    /// A server begins a life, with the snapshot that it had saved: as a real service would, it
    /// starts from that. Fails if it isn't a snapshot.
    pub(crate) fn begin_life(&mut self, server: usize, snapshot: &Bytes) -> Result<(), Refusal> {
        self.servers[server].last = None;
        if snapshot.is_empty() { Ok(()) } else { self.ingest(server, snapshot, None) }
    }

    /// Takes what a server applies. Fails with MIT's sentence if it must not be.
    pub(crate) fn apply(
        &mut self,
        server: usize,
        message: &ApplyMsg,
        snapshots: Snapshots,
    ) -> Result<Applied, Refusal> {
        match (message, snapshots) {
            (ApplyMsg::Command { index, command }, _) => {
                self.apply_command(server, *index, command, snapshots)
            }
            (ApplyMsg::Snapshot { index, snapshot, .. }, Snapshots::On | Snapshots::Uneven) => {
                self.ingest(server, snapshot, Some(*index))?;
                Ok(Applied::Noted)
            }
            (ApplyMsg::Snapshot { index, .. }, Snapshots::Off) => {
                let message = format!(
                    "server {server} applied a snapshot at index {index}, but no snapshot was ever made"
                );
                refused(is_snapshot(server, SnapshotFault::NeverMade), message)
            }
        }
    }

    fn apply_command(
        &mut self,
        server: usize,
        index: Index,
        command: &Command,
        snapshots: Snapshots,
    ) -> Result<Applied, Refusal> {
        let expected = match (self.servers[server].last, snapshots) {
            (Some(last), _) => Some(last + 1),
            (None, Snapshots::On | Snapshots::Uneven) => Some(1),
            // A life may also go on behind what an earlier one has applied.
            (None, Snapshots::Off) => None,
        };
        if expected.is_some_and(|expected| expected != index) || index == 0 {
            let expected = expected.unwrap_or(1);
            return refused(
                in_order(server, index, Some(expected)),
                format!(
                    "server {server} apply out of order, expected index {expected}, got {index}"
                ),
            );
        }
        for (other, log) in self.servers.iter().enumerate() {
            if let Some(theirs) = log.get(index)
                && theirs != command
            {
                return refused(
                    same_command(index, [server, other]),
                    format!(
                        "commit index={index} server={server} {} != server={other} {}",
                        Value::show(command),
                        Value::show(theirs)
                    ),
                );
            }
        }
        if Value::decode(command).is_none() {
            return refused(
                same_command(index, [server]),
                format!(
                    "server {server} applied at index {index} a command that no client submitted: {}",
                    Value::show(command)
                ),
            );
        }
        let log = &mut self.servers[server];
        // Compared as an index: it may be larger than any place.
        let place = index - 1;
        match place.cmp(&(log.commands.len() as Index)) {
            Ordering::Less => log.commands[place as usize] = command.clone(),
            Ordering::Equal => log.commands.push(command.clone()),
            Ordering::Greater => {
                return refused(
                    in_order(server, index, None),
                    format!("server {server} apply out of order {index}"),
                );
            }
        }
        log.last = Some(index);
        self.max_index = self.max_index.max(index);
        if snapshots.interval(server).is_some_and(|interval| (index + 1).is_multiple_of(interval)) {
            let snapshot = self.encode_snapshot(server, index);
            return Ok(Applied::MakeSnapshot { index, snapshot });
        }
        Ok(Applied::Noted)
    }

    /// The service's state: all commands up to `index`.
    fn encode_snapshot(&self, server: usize, index: Index) -> Bytes {
        let commands = &self.servers[server].commands[..index as usize];
        let mut encoder = Encoder::new();
        encoder.encode(&index);
        encoder.encode(&commands.to_vec());
        encoder.finish()
    }

    /// Replaces a server's log by a snapshot. `index` is where the server says that it ends; `None`
    /// for the one that it had saved.
    ///
    /// Beyond MIT's checks, it must be one that the service could have made; and a service that has
    /// applied something doesn't go back within its life.
    fn ingest(
        &mut self,
        server: usize,
        snapshot: &Bytes,
        index: Option<Index>,
    ) -> Result<(), Refusal> {
        let at = index.map_or(String::new(), |index| format!(" at index {index}"));
        let fails = |fault, message| refused(is_snapshot(server, fault), message);
        if snapshot.is_empty() {
            let message = format!("server {server}: nil snapshot{at}");
            return fails(SnapshotFault::Unreadable, message);
        }
        let (end, commands) = match decode_snapshot(snapshot) {
            Ok(decoded) => decoded,
            Err(error) => {
                let message = format!("server {server}: snapshot decode error{at}: {error}");
                return fails(SnapshotFault::Unreadable, message);
            }
        };
        if let Some(index) = index
            && index != end
        {
            let message = format!(
                "server {server} snapshot doesn't match m.SnapshotIndex: it ends at index {end}, \
                 not {index}"
            );
            return fails(SnapshotFault::AnotherIndex, message);
        }
        let has = commands.len() as Index;
        if end == 0 || end != has {
            let message = format!(
                "server {server} snapshot at index {end} was not made by the service: it has {has} commands"
            );
            return fails(SnapshotFault::AnotherIndex, message);
        }
        if end > self.max_index {
            let message = format!(
                "server {server} snapshot at index {end} ends after index {}, the last index that any server \
                 has applied",
                self.max_index
            );
            return fails(SnapshotFault::NeverMade, message);
        }
        let log = &mut self.servers[server];
        if let Some(last) = log.last
            && end < last
        {
            let message = format!(
                "server {server} snapshot at index {end} is older than index {last}, which the server has \
                 already applied"
            );
            return fails(SnapshotFault::Older, message);
        }
        log.commands = commands;
        log.last = Some(end);
        Ok(())
    }

    /// How many servers have applied something at `index`, and what. Fails with MIT's sentence if
    /// they differ.
    pub(crate) fn n_committed(&self, index: Index) -> Result<(usize, Option<Command>), Refusal> {
        let mut found: Option<(usize, &Command)> = None;
        let mut count = 0;
        for (server, log) in self.servers.iter().enumerate() {
            let Some(command) = log.get(index) else { continue };
            if let Some((other, found)) = found
                && found != command
            {
                return refused(
                    same_command(index, [other, server]),
                    format!(
                        "committed values do not match: index {index}, {}, {}\n  who       server {other} \
                         applied the first, server {server} the second",
                        Value::show(found),
                        Value::show(command)
                    ),
                );
            }
            found = Some((server, command));
            count += 1;
        }
        Ok((count, found.map(|(_, command)| command.clone())))
    }

    /// Which servers have applied something at `index`.
    pub(crate) fn who_has(&self, index: Index) -> Vec<bool> {
        self.servers.iter().map(|log| log.get(index).is_some()).collect()
    }
}

fn refused<T>(check: Check, message: String) -> Result<T, Refusal> {
    Err(Refusal::new(check, message))
}

fn in_order(server: usize, index: Index, expected: Option<Index>) -> Check {
    Check::InOrder { server: server as u32, index, expected }
}

fn same_command<const N: usize>(index: Index, servers: [usize; N]) -> Check {
    Check::SameCommand { index, servers: servers.map(|server| server as u32).to_vec() }
}

fn is_snapshot(server: usize, fault: SnapshotFault) -> Check {
    Check::Snapshot { server: server as u32, fault }
}

/// What [`Logs::encode_snapshot`] has encoded: the index where it ends, and the commands up to it.
fn decode_snapshot(snapshot: &Bytes) -> Result<(Index, Vec<Command>), labgob::Error> {
    let mut decoder = Decoder::new(snapshot);
    let decoded = (decoder.decode()?, decoder.decode()?);
    decoder.finish()?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> Command {
        Value::from(number).encode()
    }

    fn command(index: Index) -> ApplyMsg {
        ApplyMsg::Command { index, command: number(index) }
    }

    /// A snapshot that claims to end at `end`, with the commands 1 to `has`.
    fn encoded(end: Index, has: u64) -> Bytes {
        let mut encoder = Encoder::new();
        encoder.encode(&end).encode(&(1..=has).map(number).collect::<Vec<_>>());
        encoder.finish()
    }

    fn snapshot(end: Index, has: u64) -> ApplyMsg {
        ApplyMsg::Snapshot { index: end, term: 1, snapshot: encoded(end, has) }
    }

    /// Two servers, of which server 0 has applied `last` commands.
    fn logs(last: Index, snapshots: Snapshots) -> Logs {
        let mut logs = Logs::new(2);
        for index in 1..=last {
            logs.apply(0, &command(index), snapshots).expect("it is in order");
        }
        logs
    }

    /// Why `message` is refused from server 1, where server 0 has applied 20 commands. It leaves
    /// nothing behind: server 1 can then begin at 1.
    #[track_caller]
    fn refusal(message: &ApplyMsg, snapshots: Snapshots) -> Refusal {
        let mut logs = logs(20, snapshots);
        let refusal = logs.apply(1, message, snapshots).expect_err("it is wrong");
        assert_eq!(logs.max_index(), 20);
        assert_eq!(logs.who_has(1), [true, false]);
        assert_eq!(logs.apply(1, &command(1), snapshots), Ok(Applied::Noted));
        refusal
    }

    fn wrong(server: usize, fault: SnapshotFault, sentence: &str) -> Refusal {
        Refusal::new(is_snapshot(server, fault), sentence.to_owned())
    }

    #[test]
    fn what_is_demanded_of_a_command_is_told() {
        let mut logs = logs(2, Snapshots::On);
        let message = ApplyMsg::Command { index: 1, command: number(7) };
        let refusal = logs.apply(1, &message, Snapshots::On).expect_err("another is there");
        let sentence = "commit index=1 server=1 7 != server=0 1";
        assert_eq!(refusal, Refusal::new(same_command(1, [1, 0]), sentence.to_owned()));
        let message = ApplyMsg::Command { index: 3, command: Bytes::from_static(b"?") };
        let refusal = logs.apply(0, &message, Snapshots::On).expect_err("nobody has started it");
        assert_eq!(refusal.check, same_command(3, [0]));
        let snapshot = ApplyMsg::Snapshot { index: 1, term: 1, snapshot: Bytes::new() };
        let refusal = logs.apply(1, &snapshot, Snapshots::On).expect_err("it is empty");
        assert_eq!(
            refusal,
            wrong(1, SnapshotFault::Unreadable, "server 1: nil snapshot at index 1")
        );
        let refusal = logs.apply(1, &snapshot, Snapshots::Off).expect_err("nobody makes them");
        assert_eq!(refusal.check, is_snapshot(1, SnapshotFault::NeverMade));
    }

    const FAR: [Index; 4] = [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32];

    #[test]
    fn a_command_far_ahead_is_out_of_order() {
        for far in FAR {
            let off = refusal(&command(far), Snapshots::Off);
            let sentence = format!("server 1 apply out of order {far}");
            assert_eq!(off, Refusal::new(in_order(1, far, None), sentence));
            let on = refusal(&command(far), Snapshots::On);
            let sentence = format!("server 1 apply out of order, expected index 1, got {far}");
            assert_eq!(on, Refusal::new(in_order(1, far, Some(1)), sentence));
        }
    }

    #[test]
    fn a_snapshot_far_ahead_has_too_few_commands() {
        for far in FAR {
            let refusal = refusal(&snapshot(far, 1), Snapshots::On);
            let end = format!("at index {far} was not made by the service: it has 1 commands");
            let sentence = format!("server 1 snapshot {end}");
            assert_eq!(refusal, wrong(1, SnapshotFault::AnotherIndex, &sentence));
            // The same if it had been saved.
            let mut logs = logs(20, Snapshots::On);
            assert_eq!(logs.begin_life(1, &encoded(far, 1)), Err(refusal));
        }
    }

    #[test]
    fn a_snapshot_has_a_command_for_each_index() {
        for (end, has) in [(0, 0), (0, 1), (9, 8), (9, 10)] {
            let refusal = refusal(&snapshot(end, has), Snapshots::On);
            let has = format!("was not made by the service: it has {has} commands");
            let sentence = format!("server 1 snapshot at index {end} {has}");
            assert_eq!(refusal, wrong(1, SnapshotFault::AnotherIndex, &sentence));
        }
    }

    #[test]
    fn a_snapshot_covers_what_was_applied() {
        let mut logs = logs(20, Snapshots::On);
        assert_eq!(logs.apply(1, &snapshot(20, 20), Snapshots::On), Ok(Applied::Noted));
        assert_eq!(logs.apply(1, &command(21), Snapshots::On), Ok(Applied::Noted));
        let beyond = "server 0 snapshot at index 22 ends after index 21, the last index that any server has applied";
        let beyond = wrong(0, SnapshotFault::NeverMade, beyond);
        assert_eq!(logs.apply(0, &snapshot(22, 22), Snapshots::On), Err(beyond));
    }

    #[test]
    fn a_snapshot_does_not_go_back_within_a_life() {
        let mut logs = logs(20, Snapshots::On);
        assert_eq!(logs.apply(0, &snapshot(20, 20), Snapshots::On), Ok(Applied::Noted));
        let back = "server 0 snapshot at index 19 is older than index 20, which the server has already applied";
        let back = wrong(0, SnapshotFault::Older, back);
        assert_eq!(logs.apply(0, &snapshot(19, 19), Snapshots::On), Err(back));
        // A new life begins behind what was saved, early as that may have been.
        assert_eq!(logs.begin_life(0, &encoded(9, 9)), Ok(()));
        assert_eq!(logs.apply(0, &command(10), Snapshots::On), Ok(Applied::Noted));
    }

    #[test]
    fn a_snapshot_ends_where_it_is_said_to() {
        let snapshot = encoded(9, 9);
        let message = ApplyMsg::Snapshot { index: 10, term: 1, snapshot };
        let other = "server 1 snapshot doesn't match m.SnapshotIndex: it ends at index 9, not 10";
        let other = wrong(1, SnapshotFault::AnotherIndex, other);
        assert_eq!(refusal(&message, Snapshots::On), other);
    }

    #[test]
    fn a_snapshot_with_more_behind_it_is_no_snapshot() {
        let snapshot = [encoded(9, 9), number(10)].concat().into();
        let message = ApplyMsg::Snapshot { index: 9, term: 1, snapshot };
        let Refusal { check, message } = refusal(&message, Snapshots::On);
        assert_eq!(check, is_snapshot(1, SnapshotFault::Unreadable));
        assert!(message.starts_with("server 1: snapshot decode error at index 9: "), "{message}");
    }

    #[test]
    fn who_has_applied_which_of_two_commands_is_told() {
        let mut logs = logs(2, Snapshots::On);
        let mut encoder = Encoder::new();
        encoder.encode(&1_u64).encode(&vec![number(7)]);
        let message = ApplyMsg::Snapshot { index: 1, term: 1, snapshot: encoder.finish() };
        assert_eq!(logs.apply(1, &message, Snapshots::On), Ok(Applied::Noted));
        let refusal = logs.n_committed(1).expect_err("they differ");
        let who = "  who       server 0 applied the first, server 1 the second";
        let sentence = format!("committed values do not match: index 1, 1, 7\n{who}");
        assert_eq!(refusal, Refusal::new(same_command(1, [0, 1]), sentence));
        assert_eq!(logs.n_committed(2), Ok((1, Some(number(2)))));
        assert_eq!(logs.n_committed(0), Ok((0, None)));
        assert_eq!(logs.n_committed(u64::MAX), Ok((0, None)));
    }
}
