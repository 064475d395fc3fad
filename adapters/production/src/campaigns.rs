//! What is measured: which foreign Raft, with which patches and settings, by which tests.

use std::collections::BTreeSet;

/// A foreign Raft, measured by some tests.
#[derive(Debug)]
pub(crate) struct Campaign {
    /// The bug that it is about; or, for a right Raft, `right`, `extra` or `explored`: whose tests they are.
    pub(crate) of: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// The adapter's folder.
    pub(crate) peer: &'static str,
    /// The foreign crate and its version.
    pub(crate) version: &'static str,
    /// The patches that it has, as `adapters/patched` takes them; empty without patches.
    pub(crate) patches: &'static str,
    /// Environment variables of the adapter and of the lab.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// Its tests.
    pub(crate) tests: &'static [&'static str],
    /// How much is run of each.
    pub(crate) amount: Amount,
    /// What it is for.
    pub(crate) role: Role,
}

/// How much is run of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// So many runs.
    Runs(u64),
    /// Runs for so many minutes of CPU time.
    CpuMinutes(u64),
}

/// What a campaign is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The crate as it was released, which has the bug.
    Bug,
    /// The same with a fix: it must pass.
    Control,
    /// Only some of the fixes: what the crate's other bugs do.
    Partly,
    /// A right Raft: it must pass everything.
    Right,
}

/// A bug of a foreign Raft's.
#[derive(Debug)]
pub(crate) struct Bug {
    pub(crate) id: &'static str,
    /// The crate, and the versions that have it.
    pub(crate) versions: &'static str,
    /// Where it is told in public, and where it was fixed.
    pub(crate) public: &'static str,
    /// What goes wrong, in a sentence or two.
    pub(crate) mechanism: &'static str,
}

const OPENRAFT: &str = "openraft 0.9.25";
const NEW_OPENRAFT: &str = "openraft 0.10.0-alpha.37";
const ASYNC_RAFT: &str = "async-raft 0.6.1";
const RAFTBARE: &str = "raftbare 0.2.2";
const TIKV_RAFT: &str = "raft 0.7.0";
const OLD_TIKV_RAFT: &str = "raft 0.4.3";

/// Faults of async-raft that aren't P2 to P4, and that the same tests show: what it needs beside a bug's own fix to pass.
/// `PRODUCTION.md` says what each is.
macro_rules! with_the_rest {
    ($($fix:literal),*) => {
        concat!(
            $($fix, ",",)*
            "applies-from-log,conflict-goes-back,counts-what-is-confirmed,leader-applies-all,",
            "match-index-begins-at-zero"
        )
    };
}

/// All fixes of async-raft.
const ALL_FIXES: &str =
    with_the_rest!("newer-log-wins", "heartbeats-are-checked", "no-wait-after-restart");

const ELECTIONS: &[&str] = &["TestReElection3A", "TestManyElections3A"];
const REJOIN: &[&str] = &["TestRejoin3B", "TestBackup3B"];
const RESTART: &[&str] = &["TestPersist13C"];
const CRASHES: &[&str] = &["TestPersist13C", "TestFigure83C"];

/// All of MIT's tests.
pub(crate) const MIT: &[&str] = &[
    "TestInitialElection3A",
    "TestReElection3A",
    "TestManyElections3A",
    "TestBasicAgree3B",
    "TestRPCBytes3B",
    "TestFollowerFailure3B",
    "TestLeaderFailure3B",
    "TestFailAgree3B",
    "TestFailNoAgree3B",
    "TestConcurrentStarts3B",
    "TestRejoin3B",
    "TestBackup3B",
    "TestCount3B",
    "TestPersist13C",
    "TestPersist23C",
    "TestPersist33C",
    "TestFigure83C",
    "TestUnreliableAgree3C",
    "TestFigure8Unreliable3C",
    "TestReliableChurn3C",
    "TestUnreliableChurn3C",
    "TestSnapshotBasic3D",
    "TestSnapshotInstall3D",
    "TestSnapshotInstallUnreliable3D",
    "TestSnapshotInstallCrash3D",
    "TestSnapshotInstallUnCrash3D",
    "TestSnapshotAllCrash3D",
    "TestSnapshotInit3D",
];

/// The tests beyond MIT's.
pub(crate) const EXTRA: &[&str] = &[
    "TestFigure8X01",
    "TestOneVoteATermX02",
    "TestLateVoteX03",
    "TestLateAppendEntriesX04",
    "TestVoteSurvivesCrashX05",
    "TestEntriesSurviveCrashX06",
    "TestCrashAtSaveX07",
    "TestAnswerToFormerTermX08",
    "TestLateSnapshotX09",
    "TestEntriesBehindSnapshotX10",
    "TestCommitBehindDivergenceX11",
    "TestSilentPeersX12",
    "TestRefusedRequestsX13",
    "TestHigherTermInRepliesX14",
    "TestRepeatedRequestVoteX15",
    "TestSlowServiceX16",
    "TestDoubledRequestsX17",
    "TestReorderedRequestsX18",
    "TestOneWayLinksX19",
    "TestAlignedTimersX20",
    "TestSlowDisksX21",
    "TestLeaderStaysX22",
    "TestRefusalOfFormerTermX23",
    "TestMatchOfFormerTermX24",
    "TestInstalledSnapshotSurvivesCrashX25",
    "TestEvenClusterX26",
    "TestUnevenSnapshotsX27",
    "TestSnapshotWhileApplyingX28",
    "TestCallWithoutAnswerX29",
    "TestSnapshotOverConflictX30",
    "TestRefusingFollowerX31",
    "TestSlowMessagesX32",
    "TestRequestsAtOnceX33",
    "TestVotesBehindRefusalX34",
];

/// A random plan for each seed.
const EXPLORE: &[&str] = &["TestExplore"];

pub(crate) const BUGS: &[Bug] = &[
    Bug {
        id: "P1",
        versions: "openraft 0.8.0 to 0.9.25, and 0.10.0-alpha.14 to .29",
        public: "fluree/db#1845; fixed by openraft#1838 in 0.10.0-alpha.30",
        mechanism: "A server draws its election timeout once and uses it for every election, on a tick of 75 ms. If \
                    the timeouts of two servers end at the same tick, the two always ask for votes at the same \
                    instant, and no leader is elected.",
    },
    Bug {
        id: "P2",
        versions: "async-raft 0.6.1 and before",
        public: "fixed in openraft a48a3282",
        mechanism: "A server grants its vote only if the candidate's last term and last index are both not lower than \
                    its own. If one server has a longer log of an earlier term, and another has a shorter log of a \
                    later term, neither votes for the other.",
    },
    Bug {
        id: "P3",
        versions: "async-raft 0.6.0 and 0.6.1",
        public: "came with async-raft PR #102; fixed by #122, openraft 6202138f",
        mechanism: "A server accepts an AppendEntries without entries even if its log doesn't match at prevLogIndex, \
                    and sets its commit index to leaderCommit. So it applies entries that aren't its leader's.",
    },
    Bug {
        id: "P4",
        versions: "async-raft 0.6.1 and before",
        public: "fixed in openraft 228077a6",
        mechanism: "After a restart a server waits for 30 s before it starts its first election.",
    },
    Bug {
        id: "P5",
        versions: "raft (tikv) 0.1.0 to 0.5.0",
        public: "tikv/raft-rs#128; fixed by tikv/raft-rs#372 in 0.6.0",
        mechanism: "`Ready::must_sync` says that nothing must be synced, although there are new entries. Who relies on it \
                    replies before the entries are durable, and a crash takes them.",
    },
    Bug {
        id: "N1",
        versions: "raftbare 0.2.2",
        public: "sile/noraft#22 fixes it in noraft, the crate's successor; the lab found it in raftbare without knowing \
                 of that",
        mechanism: "A server that votes compares the last indexes of the two logs, and not their last terms. So a \
                    longer log of an earlier term wins over a shorter log of a later term (§5.4.1), and the new \
                    leader replaces committed entries.",
    },
];

const fn campaign(
    of: &'static str,
    name: &'static str,
    (peer, version, patches): (&'static str, &'static str, &'static str),
    tests: &'static [&'static str],
    (role, runs): (Role, u64),
) -> Campaign {
    let amount = Amount::Runs(runs);
    Campaign { of, name, peer, version, patches, variables: &[], tests, amount, role }
}

const fn right_one(
    of: &'static str,
    name: &'static str,
    peer: (&'static str, &'static str, &'static str),
    (tests, amount): (&'static [&'static str], Amount),
) -> Campaign {
    let campaign = campaign(of, name, peer, tests, (Role::Right, 0));
    Campaign { variables: STRICT, amount, ..campaign }
}

/// A right Raft's runs of MIT's tests, of the extra ones, and of random plans.
const fn right(
    [tests, extra, explored]: [&'static str; 3],
    peer: (&'static str, &'static str, &'static str),
) -> [Campaign; 3] {
    [
        right_one("right", tests, peer, (MIT, Amount::Runs(1000))),
        right_one("extra", extra, peer, (EXTRA, Amount::Runs(1000))),
        right_one("explored", explored, peer, (EXPLORE, Amount::CpuMinutes(10))),
    ]
}

const fn openraft(
    name: &'static str,
    starts: &'static [(&'static str, &'static str)],
    peer: (&'static str, &'static str, &'static str),
    role: Role,
) -> Campaign {
    let campaign = campaign("P1", name, peer, ELECTIONS, (role, 1000));
    Campaign { variables: starts, ..campaign }
}

const fn async_raft(
    of: &'static str,
    name: &'static str,
    patches: &'static str,
    tests: &'static [&'static str],
    role: Role,
) -> Campaign {
    campaign(of, name, ("async-raft", ASYNC_RAFT, patches), tests, (role, 1000))
}

const ALIGNED: &[(&str, &str)] = &[("LAB_STARTS", "aligned")];
const SPREAD: &[(&str, &str)] = &[("LAB_STARTS", "spread")];
/// For right Rafts. openraft's servers begin an election as soon as they are made, so they begin one after the other.
const STRICT: &[(&str, &str)] = &[("LAB_STRICT", "1"), ("LAB_STARTS", "spread")];

/// The right Rafts.
const RIGHT: [[Campaign; 3]; 5] = [
    right(
        [
            "openraft with P1's fix",
            "openraft with P1's fix, extra tests",
            "openraft with P1's fix, explored",
        ],
        ("openraft", OPENRAFT, "draws-anew"),
    ),
    right(
        ["openraft 0.10", "openraft 0.10, extra tests", "openraft 0.10, explored"],
        ("openraft-0.10", NEW_OPENRAFT, ""),
    ),
    right(
        [
            "raftbare with all fixes",
            "raftbare with all fixes, extra tests",
            "raftbare with all fixes, explored",
        ],
        (
            "raftbare",
            RAFTBARE,
            "newer-log-wins,higher-term-is-adopted,leader-is-followed,timer-goes-on",
        ),
    ),
    right(
        ["raft (tikv)", "raft (tikv), extra tests", "raft (tikv), explored"],
        ("tikv-raft", TIKV_RAFT, ""),
    ),
    right(
        [
            "raft 0.4 (tikv) with P5's fix",
            "raft 0.4 (tikv) with P5's fix, extra tests",
            "raft 0.4 (tikv) with P5's fix, explored",
        ],
        ("tikv-raft-0.4", OLD_TIKV_RAFT, "entries-are-synced"),
    ),
];

/// All campaigns, those of a bug side by side.
pub(crate) fn all() -> impl Iterator<Item = &'static Campaign> {
    OF_BUGS.iter().chain(RIGHT.as_flattened())
}

/// One campaign of each peer with all its fixes.
pub(crate) fn fixed() -> impl Iterator<Item = &'static Campaign> {
    let mut peers = BTreeSet::new();
    let right_first = RIGHT.as_flattened().iter().chain(OF_BUGS);
    let is_fixed = |it: &&Campaign| matches!(it.role, Role::Right | Role::Control);
    right_first.filter(is_fixed).filter(move |it| peers.insert(it.peer))
}

const OF_BUGS: &[Campaign] = &[
    openraft(
        "P1, all servers begin at the same instant",
        ALIGNED,
        ("openraft", OPENRAFT, ""),
        Role::Bug,
    ),
    openraft("P1, servers begin within a tick", SPREAD, ("openraft", OPENRAFT, ""), Role::Bug),
    openraft(
        "P1 fixed, at the same instant",
        ALIGNED,
        ("openraft", OPENRAFT, "draws-anew"),
        Role::Control,
    ),
    openraft(
        "P1 fixed, within a tick",
        SPREAD,
        ("openraft", OPENRAFT, "draws-anew"),
        Role::Control,
    ),
    openraft(
        "P1, the newer version, at the same instant",
        ALIGNED,
        ("openraft-0.10", NEW_OPENRAFT, ""),
        Role::Control,
    ),
    openraft(
        "P1, the newer version, within a tick",
        SPREAD,
        ("openraft-0.10", NEW_OPENRAFT, ""),
        Role::Control,
    ),
    async_raft("P2", "P2", "", REJOIN, Role::Bug),
    async_raft(
        "P2",
        "P2 alone",
        with_the_rest!("heartbeats-are-checked", "no-wait-after-restart"),
        REJOIN,
        Role::Partly,
    ),
    async_raft("P2", "P2 fixed, and nothing else", "newer-log-wins", REJOIN, Role::Partly),
    async_raft("P2", "P2 fixed, with the rest", ALL_FIXES, REJOIN, Role::Control),
    async_raft("P3", "P3", "", REJOIN, Role::Bug),
    async_raft(
        "P3",
        "P3 alone",
        with_the_rest!("newer-log-wins", "no-wait-after-restart"),
        REJOIN,
        Role::Partly,
    ),
    async_raft("P3", "P3 fixed, and nothing else", "heartbeats-are-checked", REJOIN, Role::Partly),
    async_raft("P3", "P3 fixed, with the rest", ALL_FIXES, REJOIN, Role::Control),
    async_raft("P4", "P4", "", RESTART, Role::Bug),
    async_raft(
        "P4",
        "P4 alone",
        with_the_rest!("newer-log-wins", "heartbeats-are-checked"),
        RESTART,
        Role::Partly,
    ),
    async_raft("P4", "P4 fixed, and nothing else", "no-wait-after-restart", RESTART, Role::Partly),
    async_raft("P4", "P4 fixed, with the rest", ALL_FIXES, RESTART, Role::Control),
    campaign("P5", "P5", ("tikv-raft-0.4", OLD_TIKV_RAFT, ""), CRASHES, (Role::Bug, 1000)),
    campaign(
        "P5",
        "P5 fixed",
        ("tikv-raft-0.4", OLD_TIKV_RAFT, "entries-are-synced"),
        CRASHES,
        (Role::Control, 1000),
    ),
    campaign(
        "P5",
        "P5, the newer version",
        ("tikv-raft", TIKV_RAFT, ""),
        CRASHES,
        (Role::Control, 1000),
    ),
    campaign("N1", "N1", ("raftbare", RAFTBARE, ""), REJOIN, (Role::Bug, 1000)),
    campaign(
        "N1",
        "N1 fixed",
        ("raftbare", RAFTBARE, "newer-log-wins"),
        REJOIN,
        (Role::Control, 1000),
    ),
];
