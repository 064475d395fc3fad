//! Finds the shape of a type by running its `Deserialize` and writing down what it asks for.
//!
//! A `Deserialize` says what it expects before it gets anything: a `u64`, then an option, then a
//! struct with these fields. So a deserializer that answers each question with a made-up value sees
//! the whole type, except where an answer hides a part of it: `None` hides what is in an option, one
//! variant of an enum hides the others. Hence the type is run through several times, and what is
//! known is kept in a tree that each pass adds to. A pass looks into options, sequences and variants
//! that aren't fully known, and gives the shortest answer (`None`, nothing, a variant that worked)
//! to the others. A part that a pass can't add to is done, known fully or not, so that a type whose
//! `Deserialize` rejects made-up values ends the search and doesn't hang it.
//!
//! A type that contains itself is cut where it is met inside itself. By then it is usually known
//! how to make a finite one, and that is given, so that what follows is seen as well.
//!
//! The result depends on the order of the type's questions and on nothing else: no addresses, no
//! hash order, no names of types (they serve to recognise a type inside itself, and no more).

use serde::de::DeserializeOwned;

use crate::MAX_DEPTH;
use crate::tracer::{Cut, Tracer};

pub(crate) const ASKS_WHAT_IT_IS: &str = "its Deserialize asks the bytes what they are \
     (serde's untagged or internally tagged enum, or a type such as serde_json::Value), and these \
     bytes don't say";
pub(crate) const ASKS_FOR_A_NAME: &str = "its Deserialize asks the bytes for a name (serde's flatten \
     and its adjacently tagged enums do), and there are no names in these bytes";

/// Bounds on the work for one type. Beyond them the shape ends where it is.
const MAX_NODES: usize = 2048;
const MAX_STEPS: usize = 100_000;

/// What is known of a type after tracing it.
pub(crate) struct Traced {
    /// The shape in words, close to Rust's. Equal shapes have equal texts and different ones
    /// different texts.
    pub(crate) text: String,
    /// Why the type can't be decoded from this format at all, if so.
    pub(crate) unsupported: Option<&'static str>,
}

pub(crate) fn trace<T: DeserializeOwned>() -> Traced {
    let mut tree = Tree::default();
    tree.nodes.push(Node::default());
    while !tree.nodes[ROOT].done {
        let before = tree.learned;
        // An error ends a pass, but what has been learned until then stays.
        let _ = T::deserialize(Tracer::new(&mut tree, ROOT));
        if tree.learned == before {
            break;
        }
    }
    let mut text = String::new();
    tree.render(ROOT, &mut text);
    Traced { text, unsupported: tree.unsupported }
}

const ROOT: usize = 0;

#[derive(Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// The composed types that are being deserialized now, outermost first.
    open: Vec<Open>,
    /// Grows with everything that is new: a node, a kind, a node that is done.
    learned: usize,
    steps: usize,
    /// How deep we are inside values that are only made because one is needed.
    making: usize,
    unsupported: Option<&'static str>,
}

/// A place in the type.
#[derive(Default)]
struct Node {
    kind: Option<Kind>,
    children: Vec<usize>,
    /// Nothing more is to be learned here.
    done: bool,
    /// A value has been made here.
    makeable: bool,
    /// Of an enum: the first variant that a value could be made of. The first, so that a recursive
    /// enum isn't made of a variant that needs a smaller one of the same.
    makeable_variant: Option<usize>,
}

struct Open {
    visitor: &'static str,
    at: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// No parts, or none that are visible.
    Leaf(&'static str),
    Option,
    Seq,
    Map,
    Tuple(usize),
    Struct(&'static [&'static str]),
    Enum(&'static [&'static str]),
    /// The content of a newtype variant; elsewhere newtypes leave no trace.
    Newtype,
    /// The type that stands around this place, so many levels up, at that node.
    Within {
        levels: usize,
        outer: usize,
    },
}

impl Tree {
    pub(crate) fn set_kind(&mut self, at: usize, kind: Kind) {
        if self.making == 0 && self.nodes[at].kind.is_none() {
            self.nodes[at].kind = Some(kind);
            self.learned += 1;
        }
    }

    fn set_done(&mut self, at: usize) {
        if self.making == 0 && !self.nodes[at].done {
            self.nodes[at].done = true;
            self.learned += 1;
        }
    }

    fn is_done(&self, at: usize, child: usize) -> bool {
        self.nodes[at].children.get(child).is_some_and(|&child| self.nodes[child].done)
    }

    pub(crate) fn child(&mut self, at: usize, child: usize) -> Result<usize, Cut> {
        if let Some(&known) = self.nodes[at].children.get(child) {
            return Ok(known);
        }
        if self.making > 0 || self.nodes.len() == MAX_NODES {
            return Err(Cut);
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].children.push(new);
        self.learned += 1;
        Ok(new)
    }

    fn all_children_done(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        let expected = match node.kind {
            None => return false,
            Some(Kind::Leaf(_) | Kind::Within { .. }) => 0,
            Some(Kind::Option | Kind::Seq | Kind::Newtype) => 1,
            Some(Kind::Map) => 2,
            Some(Kind::Tuple(len)) => len,
            Some(Kind::Struct(names) | Kind::Enum(names)) => names.len(),
        };
        node.children.len() == expected && node.children.iter().all(|&child| self.nodes[child].done)
    }

    /// Visits anything composed. `walk` goes through the parts of the place it is given: this one,
    /// or, where a type is met within itself, the one that is known already.
    pub(crate) fn visit<R>(
        &mut self,
        at: usize,
        kind: Option<Kind>,
        visitor: &'static str,
        walk: impl FnOnce(&mut Self, usize) -> Result<R, Cut>,
    ) -> Result<R, Cut> {
        self.step()?;
        if self.open.len() == MAX_DEPTH {
            return Err(Cut);
        }
        if self.making > 0 {
            let at = match self.nodes[at].kind {
                Some(Kind::Within { outer, .. }) => outer,
                _ => at,
            };
            return self.walk(at, visitor, walk);
        }
        if let Some(up) = self.open.iter().rev().position(|open| open.visitor == visitor) {
            let outer = self.open[self.open.len() - 1 - up].at;
            self.set_kind(at, Kind::Within { levels: up + 1, outer });
            self.set_done(at);
            if !self.nodes[outer].makeable {
                return Err(Cut);
            }
            self.making += 1;
            let result = self.walk(outer, visitor, walk);
            self.making -= 1;
            return result;
        }
        if let Some(kind) = kind {
            self.set_kind(at, kind);
        }
        let before = self.learned;
        let result = self.walk(at, visitor, walk);
        self.nodes[at].makeable |= result.is_ok();
        self.after_visit(at, before);
        result
    }

    fn walk<R>(
        &mut self,
        at: usize,
        visitor: &'static str,
        walk: impl FnOnce(&mut Self, usize) -> Result<R, Cut>,
    ) -> Result<R, Cut> {
        self.open.push(Open { visitor, at });
        let result = walk(self, at);
        self.open.pop();
        result
    }

    /// Visits an enum's next variant; `walk` gets the variant's place and number.
    pub(crate) fn visit_variant<R>(
        &mut self,
        at: usize,
        count: usize,
        walk: impl FnOnce(&mut Self, usize, u32) -> Result<R, Cut>,
    ) -> Result<R, Cut> {
        let chosen = self.choose_variant(at, count);
        let index = u32::try_from(chosen).map_err(|_| Cut)?;
        let child = self.child(at, chosen)?;
        let before = self.learned;
        let result = walk(self, child, index);
        self.after_visit(child, before);
        if result.is_ok() && self.making == 0 {
            self.nodes[at].makeable_variant.get_or_insert(chosen);
        }
        result
    }

    /// Notes a place without parts.
    pub(crate) fn visit_leaf(&mut self, at: usize, name: &'static str) -> Result<(), Cut> {
        self.step()?;
        self.set_kind(at, Kind::Leaf(name));
        self.set_done(at);
        Ok(())
    }

    /// Notes that the type can't be decoded.
    pub(crate) fn refuse(&mut self, at: usize, reason: &'static str) -> Cut {
        self.unsupported.get_or_insert(reason);
        match self.visit_leaf(at, "unsupported") {
            Ok(()) | Err(Cut) => Cut,
        }
    }

    /// Whether an option, sequence or map should be gone into, or be given as empty.
    pub(crate) fn worth_entering(&self, at: usize, parts: usize) -> bool {
        self.making == 0 && !self.nodes[at].done && !(0..parts).all(|part| self.is_done(at, part))
    }

    fn step(&mut self) -> Result<(), Cut> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(Cut) } else { Ok(()) }
    }

    /// Marks a node done if nothing is missing below it, or if a visit has added nothing.
    fn after_visit(&mut self, at: usize, learned_before: usize) {
        if self.learned == learned_before || self.all_children_done(at) {
            self.set_done(at);
        }
    }

    /// The variant to go into: one never seen, or one not fully known, or one that works.
    fn choose_variant(&self, at: usize, count: usize) -> usize {
        let node = &self.nodes[at];
        let makeable = node.makeable_variant.unwrap_or(0);
        if self.making > 0 {
            return makeable;
        }
        if node.children.len() < count {
            return node.children.len();
        }
        (0..count).find(|&variant| !self.is_done(at, variant)).unwrap_or(makeable)
    }

    fn render(&self, at: usize, out: &mut String) {
        let node = &self.nodes[at];
        let Some(kind) = node.kind else {
            out.push('?');
            return;
        };
        match kind {
            Kind::Leaf(name) => out.push_str(name),
            Kind::Option => self.render_parts(node, ["Option<", ", ", ">"], 1, &[], out),
            Kind::Seq => self.render_parts(node, ["[", ", ", "]"], 1, &[], out),
            Kind::Map => self.render_parts(node, ["[", " => ", "]"], 2, &[], out),
            Kind::Newtype => self.render_parts(node, ["(", ", ", ")"], 1, &[], out),
            Kind::Tuple(len) => self.render_parts(node, ["(", ", ", ")"], len, &[], out),
            Kind::Struct(names) => {
                self.render_parts(node, ["{ ", ", ", " }"], names.len(), names, out);
            }
            Kind::Enum(names) => {
                out.push_str("enum ");
                self.render_parts(node, ["{ ", ", ", " }"], names.len(), names, out);
            }
            Kind::Within { levels, .. } => out.push_str(&format!("Self^{levels}")),
        }
    }

    fn render_parts(
        &self,
        node: &Node,
        [open, between, close]: [&str; 3],
        count: usize,
        names: &[&str],
        out: &mut String,
    ) {
        if count == 0 {
            out.push_str(open.trim_end());
            out.push_str(close.trim_start());
            return;
        }
        out.push_str(open);
        // A part that was never reached may be one of very many; its number is enough.
        let reached = node.children.len().max(names.len());
        for part in 0..reached {
            if part > 0 {
                out.push_str(between);
            }
            if let Some(name) = names.get(part) {
                // A name made by `serde(rename)` may hold anything, even what looks like a shape.
                let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                out.push_str(&if plain { (*name).to_owned() } else { format!("{name:?}") });
                if matches!(node.kind, Some(Kind::Struct(_))) {
                    out.push_str(": ");
                }
            }
            let child = node.children.get(part);
            if child.is_some_and(|&child| matches!(self.nodes[child].kind, Some(Kind::Struct(_))))
                && matches!(node.kind, Some(Kind::Enum(_)))
            {
                out.push(' ');
            }
            match child {
                Some(&child) => self.render(child, out),
                None => out.push('?'),
            }
        }
        let missing = count - reached.min(count);
        if missing > 0 {
            out.push_str(if reached > 0 { between } else { "" });
            out.push_str(&if missing == 1 { "?".to_owned() } else { format!("{missing} x ?") });
        }
        out.push_str(close);
    }
}
