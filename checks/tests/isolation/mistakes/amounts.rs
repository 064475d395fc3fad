//! Too much of something: calls, tasks, bytes, lines, stack, memory.

use std::hint::black_box;
use std::mem::forget;
use std::time::Duration;

use bytes::Bytes;
use futures::future::FutureExt as _;
use raftapi::Term;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::sleep;

use super::{Mistake, calls, in_handler, in_make, in_task};

/// More than any machine comes to in the time that a run has.
const WITHOUT_END: u64 = u64::MAX;

const MIB: usize = 1 << 20;

pub(super) fn list() -> Vec<Mistake> {
    vec![
        calls("calls without end, none of them awaited", |peers| {
            async move {
                for term in 0..WITHOUT_END {
                    drop(peers[0].call::<_, bool>("Raft.Listen", &term));
                }
            }
            .boxed()
        }),
        calls("a task for each of calls without end", |peers| {
            async move {
                for term in 0..WITHOUT_END {
                    let peer = peers[0].clone();
                    tokio::spawn(async move { peer.call::<_, bool>("Raft.Listen", &term).await });
                }
            }
            .boxed()
        }),
        calls("each answer is met with two calls", |peers| {
            fn ask(peer: labrpc::ClientEnd) {
                tokio::spawn(async move {
                    let snapshot = Bytes::from_static(&[7; 8000]);
                    while peer.call::<_, bool>("Raft.Install", &snapshot).await.is_some() {
                        ask(peer.clone());
                    }
                });
            }
            async move { ask(peers[0].clone()) }.boxed()
        }),
        calls("arguments of 200 MB", |peers| {
            async move {
                let log: Vec<(Term, String)> = vec![(7, "x".repeat(23_000)); 8_700];
                let _answer = peers[0].call::<_, bool>("Raft.Append", &log).await;
            }
            .boxed()
        }),
        calls("a message whose Serialize never ends", |peers| {
            async move {
                let _answer = peers[0].call::<_, bool>("Raft.Append", &Entries::<true>).await;
            }
            .boxed()
        }),
        calls("a message whose Deserialize never ends", |peers| {
            async move {
                let _answer = peers[0].call::<_, bool>("Raft.Append", &Entries::<false>).await;
            }
            .boxed()
        }),
        in_make("tasks without end", || {
            for _ in 0..WITHOUT_END {
                tokio::spawn(async {});
            }
        }),
        in_task("a mass of tasks at one instant", || {
            async {
                for _ in 0..2_000_000 {
                    tokio::spawn(async {});
                }
            }
            .boxed()
        }),
        in_task("tasks that never end, 200 a millisecond", || {
            async {
                loop {
                    for _ in 0..200 {
                        tokio::spawn(async {
                            let log = black_box([1_u8; 16 << 10]);
                            sleep(Duration::from_secs(1000)).await;
                            black_box(log);
                        });
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            }
            .boxed()
        }),
        in_handler("lines without end", || {
            async {
                for line in 0..WITHOUT_END {
                    println!("{line}");
                }
            }
            .boxed()
        }),
        in_task("long lines without end", || {
            async {
                loop {
                    for _ in 0..100 {
                        println!("{:50000}", 1);
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            }
            .boxed()
        }),
        in_handler("a recursion without end", || {
            #[expect(unconditional_recursion, reason = "the mistake that this one makes")]
            fn depth(above: &u64) -> u64 {
                depth(&black_box(above + 1)) + 1
            }
            async { assert_eq!(depth(&0), 0) }.boxed()
        }),
        in_task("an array of 64 MiB on the stack", || {
            #[inline(never)]
            fn snapshot() -> usize {
                let bytes = black_box([1_u8; 64 * MIB]);
                bytes.len()
            }
            async { assert_eq!(snapshot(), 64 * MIB) }.boxed()
        }),
        in_make("a future of 64 MiB", spawns_a_large_future),
        in_task("memory without end", || {
            async {
                loop {
                    // Asked for, but never touched: so this costs the machine nothing.
                    forget(black_box(Vec::<u8>::with_capacity(256 << 20)));
                }
            }
            .boxed()
        }),
        in_task("a capacity that has wrapped around below 0", || {
            async {
                let missing = black_box(3_u64).wrapping_sub(5) >> 20;
                drop(black_box(Vec::<u8>::with_capacity(missing as usize)));
            }
            .boxed()
        }),
        in_task("a capacity beyond all bounds", || {
            async {
                let missing = black_box(3_u64).wrapping_sub(5);
                drop(black_box(Vec::<u64>::with_capacity(missing as usize)));
            }
            .boxed()
        }),
    ]
}

/// A list that is gone through by hand, by a loop that never ends: to write it, or to read it.
struct Entries<const WRITTEN: bool>;

impl<const WRITTEN: bool> Serialize for Entries<WRITTEN> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        while WRITTEN && black_box(true) {}
        serializer.serialize_u64(7)
    }
}

impl<'de, const WRITTEN: bool> Deserialize<'de> for Entries<WRITTEN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        while !WRITTEN && black_box(number) > 0 {}
        Ok(Entries)
    }
}

fn spawns_a_large_future() {
    tokio::spawn(async {
        let bytes = black_box([1_u8; 64 * MIB]);
        sleep(Duration::from_millis(1)).await;
        black_box(bytes);
    });
}
