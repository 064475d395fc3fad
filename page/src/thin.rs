//! Makes a picture small enough for a page: the failing window stays whole for as long as that is possible,
//! and what is left out is said.

use std::collections::BTreeMap;

use crate::embed::json;
use crate::picture::{Kind, MarkKind, Picture, merged};

/// What is left out, the less telling first; each is done on top of those before it.
const STEPS: [(Left, &str); 13] = [
    (Left::TextsOfPlain, "what messages say that were simply answered"),
    (Left::Texts, "what messages say"),
    (Left::Slices(100_000), "steps of logs, saves and applies: those in each 0.1 s are one"),
    (Left::Lines, "what the servers logged"),
    (Left::Plain(8), "messages that were simply answered: 1 in 8 is drawn"),
    (Left::Plain(u64::MAX), "all messages that were simply answered"),
    (Left::Slices(1_000_000), "steps of logs, saves and applies: those in each second are one"),
    (Left::Messages, "all messages but requests for votes"),
    (Left::TextsInside, "inside the failing window, what messages say that were simply answered"),
    (Left::SlicesInside(20_000), "inside it, steps of logs: those in each 0.02 s are one"),
    (Left::PlainInside(8), "inside it, messages that were simply answered: 1 in 8 is drawn"),
    (
        Left::AllTexts,
        "inside it, what messages say, and all but the last lines of the servers' logs",
    ),
    (Left::PlainInside(u64::MAX), "inside it, all messages that were simply answered"),
];

/// Something that can be left out.
#[derive(Clone, Copy)]
enum Left {
    TextsOfPlain,
    Texts,
    Slices(u64),
    Lines,
    Plain(u64),
    Messages,
    TextsInside,
    SlicesInside(u64),
    PlainInside(u64),
    AllTexts,
}

/// How many lines of the servers' logs are kept at least.
const LINES: usize = 1000;

/// The picture in at most `size` bytes of JSON, and what is left out of it, in words. What a page adds to the
/// JSON is not counted.
pub(crate) fn thin(mut picture: Picture, size: usize) -> (String, Vec<&'static str>) {
    let mut left_out = Vec::new();
    let mut steps = STEPS.iter();
    loop {
        picture.leave_unused_texts();
        let data = json(&picture);
        if data.len() <= size {
            return (data, left_out);
        }
        match steps.next() {
            Some((left, what)) => {
                picture.leave(*left);
                left_out.push(*what);
            }
            None => {
                let what = "some of everything else: the run is too long for a page";
                if left_out.last() != Some(&what) {
                    left_out.push(what);
                }
                picture.halve();
            }
        }
    }
}

impl Picture {
    /// The time that is kept whole: the failing check, and what is shown behind it.
    pub(crate) fn kept(&self) -> [u64; 2] {
        [self.window[0], self.opens[1].max(self.window[1])]
    }

    fn leave(&mut self, left: Left) {
        let [from, until] = self.kept();
        let is_inside = move |at: u64| from <= at && at <= until;
        match left {
            Left::TextsOfPlain | Left::Texts | Left::TextsInside | Left::AllTexts => {
                for message in &mut self.messages {
                    let goes = match left {
                        Left::TextsOfPlain => !is_inside(message.sent) && message.is_plain(),
                        Left::Texts => !is_inside(message.sent),
                        Left::TextsInside => message.is_plain(),
                        _ => !message.is_proof,
                    };
                    if goes {
                        (message.args, message.reply) = (None, None);
                    }
                }
                if matches!(left, Left::AllTexts) {
                    self.commands.clear();
                    self.leave_lines();
                }
            }
            Left::Slices(length) => {
                self.slice(move |at| if is_inside(at) { 1 } else { length });
            }
            Left::SlicesInside(length) => {
                self.slice(move |at| if is_inside(at) { length } else { 1_000_000 });
            }
            Left::Lines => {
                for lane in &mut self.lanes {
                    lane.marks.retain(|mark| mark.kind != MarkKind::Log || is_inside(mark.at));
                }
            }
            Left::Plain(one_in) | Left::PlainInside(one_in) => {
                let everywhere = matches!(left, Left::PlainInside(_));
                self.messages.retain(|message| {
                    !message.is_plain()
                        || (is_inside(message.sent) && !everywhere)
                        || message.id.is_multiple_of(one_in)
                });
            }
            Left::Messages => {
                self.messages.retain(|message| {
                    message.is_proof || message.kind == Kind::Vote || is_inside(message.sent)
                });
                for lane in &mut self.lanes {
                    lane.marks.retain(|mark| mark.kind != MarkKind::Propose || is_inside(mark.at));
                }
            }
        }
    }

    /// Leaves only the last lines of the servers' logs.
    fn leave_lines(&mut self) {
        for lane in &mut self.lanes {
            let lines = lane.marks.iter().filter(|mark| mark.kind == MarkKind::Log).count();
            let mut too_many = lines.saturating_sub(LINES);
            lane.marks.retain(|mark| {
                let goes = mark.kind == MarkKind::Log && too_many > 0;
                too_many -= usize::from(goes);
                !goes
            });
        }
    }

    /// Makes one step of all that lie in the same slice of time.
    fn slice(&mut self, slice: impl Fn(u64) -> u64 + Copy) {
        let is_same = |a: u64, b: u64| {
            let length = slice(a).max(1);
            length == slice(b).max(1) && a / length == b / length
        };
        fn last<T: Clone>(items: &mut Vec<T>, is_same: impl Fn(&T, &T) -> bool) {
            let mut kept: Vec<T> = Vec::with_capacity(items.len());
            for item in items.drain(..) {
                match kept.last_mut() {
                    Some(before) if is_same(before, &item) => *before = item,
                    _ => kept.push(item),
                }
            }
            *items = kept;
        }
        self.logs = merged(std::mem::take(&mut self.logs), slice);
        for lane in &mut self.lanes {
            last(&mut lane.applied, |a, b| is_same(a.0, b.0));
            last(&mut lane.saved, |a, b| is_same(a.0, b.0));
            last(&mut lane.facts, |a, b| is_same(a.at, b.at));
        }
    }

    /// Leaves every second of all that there may be many of.
    fn halve(&mut self) {
        fn half<T>(items: &mut Vec<T>, keep: impl Fn(&T) -> bool) {
            let mut place = 0;
            items.retain(|item| {
                place += 1;
                place % 2 == 0 || keep(item)
            });
        }
        half(&mut self.messages, |message| message.is_proof);
        half(&mut self.checks, |check| check.has_failed);
        half(&mut self.looks, |_| false);
        half(&mut self.faults, |_| false);
        half(&mut self.up, |_| false);
        half(&mut self.commands, |_| false);
        // Each step of a log rests on those before it.
        self.logs.clear();
        for lane in &mut self.lanes {
            half(&mut lane.marks, |_| false);
            half(&mut lane.stays, |_| false);
            half(&mut lane.cut, |_| false);
            half(&mut lane.facts, |_| false);
            half(&mut lane.applied, |_| false);
            half(&mut lane.saved, |_| false);
        }
    }

    /// Leaves out the texts that nothing refers to.
    fn leave_unused_texts(&mut self) {
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut kept: Vec<String> = Vec::new();
        let texts = std::mem::take(&mut self.texts);
        let mut renumber = |number: &mut usize| {
            *number = *numbers.entry(*number).or_insert_with(|| {
                kept.push(texts[*number].clone());
                kept.len() - 1
            });
        };
        for message in &mut self.messages {
            message.args.iter_mut().chain(message.reply.iter_mut()).for_each(&mut renumber);
        }
        self.lanes
            .iter_mut()
            .flat_map(|lane| &mut lane.marks)
            .for_each(|mark| renumber(&mut mark.text));
        self.commands.iter_mut().for_each(|(_, _, text)| renumber(text));
        self.texts = kept;
    }
}
