//! What each server has applied, and the checks that it must pass: MIT's `logs` and `checkLogs`.

use std::cmp::Ordering;

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use raftapi::{ApplyMsg, Command, Index};

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
    /// The last index that was applied in this life; `None` if nothing was.
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
    pub(crate) fn begin_life(&mut self, server: usize, snapshot: &Bytes) -> Result<(), String> {
        self.servers[server].last = None;
        if snapshot.is_empty() { Ok(()) } else { self.ingest(server, snapshot, None) }
    }

    /// Takes what a server applies. Fails with MIT's sentence if it must not be.
    pub(crate) fn apply(
        &mut self,
        server: usize,
        message: &ApplyMsg,
        snapshots: Snapshots,
    ) -> Result<Applied, String> {
        match (message, snapshots) {
            (ApplyMsg::Command { index, command }, _) => {
                self.apply_command(server, *index, command, snapshots)
            }
            (ApplyMsg::Snapshot { index, snapshot, .. }, Snapshots::On) => {
                self.ingest(server, snapshot, Some(*index))?;
                Ok(Applied::Noted)
            }
            (ApplyMsg::Snapshot { index, .. }, Snapshots::Off) => Err(format!(
                "server {server} applied a snapshot at index {index}, but no snapshot was ever made"
            )),
        }
    }

    fn apply_command(
        &mut self,
        server: usize,
        index: Index,
        command: &Command,
        snapshots: Snapshots,
    ) -> Result<Applied, String> {
        let expected = match (self.servers[server].last, snapshots) {
            (Some(last), _) => Some(last + 1),
            (None, Snapshots::On) => Some(1),
            // A life may also go on behind what an earlier one has applied.
            (None, Snapshots::Off) => None,
        };
        if expected.is_some_and(|expected| expected != index) || index == 0 {
            let expected = expected.unwrap_or(1);
            return Err(format!(
                "server {server} apply out of order, expected index {expected}, got {index}"
            ));
        }
        for (other, log) in self.servers.iter().enumerate() {
            if let Some(theirs) = log.get(index)
                && theirs != command
            {
                return Err(format!(
                    "commit index={index} server={server} {} != server={other} {}",
                    Value::show(command),
                    Value::show(theirs)
                ));
            }
        }
        if Value::decode(command).is_none() {
            return Err(format!(
                "server {server} applied at index {index} what no client has started: {}",
                Value::show(command)
            ));
        }
        let log = &mut self.servers[server];
        let place = index as usize - 1;
        match place.cmp(&log.commands.len()) {
            Ordering::Less => log.commands[place] = command.clone(),
            Ordering::Equal => log.commands.push(command.clone()),
            Ordering::Greater => {
                return Err(format!("server {server} apply out of order {index}"));
            }
        }
        log.last = Some(index);
        self.max_index = self.max_index.max(index);
        if snapshots == Snapshots::On && (index + 1).is_multiple_of(SNAPSHOT_INTERVAL) {
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
    fn ingest(
        &mut self,
        server: usize,
        snapshot: &Bytes,
        index: Option<Index>,
    ) -> Result<(), String> {
        if snapshot.is_empty() {
            return Err(format!("server {server}: nil snapshot"));
        }
        let mut decoder = Decoder::new(snapshot);
        let mut decode = || -> Result<(Index, Vec<Command>), labgob::Error> {
            Ok((decoder.decode()?, decoder.decode()?))
        };
        let (last, commands) =
            decode().map_err(|error| format!("server {server}: snapshot decode error: {error}"))?;
        if index.is_some_and(|index| index != last) {
            return Err(format!("server {server} snapshot doesn't match m.SnapshotIndex"));
        }
        let log = &mut self.servers[server];
        log.commands = commands;
        log.last = Some(last);
        Ok(())
    }

    /// How many servers have applied something at `index`, and what. Fails with MIT's sentence if
    /// they differ.
    pub(crate) fn n_committed(&self, index: Index) -> Result<(usize, Option<Command>), String> {
        let mut found: Option<&Command> = None;
        let mut count = 0;
        for command in self.servers.iter().filter_map(|log| log.get(index)) {
            if let Some(found) = found
                && found != command
            {
                return Err(format!(
                    "committed values do not match: index {index}, {}, {}",
                    Value::show(found),
                    Value::show(command)
                ));
            }
            found = Some(command);
            count += 1;
        }
        Ok((count, found.cloned()))
    }

    /// Which servers have applied something at `index`.
    pub(crate) fn who_has(&self, index: Index) -> Vec<bool> {
        self.servers.iter().map(|log| log.get(index).is_some()).collect()
    }
}
