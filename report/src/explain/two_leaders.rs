//! Causes of `term … has … (>1) leaders` and `expected no leader among connected servers`.

use super::finding::Finding;
use super::{Case, Cause, certain, evidence, referee};

pub(super) const CAUSES: &[Cause] = &[referee::broken_rule, two_leaders];

/// Nothing more is known than that there are two.
fn two_leaders(case: &Case<'_>) -> Option<Finding> {
    // How it came to that says more.
    if referee::broken_rule(case).is_some() {
        return None;
    }
    let tripped = case.tripped.iter().find(|tripped| tripped.monitor.id == "M1")?;
    let seen = tripped.first();
    let proof = vec![evidence(seen.at, seen.what.clone(), seen.calls.iter().copied())];
    let what = format!("servers {} led the same term", crate::text::list(seen.servers.iter()));
    let look = "who counts votes of which term: a reply counts only while its candidate still \
                stands for the term of the request; and whether a leader changes its term \
                without giving up its leadership";
    let rule = "at most one leader is elected in a term (§5.2, Election Safety)";
    Some(certain("two-leaders", what, proof, [rule, look]))
}
