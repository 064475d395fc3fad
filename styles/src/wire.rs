//! How messages travel: which methods there are, and what they take and return.

mod ballots;
mod rejections;

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use labrpc::{Call, ClientEnd, Message, Service};
use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};

use ballots::{Claim, ClaimAnswer, Lease, LeaseAnswer, Transfer};
use rejections::{AppendResponse, VoteResponse};

use crate::machine::Input;
use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, HeartbeatArgs, HeartbeatReply, InstallSnapshotArgs,
    InstallSnapshotReply, Number, Reply, Request, RequestVoteArgs, RequestVoteReply,
};
use crate::server::Server;
use crate::style::Wire;

/// What [`Wire::SealedOneWay`] seals.
#[derive(Serialize, Deserialize)]
enum Parcel {
    Request(Request),
    Reply(Reply),
}

/// A heartbeat, of [`Wire::OwnWords`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Thump {
    nth: Number,
    season: Term,
    captain: usize,
    safe: Index,
}

impl Thump {
    fn of(args: &HeartbeatArgs) -> Thump {
        let &HeartbeatArgs { number, term, leader_id, leader_commit } = args;
        Thump { nth: number, season: term, captain: leader_id, safe: leader_commit }
    }

    fn heartbeat(self) -> HeartbeatArgs {
        let Thump { nth, season, captain, safe } = self;
        HeartbeatArgs { number: nth, term: season, leader_id: captain, leader_commit: safe }
    }
}

/// An answer to a request for a vote, of [`Wire::EnumAnswers`].
#[derive(Serialize, Deserialize)]
enum VoteAnswer {
    Yes { number: Number, from: usize },
    No { number: Number, from: usize, term: Term },
}

impl VoteAnswer {
    fn of(RequestVoteReply { number, from, term, vote_granted }: RequestVoteReply) -> VoteAnswer {
        match vote_granted {
            true => VoteAnswer::Yes { number, from },
            false => VoteAnswer::No { number, from, term },
        }
    }

    /// The reply to a request of `asked`, a term.
    fn to(self, asked: Term) -> RequestVoteReply {
        match self {
            VoteAnswer::Yes { number, from } => {
                RequestVoteReply { number, from, term: asked, vote_granted: true }
            }
            VoteAnswer::No { number, from, term } => {
                RequestVoteReply { number, from, term, vote_granted: false }
            }
        }
    }
}

/// An answer to AppendEntries, of [`Wire::EnumAnswers`].
#[derive(Serialize, Deserialize)]
enum AppendAnswer {
    Ok {
        number: Number,
        from: usize,
    },
    /// The term is that of the entry which isn't there.
    Conflict {
        number: Number,
        from: usize,
        term: Term,
        first: Index,
    },
    Stale {
        number: Number,
        from: usize,
        term: Term,
    },
}

impl AppendAnswer {
    /// The answer to a request of the term `asked`, behind an entry of the term `prev`.
    fn of(reply: AppendEntriesReply, asked: Term, prev: Term) -> AppendAnswer {
        let AppendEntriesReply { number, from, term, success, retry_from: first } = reply;
        match success {
            true => AppendAnswer::Ok { number, from },
            false if term == asked => AppendAnswer::Conflict { number, from, term: prev, first },
            false => AppendAnswer::Stale { number, from, term },
        }
    }

    /// The reply to a request of the term `asked`.
    fn to(self, asked: Term) -> AppendEntriesReply {
        match self {
            AppendAnswer::Ok { number, from } => {
                AppendEntriesReply { number, from, term: asked, success: true, retry_from: 0 }
            }
            AppendAnswer::Conflict { number, from, first: retry_from, .. } => {
                AppendEntriesReply { number, from, term: asked, success: false, retry_from }
            }
            AppendAnswer::Stale { number, from, term } => {
                AppendEntriesReply { number, from, term, success: false, retry_from: 0 }
            }
        }
    }
}

impl Wire {
    /// Sends `request`. What is returned ends with its reply, or with the word that there will be none;
    /// `None` if the reply is a message of its own.
    pub(crate) fn send(
        self,
        end: &ClientEnd,
        request: &Request,
    ) -> Option<BoxFuture<'static, Input>> {
        let number = request.number();
        match self {
            Wire::OneWay => {
                send_one_way(end, request);
                None
            }
            Wire::SealedOneWay => {
                tell(end, "Raft.Post", &labgob::encode(&Parcel::Request(request.clone())));
                None
            }
            Wire::OneEnum => Some(reply(number, end.call("Raft.Message", request), |reply| reply)),
            Wire::Sealed => {
                let call = end.call("Raft.Message", &labgob::encode(request));
                Some(reply(number, call, |bytes: Bytes| open(&bytes)))
            }
            Wire::EnumAnswers => match request {
                Request::RequestVote(args) => {
                    let (asked, call) = (args.term, end.call("Raft.RequestVote", args));
                    let answer = move |it: VoteAnswer| Reply::RequestVote(it.to(asked));
                    Some(reply(number, call, answer))
                }
                Request::AppendEntries(args) => {
                    let (asked, call) = (args.term, end.call("Raft.AppendEntries", args));
                    let answer = move |it: AppendAnswer| Reply::AppendEntries(it.to(asked));
                    Some(reply(number, call, answer))
                }
                _ => Wire::Methods.send(end, request),
            },
            Wire::Rejections => match request {
                Request::RequestVote(args) => {
                    let call = end.call("Raft.RequestVote", args);
                    Some(reply(number, call, |it: VoteResponse| Reply::RequestVote(it.reply())))
                }
                Request::AppendEntries(args) => {
                    let call = end.call("Raft.AppendEntries", args);
                    Some(reply(number, call, |it: AppendResponse| Reply::AppendEntries(it.reply())))
                }
                _ => Wire::Methods.send(end, request),
            },
            Wire::OwnWords => match request {
                Request::Heartbeat(args) => {
                    let thump = Thump::of(args);
                    Some(reply(number, end.call("Raft.Thump", &thump), Reply::Heartbeat))
                }
                _ => Wire::Methods.send(end, request),
            },
            Wire::Ballots => Some(match request {
                Request::RequestVote(args) => {
                    let call = end.call("Raft.Claim", &Claim::of(args));
                    reply(number, call, |it: ClaimAnswer| Reply::RequestVote(it.reply()))
                }
                Request::AppendEntries(args) => {
                    let call = end.call("Raft.Lease", &Lease::of(args));
                    reply(number, call, |it: LeaseAnswer| Reply::AppendEntries(it.reply()))
                }
                Request::InstallSnapshot(args) => {
                    let call = end.call("Raft.Transfer", &Transfer::of(args));
                    reply(number, call, Reply::InstallSnapshot)
                }
                _ => return Wire::Methods.send(end, request),
            }),
            Wire::Methods => Some(match request {
                Request::PreVote(args) => {
                    reply(number, end.call("Raft.PreVote", args), Reply::PreVote)
                }
                Request::RequestVote(args) => {
                    reply(number, end.call("Raft.RequestVote", args), Reply::RequestVote)
                }
                Request::AppendEntries(args) => {
                    reply(number, end.call("Raft.AppendEntries", args), Reply::AppendEntries)
                }
                Request::Heartbeat(args) => {
                    reply(number, end.call("Raft.Heartbeat", args), Reply::Heartbeat)
                }
                Request::InstallSnapshot(args) => {
                    reply(number, end.call("Raft.InstallSnapshot", args), Reply::InstallSnapshot)
                }
            }),
        }
    }

    /// Sends a reply as a message of its own.
    pub(crate) fn send_reply(self, end: &ClientEnd, reply: &Reply) {
        if self == Wire::SealedOneWay {
            return tell(end, "Raft.Post", &labgob::encode(&Parcel::Reply(reply.clone())));
        }
        match reply {
            Reply::PreVote(reply) => tell(end, "Raft.PreVoteReply", reply),
            Reply::RequestVote(reply) => tell(end, "Raft.RequestVoteReply", reply),
            Reply::AppendEntries(reply) => tell(end, "Raft.AppendEntriesReply", reply),
            Reply::Heartbeat(reply) => tell(end, "Raft.HeartbeatReply", reply),
            Reply::InstallSnapshot(reply) => tell(end, "Raft.InstallSnapshotReply", reply),
        }
    }

    /// The handlers of `server`.
    pub(crate) fn service(self, server: Arc<Server>) -> Service {
        let service = Service::new("Raft", server);
        match self {
            Wire::Methods => methods(service),
            Wire::EnumAnswers => others(service)
                .method("RequestVote", |server, args| {
                    request_vote(server, args).map(VoteAnswer::of)
                })
                .method("AppendEntries", |server, args: AppendEntriesArgs| {
                    let (asked, prev) = (args.term, args.prev_log_term);
                    append_entries(server, args).map(move |it| AppendAnswer::of(it, asked, prev))
                }),
            Wire::Rejections => others(service)
                .method("RequestVote", |server, args| {
                    request_vote(server, args).map(VoteResponse::of)
                })
                .method("AppendEntries", |server, args: AppendEntriesArgs| {
                    let (prev, count) = (args.prev_log_index, args.entries.len() as Index);
                    append_entries(server, args).map(move |it| AppendResponse::of(it, prev, count))
                }),
            Wire::OwnWords => methods(service)
                .method("Thump", |server, thump: Thump| heartbeat(server, thump.heartbeat())),
            Wire::Ballots => others(service)
                .method("Claim", |server, claim: Claim| {
                    request_vote(server, claim.args()).map(ClaimAnswer::of)
                })
                .method("Lease", |server, lease: Lease| {
                    let args = lease.args();
                    let asked = args.term;
                    let through = args.prev_log_index + args.entries.len() as Index;
                    append_entries(server, args).map(move |it| LeaseAnswer::of(it, asked, through))
                })
                .method("Transfer", |server, transfer: Transfer| {
                    install_snapshot(server, transfer.args())
                }),
            Wire::OneEnum => service.method("Message", message),
            Wire::Sealed => service.method("Message", sealed),
            Wire::SealedOneWay => {
                service.method("Post", |server, parcel: Bytes| match open(&parcel) {
                    Parcel::Request(request) => take(&server, request),
                    Parcel::Reply(reply) => hear(&server, reply),
                })
            }
            Wire::OneWay => service
                .method("PreVote", |server, args| take(&server, Request::PreVote(args)))
                .method("PreVoteReply", |server, reply| hear(&server, Reply::PreVote(reply)))
                .method("RequestVote", |server, args| take(&server, Request::RequestVote(args)))
                .method("RequestVoteReply", |server, reply| {
                    hear(&server, Reply::RequestVote(reply))
                })
                .method("AppendEntries", |server, args| take(&server, Request::AppendEntries(args)))
                .method("AppendEntriesReply", |server, reply| {
                    hear(&server, Reply::AppendEntries(reply))
                })
                .method("Heartbeat", |server, args| take(&server, Request::Heartbeat(args)))
                .method("HeartbeatReply", |server, reply| hear(&server, Reply::Heartbeat(reply)))
                .method("InstallSnapshot", |server, args| {
                    take(&server, Request::InstallSnapshot(args))
                })
                .method("InstallSnapshotReply", |server, reply| {
                    hear(&server, Reply::InstallSnapshot(reply))
                }),
        }
    }
}

/// With a method for each kind of request.
fn methods(service: Service) -> Service {
    others(service).method("RequestVote", request_vote).method("AppendEntries", append_entries)
}

/// With the methods whose replies are the same, whether answers are enums or not.
fn others(service: Service) -> Service {
    service
        .method("PreVote", pre_vote)
        .method("Heartbeat", heartbeat)
        .method("InstallSnapshot", install_snapshot)
}

/// Ends with the reply to a call, as an input.
fn reply<R: Message>(
    number: Number,
    call: Call<R>,
    reply: impl FnOnce(R) -> Reply + Send + 'static,
) -> BoxFuture<'static, Input> {
    async move { call.await.map_or(Input::Lost(number), |it| Input::Reply(reply(it))) }.boxed()
}

fn send_one_way(end: &ClientEnd, request: &Request) {
    match request {
        Request::PreVote(args) => tell(end, "Raft.PreVote", args),
        Request::RequestVote(args) => tell(end, "Raft.RequestVote", args),
        Request::AppendEntries(args) => tell(end, "Raft.AppendEntries", args),
        Request::Heartbeat(args) => tell(end, "Raft.Heartbeat", args),
        Request::InstallSnapshot(args) => tell(end, "Raft.InstallSnapshot", args),
    }
}

/// Sends a message that nothing but its arrival is answered of, which nobody waits for.
fn tell<M: Message>(end: &ClientEnd, method: &'static str, message: &M) {
    drop(end.call::<M, ()>(method, message));
}

fn take(server: &Server, request: Request) -> std::future::Ready<()> {
    server.take(request);
    ready(())
}

fn hear(server: &Server, reply: Reply) -> std::future::Ready<()> {
    server.hear(reply);
    ready(())
}

async fn message(server: Arc<Server>, request: Request) -> Reply {
    server.ask(request).await
}

async fn sealed(server: Arc<Server>, request: Bytes) -> Bytes {
    labgob::encode(&server.ask(open(&request)).await)
}

fn open<T: Message>(bytes: &[u8]) -> T {
    labgob::decode(bytes).unwrap_or_else(|error| panic!("another server sealed it: {error}"))
}

async fn pre_vote(server: Arc<Server>, args: RequestVoteArgs) -> RequestVoteReply {
    match server.ask(Request::PreVote(args)).await {
        Reply::PreVote(reply) => reply,
        other => unreachable!("{other:?} answers no pre-vote"),
    }
}

async fn request_vote(server: Arc<Server>, args: RequestVoteArgs) -> RequestVoteReply {
    match server.ask(Request::RequestVote(args)).await {
        Reply::RequestVote(reply) => reply,
        other => unreachable!("{other:?} answers no RequestVote"),
    }
}

async fn append_entries(server: Arc<Server>, args: AppendEntriesArgs) -> AppendEntriesReply {
    match server.ask(Request::AppendEntries(args)).await {
        Reply::AppendEntries(reply) => reply,
        other => unreachable!("{other:?} answers no AppendEntries"),
    }
}

async fn heartbeat(server: Arc<Server>, args: HeartbeatArgs) -> HeartbeatReply {
    match server.ask(Request::Heartbeat(args)).await {
        Reply::Heartbeat(reply) => reply,
        other => unreachable!("{other:?} answers no heartbeat"),
    }
}

async fn install_snapshot(server: Arc<Server>, args: InstallSnapshotArgs) -> InstallSnapshotReply {
    match server.ask(Request::InstallSnapshot(args)).await {
        Reply::InstallSnapshot(reply) => reply,
        other => unreachable!("{other:?} answers no InstallSnapshot"),
    }
}
