//! What a test measures, from `begin` to `end`: MIT's Passed line.

use report::Measured;

use crate::cluster::{Baseline, Config};

impl Config {
    /// Begins the test: names it, and starts to count.
    pub fn begin(&self, banner: &str) {
        let network = self.network();
        let (rpcs, bytes) = (network.total_count(), network.total_bytes());
        let mut state = self.state();
        let (at, max_index) = (self.t.sim().now(), state.logs.max_index());
        state.begin = Baseline { at, rpcs, bytes, max_index };
        self.t.set_banner(banner);
    }

    /// Ends the test, which has passed.
    pub fn end(&self) {
        let network = self.network();
        let peers = self.servers();
        let state = self.state();
        let begin = &state.begin;
        self.t.end(Measured {
            seconds: (self.t.sim().now() - begin.at).as_secs_f64(),
            peers,
            rpcs: network.total_count() - begin.rpcs,
            bytes: network.total_bytes() - begin.bytes,
            commands: state.logs.max_index() - begin.max_index,
        });
    }
}
