//! A cluster in a run that parts from its seed's.

use std::sync::Arc;

use harness::T;
use labrpc::Network;
use parking_lot::Mutex;
use sim::{Rng, Stream};

/// Does what a run's variation asks for: to `network` now, and later to the generators of `cluster`, which are the
/// script's and the disks'.
pub(crate) fn follow<C: Send + Sync + 'static>(
    t: &T,
    network: &Network,
    cluster: &Arc<C>,
    generators: fn(&C) -> [&Mutex<Rng>; 2],
) {
    if let Some(change) = t.variation().call {
        network.change_call(change);
    }
    let (sim, cluster) = (t.sim().clone(), Arc::downgrade(cluster));
    t.sim().on_redraw(move |redraw| {
        let Some(cluster) = cluster.upgrade() else { return };
        for (rng, stream) in generators(&cluster).into_iter().zip([Stream::Script, Stream::Faults])
        {
            if redraw.streams.contains(&stream) {
                *rng.lock() = sim.stream(stream);
            }
        }
    });
}
