//! Which tests aren't asked of which right Raft, and why.

/// A test that a right Raft need not pass.
#[derive(Debug)]
pub(crate) struct Exempt {
    /// The adapter's folder.
    pub(crate) peer: &'static str,
    /// The tests.
    pub(crate) tests: &'static [&'static str],
    /// Why.
    pub(crate) reason: &'static str,
}

/// Why a test isn't asked of a peer, if it isn't.
pub(crate) fn reason(peer: &str, test: &str) -> Option<&'static str> {
    let exempt = EXEMPT.iter().find(|it| it.peer == peer && it.tests.contains(&test));
    exempt.map(|it| it.reason)
}

const OWN_INDEXES: &str = "the scenario waits for a request by the index that `start()` returned; this peer's messages \
                           count other entries, too";

pub(crate) const EXEMPT: &[Exempt] = &[
    Exempt { peer: "openraft", tests: &["TestLateAppendEntriesX04"], reason: OWN_INDEXES },
    Exempt {
        peer: "openraft",
        tests: &[
            "TestFigure8X01",
            "TestAnswerToFormerTermX08",
            "TestCommitBehindDivergenceX11",
            "TestRefusedRequestsX13",
            "TestHigherTermInRepliesX14",
            "TestMatchOfFormerTermX24",
            "TestVotesBehindRefusalX34",
        ],
        reason: "the scenario has a certain server elected while another one leads; a leader of openraft's refuses its \
                 vote, and keeps its term, as long as its lease lasts (thesis §6.4.1)",
    },
    Exempt {
        peer: "openraft",
        tests: &["TestSlowMessagesX32"],
        reason: "openraft gives up a request after a heartbeat interval, by default 50 ms; here messages take longer",
    },
    Exempt { peer: "raftbare", tests: &["TestLateAppendEntriesX04"], reason: OWN_INDEXES },
    Exempt {
        peer: "raftbare",
        tests: &["TestFigure8Unreliable3C"],
        reason: "a leader of raftbare's goes back by one entry a request; the test needs fast backup, as MIT's hand-out \
                 says",
    },
];
