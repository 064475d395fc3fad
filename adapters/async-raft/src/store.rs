//! The log, the vote and the snapshot, on the lab's disk; and the state machine, which is the apply channel.

use std::io::Cursor;
use std::sync::{Mutex, MutexGuard};

use anyhow::{Result, anyhow, bail};
use async_raft::raft::{Entry, MembershipConfig};
use async_raft::storage::{CurrentSnapshotData, HardState, InitialState};
use async_raft::{NodeId, RaftStorage};
use async_trait::async_trait;
use bytes::Bytes;
use raftapi::{Index, Term};
use seam::{Applies, Base, Disk, Log};
use serde::{Deserialize, Serialize};

use crate::rpc::{from_entry, members, to_entry};
use crate::{Request, Response};

/// What a server keeps.
#[derive(Debug)]
pub(crate) struct Store {
    me: NodeId,
    disk: Disk,
    state: Mutex<State>,
    applies: Applies,
}

#[derive(Debug)]
struct State {
    saved: Saved,
    snapshot: Bytes,
    /// The last entry that was applied in this incarnation, or is in the snapshot.
    applied: u64,
    /// The last command that was.
    last_command: Index,
}

/// What is on the disk, beside the snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    term: Term,
    voted_for: Option<NodeId>,
    log: Log,
    /// The members as of the log's beginning.
    members: MembershipConfig,
    /// Where the service's snapshot ends, and the members there; `None` if there is none.
    snapshot: Option<(Base, MembershipConfig)>,
}

/// A snapshot on its way: the service's bytes, and what goes with them.
#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    commands: Index,
    members: MembershipConfig,
    data: Bytes,
}

impl Saved {
    /// The members as of an index.
    fn members_at(&self, index: u64) -> MembershipConfig {
        let mut found: Vec<_> =
            self.log.range(0, index + 1).filter_map(|(_, entry)| members(entry)).collect();
        found.pop().unwrap_or_else(|| self.members.clone())
    }
}

/// That a server was killed, and its disk is gone: async-raft ends by it.
#[derive(Debug)]
pub(crate) struct Killed;

impl std::fmt::Display for Killed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this server was killed")
    }
}

impl std::error::Error for Killed {}

impl Store {
    /// What is on the disk of server `me`. What is applied goes to `applies`.
    pub(crate) fn new(me: NodeId, disk: Disk, applies: Applies) -> Store {
        let nothing = || Saved {
            term: 0,
            voted_for: None,
            log: Log::default(),
            members: MembershipConfig::new_initial(me),
            snapshot: None,
        };
        let (saved, snapshot) = disk.read().unwrap_or_else(|| (nothing(), Bytes::new()));
        let base = saved.snapshot.as_ref().map(|(base, _)| *base).unwrap_or_default();
        let (applied, last_command) = (base.index, base.commands);
        let state = Mutex::new(State { saved, snapshot, applied, last_command });
        Store { me, disk, state, applies }
    }

    /// The server's disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// From now on nothing is saved or applied.
    pub(crate) fn kill(&self) {
        self.disk.pull();
        self.applies.end();
    }

    /// Whether nothing was ever saved.
    pub(crate) fn is_new(&self) -> bool {
        let state = self.state();
        state.saved.term == 0 && state.saved.log.last_index() == 0
    }

    /// How many commands the log has, with those in the snapshot.
    pub(crate) fn commands(&self) -> Index {
        self.state().saved.log.commands()
    }

    /// How many of the entries up to `index` are commands, as far as the log knows.
    pub(crate) fn commands_up_to(&self, index: u64) -> Index {
        let state = self.state();
        let base = state.saved.log.base_at(index);
        base.map_or(state.saved.log.commands(), |base| base.commands)
    }

    /// Keeps the service's snapshot, which ends at `command`. async-raft asks for it when it wants the log shorter.
    pub(crate) fn keep_snapshot(&self, command: Index, snapshot: Bytes) {
        let mut state = self.state();
        let saved = &state.saved;
        let newest = saved.snapshot.as_ref().map_or(0, |(base, _)| base.commands);
        let base = saved.log.index_of(command).and_then(|index| saved.log.base_at(index));
        let Some(base) = base.filter(|base| base.commands > newest) else { return };
        let members = saved.members_at(base.index);
        state.saved.snapshot = Some((base, members.clone()));
        state.saved.members = members;
        state.saved.log.compact(base);
        state.snapshot = snapshot;
        // If its disk is gone, async-raft hears of that at its next write.
        let _ = self.save(&state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic has ended the run")
    }

    fn save(&self, state: &State) -> Result<()> {
        match self.disk.save(&state.saved, state.snapshot.clone()) {
            true => Ok(()),
            false => Err(Killed.into()),
        }
    }

    fn append(&self, entries: &[Entry<Request>]) -> Result<()> {
        let mut state = self.state();
        for entry in entries {
            let last = state.saved.log.last_index();
            if entry.index > last + 1 {
                bail!("entry {} doesn't follow the log's last, {last}", entry.index);
            }
            let here = state.saved.log.base_at(entry.index);
            if entry.index <= state.saved.log.base().index
                || here.is_some_and(|it| it.term == entry.term)
            {
                continue; // It is there, or in the snapshot.
            }
            // As its guide has it, an entry takes the place of the one that is there.
            state.saved.log.truncate(entry.index);
            state.saved.log.push(from_entry(entry));
        }
        self.save(&state)
    }

    fn apply(&self, index: u64, command: &Request) {
        let mut state = self.state();
        // For a right Raft the two are the same.
        let in_log = state.saved.log.base_at(index).map(|base| base.commands);
        let command_index = in_log.unwrap_or(state.last_command + 1);
        (state.applied, state.last_command) = (index, command_index);
        self.applies.command(command_index, command.0.clone());
    }
}

#[async_trait]
impl RaftStorage<Request, Response> for Store {
    type Snapshot = Cursor<Vec<u8>>;
    type ShutdownError = Killed;

    async fn get_membership_config(&self) -> Result<MembershipConfig> {
        let state = self.state();
        Ok(state.saved.members_at(state.saved.log.last_index()))
    }

    async fn get_initial_state(&self) -> Result<InitialState> {
        let state = self.state();
        let saved = &state.saved;
        if saved.term == 0 && saved.log.last_index() == 0 {
            return Ok(InitialState::new_initial(self.me));
        }
        Ok(InitialState {
            last_log_index: saved.log.last_index(),
            last_log_term: saved.log.last_term(),
            last_applied_log: state.applied,
            hard_state: HardState { current_term: saved.term, voted_for: saved.voted_for },
            membership: saved.members_at(saved.log.last_index()),
        })
    }

    async fn save_hard_state(&self, hard_state: &HardState) -> Result<()> {
        let mut state = self.state();
        state.saved.term = hard_state.current_term;
        state.saved.voted_for = hard_state.voted_for;
        self.save(&state)
    }

    async fn get_log_entries(&self, start: u64, stop: u64) -> Result<Vec<Entry<Request>>> {
        let state = self.state();
        let log = &state.saved.log;
        let entries = log.range(start, stop).map(|(index, entry)| to_entry(index, entry));
        // The entry that a snapshot took the place of is still asked for, by its term.
        let base = log.base();
        let pointer = state
            .saved
            .snapshot
            .as_ref()
            .filter(|_| (start..stop).contains(&base.index) && base.index > 0);
        let pointer = pointer.map(|(_, members)| {
            let id = base.commands.to_string();
            Entry::new_snapshot_pointer(base.index, base.term, id, members.clone())
        });
        Ok(pointer.into_iter().chain(entries).collect())
    }

    async fn delete_logs_from(&self, start: u64, stop: Option<u64>) -> Result<()> {
        let mut state = self.state();
        if let Some(stop) = stop.filter(|&stop| stop <= state.saved.log.last_index()) {
            bail!("asked to delete the entries {start} to {stop} from the log's middle");
        }
        state.saved.log.truncate(start);
        self.save(&state)
    }

    async fn append_entry_to_log(&self, entry: &Entry<Request>) -> Result<()> {
        self.append(std::slice::from_ref(entry))
    }

    async fn replicate_to_log(&self, entries: &[Entry<Request>]) -> Result<()> {
        self.append(entries)
    }

    async fn apply_entry_to_state_machine(&self, index: &u64, data: &Request) -> Result<Response> {
        self.apply(*index, data);
        Ok(Response)
    }

    async fn replicate_to_state_machine(&self, entries: &[(&u64, &Request)]) -> Result<()> {
        for (index, data) in entries {
            self.apply(**index, data);
        }
        Ok(())
    }

    async fn do_log_compaction(&self) -> Result<CurrentSnapshotData<Cursor<Vec<u8>>>> {
        // The service decides when there is a snapshot, and the log is short already.
        let current = self.get_current_snapshot().await?;
        current.ok_or_else(|| anyhow!("the service has made no snapshot"))
    }

    async fn create_snapshot(&self) -> Result<(String, Box<Cursor<Vec<u8>>>)> {
        Ok(("incoming".to_owned(), Box::default()))
    }

    async fn finalize_snapshot_installation(
        &self,
        index: u64,
        term: u64,
        _: Option<u64>,
        _: String,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<()> {
        let Sent { commands, members, data } =
            labgob::decode(snapshot.get_ref()).map_err(|error| anyhow!("{error}"))?;
        let mut state = self.state();
        let base = Base { index, term, commands };
        state.saved.log.compact(base);
        state.saved.members = members.clone();
        state.saved.snapshot = Some((base, members));
        state.snapshot = data.clone();
        (state.applied, state.last_command) = (index, commands);
        self.applies.snapshot(commands, term, data);
        self.save(&state)
    }

    async fn get_current_snapshot(&self) -> Result<Option<CurrentSnapshotData<Cursor<Vec<u8>>>>> {
        let state = self.state();
        let Some((base, members)) = &state.saved.snapshot else { return Ok(None) };
        let sent = Sent {
            commands: base.commands,
            members: members.clone(),
            data: state.snapshot.clone(),
        };
        Ok(Some(CurrentSnapshotData {
            term: base.term,
            index: base.index,
            membership: members.clone(),
            snapshot: Box::new(Cursor::new(labgob::encode(&sent).to_vec())),
        }))
    }
}
