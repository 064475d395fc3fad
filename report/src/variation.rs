//! A run that parts from its seed's at one point: what is drawn anew from there on, or changed in it.
//!
//! A variation is a line of JSON in the file that `LAB_VARY` names. Up to the point where it takes effect the
//! run is exactly its seed's; `cargo lab why` compares many such runs with one another.

use serde::{Deserialize, Serialize};

use crate::event::{RpcId, Time};

/// How one run differs from its seed's. The default is no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variation {
    /// From when on chance decides otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redraw: Option<Redraw>,
    /// The call that fares otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallChange>,
    /// The server's draw that comes out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<DrawChange>,
    /// The result is to have the hash of all that happened before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Time>,
    /// The result is to have the servers' draws from the first of these times on and before the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<(Time, Time)>,
}

/// From `at` on all that chance decides in a run is drawn anew: the network's delays and losses, the script's
/// choices, the servers' random numbers, tokio's choices. What was drawn before stays: messages that are under
/// way arrive as they would have, and timers that were set fire when they would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redraw {
    /// The first millisecond in which it holds, as a time.
    pub at: Time,
    /// Which redraw at this time it is: each number gives other draws, and the same ones each time.
    pub number: u64,
    /// What is drawn anew, if not everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Source>,
}

/// Where chance comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The test's script: which server it cuts off, how long it waits.
    Script,
    /// The network's delays and losses.
    Network,
    /// The servers' random numbers, such as their election timeouts, and tokio's choices.
    Servers,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 3] = [Source::Script, Source::Network, Source::Servers];
}

/// What becomes of one call in place of what chance would have made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallChange {
    /// The call.
    pub id: RpcId,
    /// What becomes of its request; `None` for what would have become of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Way>,
    /// What becomes of its reply, if it gets one; `None` for what would have become of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Way>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It is lost: the caller learns so a few milliseconds later.
    Lost,
    /// It arrives so many microseconds after it was sent, and up to 0.1 ms more. If its server can't be reached,
    /// the caller learns so then.
    After(u64),
}

/// A server's random numbers in one of its turns come out otherwise: those of `rand::rng()` while its code runs
/// at one time. All numbers that are drawn before and after are the same as without the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawChange {
    /// When it draws, exactly.
    pub at: Time,
    /// The server.
    pub server: u32,
    /// Which change it is: each number gives other draws, and the same ones each time.
    pub number: u64,
}

/// A server has drawn random numbers from `rand::rng()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// When.
    pub at: Time,
    /// The server.
    pub server: u32,
    /// How many words of 32 bits it took.
    pub words: u64,
}

impl Variation {
    /// All draws anew from `at` on, for the `number`th time. The result has the hash of what was before.
    #[must_use]
    pub fn redraw(at: Time, number: u64) -> Variation {
        let redraw = Redraw { at, number, only: None };
        Variation { redraw: Some(redraw), prefix: Some(at), ..Variation::default() }
    }

    /// Reads the variations in a file's text, one a line.
    ///
    /// # Errors
    /// If a line isn't one: which, and what is wrong with it.
    pub fn read(text: &str) -> Result<Vec<Variation>, String> {
        let lines = text.lines().zip(1..);
        let line = |(line, number): (&str, usize)| {
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))
        };
        lines.map(line).collect()
    }

    /// The same as a file's text.
    #[must_use]
    pub fn write(variations: &[Variation]) -> String {
        let line = |variation| serde_json::to_string(variation).expect("it is plain data");
        variations.iter().map(|variation| line(variation) + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_variation_in_each_line() {
        let call =
            CallChange { id: RpcId(7), request: Some(Way::Lost), reply: Some(Way::After(5)) };
        let draw = DrawChange { at: Time(9), server: 2, number: 1 };
        let all = [
            Variation::default(),
            Variation::redraw(Time(3000), 4),
            Variation { call: Some(call), ..Variation::default() },
            Variation { draw: Some(draw), watch: Some((Time(1), Time(2))), ..Variation::default() },
        ];
        let text = Variation::write(&all);
        assert_eq!(text.lines().count(), all.len());
        assert_eq!(text.lines().next(), Some("{}"));
        assert_eq!(Variation::read(&text), Ok(all.to_vec()));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let error = Variation::read("{}\n{\"redrew\":1}\n").expect_err("there is no such field");
        assert!(error.starts_with("line 2: unknown field `redrew`"), "{error}");
    }
}
