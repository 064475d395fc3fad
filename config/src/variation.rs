//! A cluster in a run that parts from its seed's.

use std::sync::Arc;

use harness::T;
use sim::Stream;

use crate::cluster::Cluster;

/// Does to a cluster what its run's variation asks for, now and later.
pub(crate) fn follow(t: &T, cluster: &Arc<Cluster>) {
    if let Some(change) = t.variation().call {
        cluster.network.change_call(change);
    }
    let (sim, cluster) = (t.sim().clone(), Arc::downgrade(cluster));
    t.sim().on_redraw(move |redraw| {
        let Some(cluster) = cluster.upgrade() else { return };
        if redraw.streams.contains(&Stream::Script) {
            *cluster.rng.lock() = sim.stream(Stream::Script);
        }
        if redraw.streams.contains(&Stream::Faults) {
            *cluster.disks.rng.lock() = sim.stream(Stream::Faults);
        }
    });
}
