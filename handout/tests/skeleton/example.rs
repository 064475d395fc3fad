//! The example RPC answers.

use std::sync::Arc;
use std::time::Duration;

use handout::{ExampleArgs, ExampleReply};
use labrpc::{Network, Observer, Server, Switch};
use raftapi::{Persister, apply_channel};
use report::{EventKind, Time};
use sim::{Clock, Ending, Settings};

struct Nobody;

impl Observer for Nobody {
    fn record(&self, _: Time, _: EventKind) {}
    fn fatal(&self, message: String) {
        panic!("{message}");
    }
}

#[test]
fn the_example_rpc_answers() {
    let settings = Settings::new(1, Clock::Virtual, Duration::from_secs(10));
    let script = |sim| async move {
        let net = Network::new(&sim, Arc::new(Nobody));
        let end = net.make_end("end", None);
        let (apply_ch, _receiver) = apply_channel();
        let raft = handout::make(vec![end.clone()], 0, Arc::new(Persister::new()), apply_ch);
        net.add_server(0, Server::new(None).with(raft.clone().service()));
        net.connect("end", 0);
        net.enable("end", Switch::On);
        let reply = end.call::<_, ExampleReply>("Raft.Example", &ExampleArgs { x: 99 }).await;
        raft.kill();
        reply
    };
    let reply = sim::run(settings, script, |_, ending| match ending {
        Ending::Finished(reply) => reply,
        other => panic!("{other:?}"),
    });
    assert_eq!(reply.map(|reply| reply.y), Some(100));
}
