//! A thread's stack as addresses: who called whom, and how much of it each took.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use crate::context::Context;
use crate::lines;
use crate::symbols::{self, Line};

/// How large a run's stack is, in bytes, unless the user says otherwise: as the standard library's.
const SIZE: usize = 2 << 20;

thread_local! {
    /// Where this thread's stack begins, near enough; 0 if it was never told.
    static TOP: Cell<usize> = const { Cell::new(0) };
}

/// How large the stacks of a run's threads are, in bytes: what `RUST_MIN_STACK` says.
pub(crate) fn size() -> usize {
    let asked = std::env::var("RUST_MIN_STACK").ok();
    asked.and_then(|size| size.parse().ok()).unwrap_or(SIZE)
}

/// This thread's stack begins about here.
pub(crate) fn begins_here() {
    let here = 0_u8;
    TOP.set((&raw const here).addr());
}

/// How much of a stack is looked at, in frames from the innermost.
const DEPTH: usize = 400;

/// How many lines of a stack are shown.
const LINES: usize = 20;

/// A thread's stack, as addresses.
#[derive(Clone, Copy)]
pub struct Stack {
    addresses: [usize; DEPTH],
    /// Where each call's part of the stack ends: it grows downwards.
    ends: [usize; DEPTH],
    depth: usize,
    /// Where the thread's stack begins.
    top: usize,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.users_lines()).finish()
    }
}

impl Stack {
    /// Nothing is known of it.
    pub const EMPTY: Stack = Stack { addresses: [0; DEPTH], ends: [0; DEPTH], depth: 0, top: 0 };

    /// The calling thread's. Neither allocates nor locks, so that a signal's handler may ask.
    #[must_use]
    pub fn here() -> Stack {
        let mut stack = Stack { top: TOP.get(), ..Stack::EMPTY };
        // SAFETY: what is left out is a lock that platforms need on which not every thread may walk
        // its stack at any time; those where runs have watchdogs are not among them.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                stack.addresses[stack.depth] = frame.ip().addr();
                stack.ends[stack.depth] = frame.sp().addr();
                stack.depth += 1;
                stack.depth < DEPTH
            });
        }
        stack
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Its lines that the user wrote, innermost first.
    pub(crate) fn users(&self) -> impl Iterator<Item = Line> {
        let lines = self.addresses[..self.depth].iter().map(|&address| symbols::lines(address));
        lines.flat_map(|lines| lines.to_vec()).filter(|line| lines::is_users(&line.file))
    }

    /// Its lines that the user wrote, innermost first, with their functions. Lines that a recursion
    /// repeats are left out, and so are those beyond the first 20.
    #[must_use]
    pub fn users_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Line { file, number, function } in self.users() {
            let line = format!("{}:{number} in {function}", lines::shorten(&file));
            if !lines.contains(&line) {
                lines.push(line);
            }
            if lines.len() >= LINES {
                break;
            }
        }
        lines
    }

    /// The call that takes the most of the stack, if that is more than all others together.
    #[must_use]
    pub fn widest(&self) -> Option<Frame> {
        let (top, size) = (self.top, size());
        // Those of a signal's handler are on a stack of their own.
        let is_on_it = |end: usize| end <= top && top - end <= size;
        let ends = &self.ends[..self.depth];
        let widths = (0..).zip(ends.windows(2)).filter_map(|(i, pair)| {
            let [end, begin] = *pair else { return None };
            let is_one = is_on_it(end) && is_on_it(begin) && end < begin;
            is_one.then(|| (begin - end, i))
        });
        let (width, i): (usize, usize) = widths.max()?;
        if width < size / 2 {
            return None;
        }
        let probing = probing(self.addresses[i]);
        let bytes = match probing {
            Some(probing) => FrameSize::Exactly(probing.bytes),
            None => FrameSize::AtLeast(width as u64),
        };
        // Where it asks for its part of the stack a function has no lines, but before that.
        let before = || probing.and_then(|probing| line_before(probing.at, self.addresses[i]));
        let mut callers = self.addresses[i + 1..self.depth].iter();
        let line = users_line_at(self.addresses[i])
            .or_else(before)
            .or_else(|| callers.find_map(|&address| users_line_at(address)));
        Some(Frame { stack: size as u64, bytes, line })
    }
}

/// The innermost of the user's lines that are at `address`, with its function. It is part of a sentence,
/// and so looked up in any case.
fn users_line_at(address: usize) -> Option<String> {
    let mut line = None;
    lines::resolve(address, |symbol| line = line.take().or_else(|| lines::with_function(symbol)));
    line
}

/// One call's part of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How large the whole stack is, in bytes.
    pub stack: u64,
    /// How much of it the call takes.
    pub bytes: FrameSize,
    /// The innermost line of the user's in that call, with its function.
    pub line: Option<String>,
}

/// How large a call's part of a stack is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// What the call asked for.
    Exactly(u64),
    /// What it had got when the stack was at its end.
    AtLeast(u64),
}

/// How many bytes of code are looked at before an instruction that has met the stack's end.
const BEFORE: usize = 64;

/// The code with which a function asks for its part of the stack, if that is large: it goes through it
/// page by page, so as to meet the end of the stack.
#[derive(Clone, Copy)]
struct Probing {
    /// Its address.
    at: usize,
    /// How many bytes it asks for.
    bytes: u64,
}

/// The probing that the code at `address` is part of, if it is. On x86-64 that is a loop of
/// `sub rsp, 4096` down to where r11 points, which `sub r11, bytes` or `lea r11, [rsp - bytes]` has set.
fn probing(address: usize) -> Option<Probing> {
    if cfg!(not(target_arch = "x86_64")) {
        return None;
    }
    const SUB: &[u8] = &[0x49, 0x81, 0xeb];
    const LEA: &[u8] = &[0x4c, 0x8d, 0x9c, 0x24];
    const STEP: &[u8] = &[0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00];
    let begin = address.checked_sub(BEFORE)?;
    let mut code = [0; BEFORE];
    lines::read_memory(begin, &mut code)?;
    let last = |what: &[u8]| code.windows(what.len()).rposition(|bytes| bytes == what);
    last(STEP)?;
    let number = |at: usize| Some(i32::from_le_bytes(*code.get(at..)?.first_chunk::<4>()?));
    let by_sub = last(SUB).and_then(|at| Some((at, number(at + SUB.len())?)));
    let by_lea = last(LEA).and_then(|at| Some((at, number(at + LEA.len())?.checked_neg()?)));
    let (at, bytes) = by_sub.into_iter().chain(by_lea).max_by_key(|(at, _)| *at)?;
    Some(Probing { at: begin + at, bytes: u64::try_from(bytes).ok()? })
}

/// The user's line of the code just before `at`, of the function that `address` is in.
fn line_before(at: usize, address: usize) -> Option<String> {
    fn function(address: usize) -> Option<String> {
        let mut name = None;
        lines::resolve(address, |symbol| name = symbol.name().map(|name| name.to_string()));
        name
    }
    let function_here = function(address)?;
    let before = (at.saturating_sub(BEFORE)..=at).rev();
    let mut inside = before.take_while(|&at| function(at).as_ref() == Some(&function_here));
    inside.find_map(users_line_at)
}

/// The innermost line on the stack that the user wrote. `None` without debug information.
pub(crate) fn users_line() -> Option<String> {
    Stack::here()
        .users()
        .map(|line| format!("{}:{}", lines::shorten(&line.file), line.number))
        .next()
}

/// Where a panic is shown to be: where it was, or if a library panicked, the user's line that called
/// it. Where the harness panicked in the course of a server's call, that is the call.
pub(crate) fn place_of_panic(location: &Location<'_>, context: Option<Context>) -> String {
    let file = lines::harness().join(location.file());
    let is_the_harness_s = lines::is_harness(&file) && context.is_none();
    let caller = if lines::is_users(&file) || is_the_harness_s { None } else { users_line() };
    caller.unwrap_or_else(|| location.to_string())
}
