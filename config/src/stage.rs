//! Where puppets act: in a cluster whose servers they stand in for.

use std::sync::Arc;

use crate::cluster::Config;
use crate::puppets::Stage;

impl Config {
    /// Where puppets act.
    pub(crate) fn stage(&self) -> Stage {
        // The cluster has the puppets, and not the other way round.
        let clusters = [(); 2].map(|()| Arc::downgrade(&self.cluster));
        let [takes, looks] = clusters.map(|cluster| {
            let t = self.t.clone();
            move || Some(Config { t: t.clone(), cluster: cluster.upgrade()? })
        });
        Stage {
            takes: Box::new(move |owner, message| {
                takes().iter().for_each(|config| config.take(owner, message));
            }),
            looks: Box::new(move |owner, asked| {
                looks().iter().for_each(|config| config.recorder().look_early(owner, asked));
            }),
        }
    }
}
