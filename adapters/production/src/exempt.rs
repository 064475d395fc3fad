//! Which tests aren't asked of which right Raft, and why.

/// Tests that some right Rafts need not pass.
#[derive(Debug)]
pub(crate) struct Exempt {
    /// The adapters' folders.
    pub(crate) peers: &'static [&'static str],
    /// The tests.
    pub(crate) tests: &'static [&'static str],
    /// Why.
    pub(crate) reason: &'static str,
}

/// Why a test isn't asked of a peer, if it isn't.
pub(crate) fn reason(peer: &str, test: &str) -> Option<&'static str> {
    let exempt = EXEMPT.iter().find(|it| it.peers.contains(&peer) && it.tests.contains(&test));
    exempt.map(|it| it.reason)
}

const BLANK_ENTRIES: &str = "the scenario lets a certain server win an election, whoever led for a moment before; a new \
                             leader of this peer's appends a blank entry, and then refuses its vote to a server \
                             without that entry";

const INDEXES: &str = "the scenario waits for a message by the index that `start()` returned; this peer's messages \
                       count other entries, too";

pub(crate) const EXEMPT: &[Exempt] = &[
    Exempt {
        peers: &["openraft", "openraft-0.10", "raftbare", "tikv-raft"],
        tests: &["TestLateAppendEntriesX04"],
        reason: INDEXES,
    },
    Exempt { peers: &["openraft-0.10"], tests: &["TestSlowDisksX21"], reason: INDEXES },
    Exempt {
        peers: &["openraft", "openraft-0.10", "raftbare", "tikv-raft"],
        tests: &["TestFigure8X01"],
        reason: BLANK_ENTRIES,
    },
    Exempt {
        peers: &["openraft", "openraft-0.10", "raftbare"],
        tests: &[
            "TestAnswerToFormerTermX08",
            "TestCommitBehindDivergenceX11",
            "TestRefusedRequestsX13",
            "TestHigherTermInRepliesX14",
            "TestMatchOfFormerTermX24",
        ],
        reason: BLANK_ENTRIES,
    },
    Exempt {
        peers: &["openraft", "raftbare"],
        tests: &["TestRefusalOfFormerTermX23"],
        reason: BLANK_ENTRIES,
    },
    Exempt {
        peers: &["openraft", "openraft-0.10"],
        tests: &["TestVotesBehindRefusalX34"],
        reason: BLANK_ENTRIES,
    },
    Exempt {
        peers: &["openraft"],
        tests: &["TestVoteSurvivesCrashX05"],
        reason: "the scenario has a restarted leader start an election; openraft's still leads after its restart",
    },
    Exempt {
        peers: &["openraft", "openraft-0.10"],
        tests: &["TestSlowMessagesX32"],
        reason: "openraft gives up a request after a heartbeat interval, by default 50 ms; here messages take longer",
    },
    Exempt {
        peers: &["openraft-0.10"],
        tests: &["TestFigure8Unreliable3C"],
        reason: "openraft 0.10 gives up a request after three quarters of a heartbeat interval, by default 37 ms, and \
                 after some of them waits 200 ms before the next; here two replies of three take longer, so a follower \
                 may not catch up within 10 s (3 of 60 runs)",
    },
    Exempt {
        peers: &["raftbare", "tikv-raft-0.4"],
        tests: &["TestFigure8Unreliable3C"],
        reason: "the leader goes back by one entry a request; the test needs fast backup, as MIT's hand-out says",
    },
];
