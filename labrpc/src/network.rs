//! The network: which ends lead to which servers, what it counts, and its switches.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use report::CallChange;
use sim::context::Owner;
use sim::{Redraw, Rng, SameCalls, Sim, Stream};

use crate::end::ClientEnd;
use crate::pump;
use crate::server::Server;
use crate::state::{End, Observer, Reliability, ServerName, Shared, State, Switch};

/// A network, and the only handle that controls it. Dropping it lets go of all servers and messages.
pub struct Network {
    pub(crate) shared: Arc<Shared>,
}

impl Network {
    /// A reliable network without ends and servers, with long delays and long reordering off.
    /// Everything that happens on it is told to `observer`.
    ///
    /// # Panics
    /// Outside a run's runtime.
    #[must_use]
    pub fn new(sim: &Sim, observer: Arc<dyn Observer>) -> Network {
        let shared =
            Arc::new(Shared { sim: sim.clone(), observer, state: Mutex::new(State::new()) });
        let redrawn = Arc::downgrade(&shared);
        sim.on_redraw(move |redraw| {
            redrawn.upgrade().iter().for_each(|shared| shared.take_up_streams(redraw));
        });
        tokio::spawn(pump::run(shared.clone()));
        Network { shared }
    }

    /// Makes an end, connected to nothing and disabled. `caller` is who will call through it, for
    /// the record. What becomes of its calls depends on the run's seed and the end's name.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn make_end(&self, name: impl Into<String>, caller: Option<Owner>) -> ClientEnd {
        let name = name.into();
        let mut state = self.state();
        let index = state.ends.len();
        assert!(!state.end_names.contains_key(&name), "MakeEnd: {name} already exists");
        state.end_names.insert(name.clone(), index);
        let [rng, mishaps, losses] = self.shared.streams(&name);
        let (server, enabled) = (None, Switch::Off);
        let is_deleted = false;
        let (last, same) = (None, SameCalls::default());
        state.ends.push(End {
            name,
            caller,
            server,
            enabled,
            is_deleted,
            rng,
            mishaps,
            losses,
            last,
            same,
        });
        ClientEnd { shared: self.shared.clone(), index }
    }

    /// Takes an end's name away and disables it for ever.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn delete_end(&self, name: &str) {
        let mut state = self.state();
        let index = state.end_names.remove(name);
        let index = index.unwrap_or_else(|| panic!("MakeEnd: {name} doesn't exists"));
        let end = &mut state.ends[index];
        (end.enabled, end.is_deleted) = (Switch::Off, true);
    }

    /// Connects an end to a server, which need not exist yet. Once in an end's life.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn connect(&self, end: &str, server: ServerName) {
        self.state().end(end).server = Some(server);
    }

    /// Enables or disables an end.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn enable(&self, end: &str, enabled: Switch) {
        self.state().end(end).enabled = enabled;
    }

    /// Puts a server in place. One that was there before under the same name is dead from now on.
    pub fn add_server(&self, name: ServerName, server: Server) {
        let mut state = self.state();
        let replaced = state.servers.insert(name, Arc::new(server));
        replaced.iter().for_each(|server| server.die());
        drop(state);
        drop(replaced); // anybody's code, and so without the lock
    }

    /// Removes a server, which is dead from now on.
    pub fn delete_server(&self, name: ServerName) {
        let mut state = self.state();
        let deleted = state.servers.remove(&name);
        deleted.iter().for_each(|server| server.die());
        drop(state);
        drop(deleted); // anybody's code, and so without the lock
    }

    /// One call fares otherwise than chance would have it. It has to be one that isn't sent yet.
    pub fn change_call(&self, change: CallChange) {
        self.state().changed_call = Some(change);
    }

    /// Switches loss and delay of the calls that are sent from now on.
    pub fn set_reliability(&self, reliability: Reliability) {
        self.state().reliability = reliability;
    }

    /// Switches, for calls sent from now on, whether the caller of a server that can't be reached
    /// learns so after up to 7 s or after up to 0.1 s.
    pub fn set_long_delays(&self, long_delays: Switch) {
        self.state().long_delays = long_delays;
    }

    /// Switches whether two of three replies, to calls sent from now on, are late by up to 2.2 s.
    pub fn set_long_reordering(&self, long_reordering: Switch) {
        self.state().long_reordering = long_reordering;
    }

    /// How many requests have arrived at a server since it was put in place; `None` if there is no
    /// such server.
    #[must_use]
    pub fn count(&self, server: ServerName) -> Option<u64> {
        self.state().servers.get(&server).map(|server| server.count())
    }

    /// How many calls were made, including those that came to nothing.
    #[must_use]
    pub fn total_count(&self) -> u64 {
        self.state().count
    }

    /// How many bytes all requests and all delivered replies have.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Closes the network: later calls return `None` at once. Requests that are under way run to
    /// their end. MIT's `Cleanup`.
    pub fn close(&self) {
        self.state().is_closed = true;
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    /// What an end of this name draws from.
    fn streams(&self, end: &str) -> [Rng; 3] {
        let stream = |stream, key| self.sim.substream(stream, key);
        let key = chance::key(end);
        [stream(Stream::Network, key), stream(Stream::Faults, key), stream(Stream::Faults, !key)]
    }

    /// All ends draw from the streams that have begun anew.
    fn take_up_streams(&self, redraw: &Redraw) {
        for end in &mut self.state().ends {
            let [rng, mishaps, losses] = self.streams(&end.name);
            if redraw.streams.contains(&Stream::Network) {
                end.rng = rng;
            }
            if redraw.streams.contains(&Stream::Faults) {
                [end.mishaps, end.losses] = [mishaps, losses];
            }
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Network")
            .field("reliability", &state.reliability)
            .field("long_delays", &state.long_delays)
            .field("long_reordering", &state.long_reordering)
            .field("count", &state.count)
            .finish_non_exhaustive()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Servers hold ends, and ends hold the network: the circle has to be cut somewhere. What is
        // let go of is dropped without the lock, since it is anybody's code.
        let mut state = self.state();
        state.is_closed = true;
        state.is_gone = true;
        state.schedule.wake_pump();
        let servers = std::mem::take(&mut state.servers);
        servers.values().for_each(|server| server.die());
        let schedule = std::mem::take(&mut state.schedule);
        let holds = std::mem::take(&mut state.holds);
        drop(state);
        drop((servers, schedule, holds));
    }
}
