//! MIT's own tests of labrpc, under MIT's names and with MIT's messages.

#![expect(non_snake_case, reason = "the tests keep MIT's names")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use labrpc::{Reliability, Server, Service, Switch};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sim::{Clock, Stream};
use tokio::time::{sleep, timeout};

use crate::bed::{by_both_clocks, ms, run};

/// A text and a number go there and come back as the other.
#[test]
fn TestBasic() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        let e = bed.end("end1-99", 99);
        let reply: Option<String> = e.call("JunkServer.Handler2", &111_i64).await;
        assert_eq!(reply.as_deref(), Some("handler2-111"), "wrong reply from Handler2");
        let reply: Option<i64> = e.call("JunkServer.Handler1", &"9099".to_owned()).await;
        assert_eq!(reply, Some(9099), "wrong reply from Handler1");
    });
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct JunkArgs {
    x: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct JunkReply {
    x: String,
}

/// One of each sort of type that a Raft sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Sort {
    Nothing,
    Number(u64),
    Pair(i8, Option<String>),
    Fields { flag: bool, bytes: bytes::Bytes, list: Vec<(u64, char)>, map: BTreeMap<u8, JunkArgs> },
}

struct Types;

impl Types {
    async fn handler4(self: Arc<Self>, _: Box<JunkArgs>) -> JunkReply {
        JunkReply { x: "pointer".to_owned() }
    }
    async fn handler5(self: Arc<Self>, _: JunkArgs) -> JunkReply {
        JunkReply { x: "no pointer".to_owned() }
    }
    async fn echo(self: Arc<Self>, sort: Sort) -> Sort {
        sort
    }
    async fn nothing(self: Arc<Self>, (): ()) {}
}

/// Go asks whether arguments may be pointers and values. Here a handler takes a value, boxed or
/// not, whatever the caller had; and what goes out comes back, for each sort of type.
#[test]
fn TestTypes() {
    by_both_clocks(|bed| async move {
        let service = Service::new("Types", Arc::new(Types))
            .method("Handler4", Types::handler4)
            .method("Handler5", Types::handler5)
            .method("Echo", Types::echo)
            .method("Nothing", Types::nothing);
        bed.net.add_server(99, Server::new(None).with(service));
        let e = bed.end("end1-99", 99);

        let args = JunkArgs { x: 0 };
        let reply: Option<JunkReply> = e.call("Types.Handler4", &args).await;
        assert_eq!(reply.expect("a reply").x, "pointer", "wrong reply from Handler4");
        let reply: Option<JunkReply> = e.call("Types.Handler5", &Box::new(args)).await;
        assert_eq!(reply.expect("a reply").x, "no pointer", "wrong reply from Handler5");

        let fields = Sort::Fields {
            flag: true,
            bytes: bytes::Bytes::from_static(b"\0raft"),
            list: vec![(u64::MAX, 'ß'), (0, 'x')],
            map: BTreeMap::from([(7, JunkArgs { x: i32::MIN })]),
        };
        let pair = Sort::Pair(-1, Some(String::new()));
        for sort in [Sort::Nothing, Sort::Number(1 << 40), pair, fields] {
            let reply: Option<Sort> = e.call("Types.Echo", &sort).await;
            assert_eq!(reply, Some(sort), "wrong reply from Echo");
        }
        let reply: Option<()> = e.call("Types.Nothing", &()).await;
        assert_eq!(reply, Some(()), "wrong reply from Nothing");
    });
}

/// A call on an end that was never enabled comes to nothing; once it is enabled, calls get through.
#[test]
fn TestDisconnect() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        let e = bed.disabled_end("end1-99", 99);
        let reply: Option<String> = e.call("JunkServer.Handler2", &111_i64).await;
        assert_eq!(reply, None, "unexpected reply from Handler2");
        bed.net.enable("end1-99", Switch::On);
        let reply: Option<i64> = e.call("JunkServer.Handler1", &"9099".to_owned()).await;
        assert_eq!(reply, Some(9099), "wrong reply from Handler1");
    });
}

/// A server's counter counts its calls.
#[test]
fn TestCounts() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        let e = bed.end("end1-99", 99);
        for i in 0..17_i64 {
            let reply: Option<String> = e.call("JunkServer.Handler2", &i).await;
            assert_eq!(reply, Some(format!("handler2-{i}")), "wrong reply from Handler2");
        }
        let n = bed.net.count(99);
        assert_eq!(n, Some(17), "wrong GetCount() {n:?}, expected 17");
    });
}

/// What a message has beyond its text or number, at the most: a frame of up to 9 bytes of length,
/// 4 of fingerprint and 4 of checksum, and up to 9 bytes for a number or for a text's length.
///
/// MIT's bounds (4828 to 6000 and 1800 to 2500) leave 28 to 97 bytes a call to gob, which sends
/// names and types. Ours are: the text itself, which can't be left out, up to the text and twice
/// this, for the request and the reply.
const OVERHEAD: u64 = 9 + 4 + 4 + 9;

/// The network's byte counter counts long requests and long replies.
#[test]
fn TestBytes() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        let e = bed.end("end1-99", 99);
        let args = "x".repeat(64).repeat(4);
        for _ in 0..17 {
            let reply: Option<i64> = e.call("JunkServer.Handler6", &args).await;
            assert_eq!(reply, Some(256), "wrong reply from Handler6");
        }
        let n = bed.net.total_bytes();
        let bounds = 17 * 256..=17 * (256 + 2 * OVERHEAD);
        assert!(bounds.contains(&n), "wrong GetTotalBytes() {n}, expected about 4800: {bounds:?}");

        for _ in 0..17 {
            let reply: Option<String> = e.call("JunkServer.Handler7", &107_i64).await;
            assert_eq!(reply.expect("a reply").len(), 107, "wrong len from Handler7");
        }
        let nn = bed.net.total_bytes() - n;
        let bounds = 17 * 107..=17 * (107 + 2 * OVERHEAD);
        assert!(
            bounds.contains(&nn),
            "wrong GetTotalBytes() {nn}, expected about 2000: {bounds:?}"
        );
    });
}

/// Many callers at once, each with an end of its own.
#[test]
fn TestConcurrentMany() {
    by_both_clocks(|bed| async move {
        bed.server(1000);
        let callers = (0..20_i64).map(|i| {
            let e = bed.end(&format!("end{i}"), 1000);
            tokio::spawn(async move {
                for j in 0..10 {
                    let arg = i * 100 + j;
                    let reply: Option<String> = e.call("JunkServer.Handler2", &arg).await;
                    assert_eq!(reply, Some(format!("handler2-{arg}")), "wrong reply from Handler2");
                }
                10
            })
        });
        let total: u64 = join_all(callers).await.into_iter().map(|n| n.expect("no panic")).sum();
        assert_eq!(total, 200, "wrong number of RPCs completed, got {total}, expected 200");
        let n = bed.net.count(1000);
        assert_eq!(n, Some(total), "wrong GetCount() {n:?}, expected {total}");
    });
}

/// An unreliable network loses some calls, and only some.
#[test]
fn TestUnreliable() {
    by_both_clocks(|bed| async move {
        bed.net.set_reliability(Reliability::Unreliable);
        bed.server(1000);
        let callers = (0..300_i64).map(|i| {
            let e = bed.end(&format!("end{i}"), 1000);
            tokio::spawn(async move {
                let arg = i * 100;
                let reply: Option<String> = e.call("JunkServer.Handler2", &arg).await;
                let Some(reply) = reply else { return 0 };
                assert_eq!(reply, format!("handler2-{arg}"), "wrong reply from Handler2");
                1
            })
        });
        let total: u64 = join_all(callers).await.into_iter().map(|n| n.expect("no panic")).sum();
        assert_ne!(total, 300, "all RPCs succeeded despite unreliable");
        assert_ne!(total, 0, "all RPCs failed despite mostly reliable");
    });
}

/// Many calls at once on one end.
#[test]
fn TestConcurrentOne() {
    by_both_clocks(|bed| async move {
        let js = bed.server(1000);
        let e = bed.end("endname", 1000);
        let callers = (0..20_i64).map(|i| {
            let e = e.clone();
            tokio::spawn(async move {
                let arg = 100 + i;
                let reply: Option<String> = e.call("JunkServer.Handler2", &arg).await;
                assert_eq!(reply, Some(format!("handler2-{arg}")), "wrong reply from Handler2");
            })
        });
        join_all(callers).await.into_iter().for_each(|joined| joined.expect("no panic"));
        let delivered = js.begun().len();
        assert_eq!(delivered, 20, "wrong number ({delivered}) of RPCs delivered");
        let n = bed.net.count(1000);
        assert_eq!(n, Some(20), "wrong GetCount() {n:?}, expected 20");
    });
}

/// Calls that went out while the end was disabled neither hold up nor join the one after it.
#[test]
fn TestRegression1() {
    by_both_clocks(|bed| async move {
        let js = bed.server(1000);
        let e = bed.disabled_end("endname", 1000);
        let calls = (0..20_i64).map(|i| {
            let e = e.clone();
            tokio::spawn(async move {
                let arg = 100 + i;
                e.call::<_, String>("JunkServer.Handler2", &arg).await
            })
        });
        let calls: Vec<_> = calls.collect();
        sleep(ms(100)).await;

        let t0 = bed.sim.now();
        bed.net.enable("endname", Switch::On);
        let reply: Option<String> = e.call("JunkServer.Handler2", &99_i64).await;
        assert_eq!(reply.as_deref(), Some("handler2-99"), "wrong reply from Handler2");
        let dur = (bed.sim.now() - t0).as_secs_f64();
        let limit = match bed.sim.clock() {
            Clock::Virtual => 0.03,
            // The machine may be busy.
            Clock::Real => 1.0,
        };
        assert!(dur < limit, "RPC took too long ({dur}) after Enable");

        for call in calls {
            assert_eq!(call.await.expect("no panic"), None, "a reply although not enabled");
        }
        let delivered = js.begun().len();
        assert_eq!(delivered, 1, "wrong number ({delivered}) of RPCs delivered, expected 1");
        let n = bed.net.count(1000);
        assert_eq!(n, Some(1), "wrong GetCount() {n:?}, expected 1");
    });
}

/// A call whose handler doesn't come to an end returns soon after its server is deleted.
#[test]
fn TestKilled() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        let e = bed.end("end1-99", 99);
        let mut call = e.call::<_, i64>("JunkServer.Handler3", &99_i64);
        let early = timeout(ms(1100), &mut call).await;
        assert!(early.is_err(), "Handler3 should not have returned yet");
        bed.net.delete_server(99);
        let patience = match bed.sim.clock() {
            Clock::Virtual => ms(100),
            // The network looks every 100 ms; the machine may be busy.
            Clock::Real => ms(1000),
        };
        let late = timeout(patience, call).await;
        let reply = late.expect("Handler3 should return after DeleteServer()");
        assert_eq!(reply, None, "Handler3 returned successfully despite DeleteServer()");
    });
}

/// Prints what a call costs on this machine. MIT makes 100,000 calls in a test of about 2 s.
#[test]
fn TestBenchmark() {
    const N: i64 = 5_000;
    let t0 = Instant::now();
    run(1, |bed| async move {
        bed.server(99);
        let e = bed.end("end1-99", 99);
        for i in 0..N {
            let reply: Option<String> = e.call("JunkServer.Handler2", &i).await;
            assert_eq!(reply, Some(format!("handler2-{i}")), "wrong reply from Handler2");
        }
    });
    println!("{:?} for {N}", t0.elapsed());
}

/// Long delays may be switched while calls to an unreachable server go out. In Go this was a race
/// of unlocked memory; here threads meet by the real clock, and each call keeps what it found.
#[test]
fn TestLongDelayRace() {
    by_both_clocks(|bed| async move {
        bed.server(99);
        bed.disabled_end("unreachable", 99);
        let switcher = {
            let bed = bed.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    bed.net.set_long_delays(Switch::On);
                    bed.net.set_long_delays(Switch::Off);
                    tokio::task::yield_now().await;
                }
            })
        };
        let mut script = bed.sim.stream(Stream::Script);
        let callers = (0..4).map(|i| {
            let e = bed.disabled_end(&format!("end{i}"), 99);
            let pauses: Vec<u64> = (0..50).map(|_| script.random_range(0..3)).collect();
            tokio::spawn(async move {
                for pause in pauses {
                    // Some of them wait for seconds. Not every one is worth it.
                    let call = e.call::<_, String>("JunkServer.Handler2", &1_i64);
                    if let Ok(reply) = timeout(ms(pause), call).await {
                        assert_eq!(reply, None, "unexpected reply from Handler2");
                    }
                }
            })
        });
        join_all(callers).await.into_iter().for_each(|joined| joined.expect("no panic"));
        switcher.await.expect("no panic");
        assert_eq!(bed.net.total_count(), 200);
        assert_eq!(bed.net.count(99), Some(0));
    });
}
