//! Where sources could keep state that all servers share. Servers of a run live in one process, so by a `static` they can
//! decide together without a message, and no rule sees how a server has decided. Without `unsafe` this needs one of a
//! few words. An honest Raft may have them, too: a table of names, a counter for the log. The words count also in strings
//! of which code may be made, as in those that `check` looks at.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::check::{has_word, is_doc, is_punct, opens, tokens};
use super::take::Sources;

/// `thread_local!` and `task_local!` have a `static` in their arguments. A subscriber of `tracing`'s is told by all
/// servers, and answers. The runtime's metrics count the tasks of all servers, and an executor of `futures` knows whether
/// any of them has entered one.
///
/// What a process has is its servers' in common, too: the descriptors, of which files and pipes take the next numbers;
/// the memory, of which one gets what the others leave, and where; the hook for panics, which may answer one. Each hash
/// map of a thread has the next key, which its hasher shows.
const WORDS: [&str; 38] = [
    "static",
    "set_global_default",
    "set_default",
    "with_default",
    "Dispatch",
    "metrics",
    "executor",
    "fs",
    "File",
    "OpenOptions",
    "Path",
    "PathBuf",
    "pipe",
    "as_raw_fd",
    "as_ptr",
    "as_mut_ptr",
    "addr",
    "ptr",
    "Pointer",
    "try_reserve",
    "try_reserve_exact",
    "as_fd",
    "try_clone_to_owned",
    "OwnedFd",
    "BorrowedFd",
    "build_hasher",
    "set_hook",
    "take_hook",
    "try_id",
    "current_exe",
    "current_dir",
    "temp_dir",
    "home_dir",
    "split_paths",
    "as_pathname",
    "read_dir",
    "read_link",
    "canonicalize",
];

/// Tasks and threads have numbers in the order in which they are made, whoever makes them.
const NUMBER: &str = "id()";

/// An address as a number, by `as *const T as usize` or in a text.
const ADDRESS: [&str; 2] = ["as *", ":p}"];

/// How many places are named.
const SHOWN: usize = 3;

/// A sentence about the places where these sources could share state; `None` if there are none.
pub(super) fn shared_state(sources: &Sources) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    // What can't be read is refused elsewhere.
    // Each file is read anew, since the lines of one are forgotten when the next is read.
    let files = || sources.iter().map(|(path, bytes)| (path, tokens(bytes).unwrap_or_default()));
    let has_macros = files().any(|(_, tokens)| defines_a_macro(tokens));
    for (path, tokens) in files() {
        let found = words(tokens, has_macros);
        places.extend(found.iter().map(|(line, word)| format!("{path}:{line} ({word})")));
    }
    let more = match places.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    places.truncate(SHOWN);
    (!places.is_empty()).then(|| {
        format!("its servers could share state without a message: {}{more}", places.join(", "))
    })
}

/// Whether a macro is defined there.
fn defines_a_macro(tokens: TokenStream) -> bool {
    let mut left = vec![tokens];
    while let Some(tokens) = left.pop() {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "macro_rules" => return true,
                TokenTree::Group(group) => left.push(group.stream()),
                _ => {}
            }
        }
    }
    false
}

/// The lines of these words, in order. It needs no more stack for deeper brackets. Strings count in attributes, and if
/// `has_macros` in all macros.
fn words(tokens: TokenStream, has_macros: bool) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut left = vec![(tokens, false, false, false)];
    while let Some((tokens, in_attribute, in_macro, in_path)) = left.pop() {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut is_lifetime = false;
        for (i, token) in tokens.iter().enumerate() {
            let line = token.span().start().line;
            match token {
                TokenTree::Ident(ident) if !is_lifetime => {
                    let ident = ident.to_string();
                    // Both are the same word.
                    let ident = ident.trim_start_matches("r#");
                    found.extend(
                        WORDS.iter().find(|word| ident == **word).map(|word| (line, *word)),
                    );
                    let next = tokens.get(i + 1);
                    let is_called = is_call_without_arguments(next) && !is_defined(&tokens[..i]);
                    if ident == "id" && (is_called || is_of_path(&tokens[..i]) || in_path) {
                        found.push((line, NUMBER));
                    }
                    if ident == "as" && is_punct(next, '*') {
                        found.push((line, ADDRESS[0]));
                    }
                }
                TokenTree::Literal(literal)
                    if in_macro && literal.to_string().contains(ADDRESS[1]) =>
                {
                    found.push((line, ADDRESS[1]));
                }
                TokenTree::Literal(literal)
                    if in_attribute && !is_doc(&tokens[..i]) || has_macros && in_macro =>
                {
                    let word = WORDS.iter().find(|word| has_word(literal, word));
                    found.extend(word.map(|word| (line, *word)));
                    if has_word(literal, "id") && has_word(literal, "task") {
                        found.push((line, NUMBER));
                    }
                }
                TokenTree::Group(group) => {
                    let (attribute, a_macro) = opens(&tokens[..i], group.delimiter());
                    // As in `use tokio::task::{id as number}`.
                    let a_path = is_of_path(&tokens[..i]) && group.delimiter() == Delimiter::Brace;
                    left.push((
                        group.stream(),
                        in_attribute || attribute,
                        in_macro || a_macro,
                        a_path,
                    ));
                }
                _ => {}
            }
            is_lifetime = matches!(token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        }
    }
    found.sort_unstable();
    found
}

fn is_call_without_arguments(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty())
}

/// Whether a path goes on here, by what stands before.
fn is_of_path(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(a), TokenTree::Punct(b)] if a.as_char() == ':' && b.as_char() == ':')
}

/// Whether a function is defined here, by what stands before its name.
fn is_defined(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Ident(ident)) if ident == "fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(source: &str) -> Option<String> {
        shared_state(&[("lib.rs".into(), source.as_bytes().to_vec())].into())
    }

    #[test]
    fn what_all_servers_see_is_noticed() {
        let says = |places: &str| {
            Some(format!("its servers could share state without a message: {places}"))
        };
        assert_eq!(
            shared("use x::y;\nstatic LEADER: AtomicUsize = AtomicUsize::new(0);"),
            says("lib.rs:2 (static)")
        );
        assert_eq!(
            shared("fn f() {\n{ thread_local! {\n static A: Cell<u8> = Cell::new(1); } } }"),
            says("lib.rs:3 (static)")
        );
        assert_eq!(
            shared("macro_rules! s { () => { static A: Mutex<u8> = Mutex::new(1); } }"),
            says("lib.rs:1 (static)")
        );
        assert_eq!(
            shared("fn f() { tracing::subscriber::set_global_default(Mine).ok(); }"),
            says("lib.rs:1 (set_global_default)")
        );
        assert_eq!(shared("fn f() { tracing::Dispatch::new(Mine); }"), says("lib.rs:1 (Dispatch)"));
        assert_eq!(
            shared("fn f() { Handle::current().metrics().num_alive_tasks(); }"),
            says("lib.rs:1 (metrics)")
        );
        assert_eq!(
            shared("fn f() { forget(futures::executor::enter()); }"),
            says("lib.rs:1 (executor)")
        );
        let bound = "#[derive(Serialize)]\n#[serde(bound = \"[u8; b!{ \\x73tatic A: AtomicU8 = ...; 0 }]: Sized\")] struct S;";
        assert_eq!(shared(bound), says("lib.rs:2 (static)"));
        let own = "macro_rules! w { ($l:literal) => { #[serde(bound = $l)] struct S; } }\nw!(\"static\");";
        assert_eq!(shared(own), says("lib.rs:2 (static)"));
        assert_eq!(
            shared(&"static A: u8 = 1;\n".repeat(5)),
            says("lib.rs:1 (static), lib.rs:2 (static), lib.rs:3 (static), and 2 more")
        );
    }

    /// Each of these has passed a number from one server to another.
    #[test]
    fn what_a_process_has_is_noticed() {
        for (source, word) in [
            ("fn f() { std::fs::File::open(\"/dev/null\"); }", "fs"),
            ("fn f() { OpenOptions::new(); }", "OpenOptions"),
            ("fn f() { Path::new(\"/proc/self/fd/9\").exists(); }", "Path"),
            ("fn f() { std::io::pipe(); }", "pipe"),
            ("fn f(e: OwnedFd) { e.as_raw_fd(); }", "as_raw_fd"),
            ("fn f(v: Vec<u8>) -> usize { v.as_ptr() as usize }", "as_ptr"),
            ("fn f(v: &u8) -> usize { v as *const u8 as usize }", "as *"),
            ("fn f(v: &u8) -> String { format!(\"{v:p}\") }", ":p}"),
            ("fn f(v: &mut Vec<u8>) -> bool { v.try_reserve(1 << 30).is_err() }", "try_reserve"),
            ("fn f() { tokio::task::id(); }", "id()"),
            ("fn f() { tokio::spawn(async {}).id(); }", "id()"),
            ("fn f() { let number = tokio::task::id; number(); }", "id()"),
            ("use tokio::task::{id as number};", "id()"),
            ("fn f() { tokio::task::try_id(); }", "try_id"),
            ("#[derive(Deserialize)] struct S(#[serde(skip, default = \"task::id\")] Id);", "id()"),
            ("fn f(v: Vec<u8>) -> usize { v.r#as_ptr().r#addr() }", "addr"),
            ("fn f() { io::stdout().as_fd().try_clone_to_owned(); }", "as_fd"),
            ("fn f() { format!(\"{:?}\", RandomState::new().build_hasher()); }", "build_hasher"),
            ("fn f() { panic::set_hook(Box::new(|_| {})); }", "set_hook"),
            ("fn f() { env::temp_dir().join(\"/proc/self/fd/9\").exists(); }", "temp_dir"),
        ] {
            let said = shared(source).expect("it is noticed");
            assert!(said.contains(&format!("lib.rs:1 ({word})")), "{source}: {said}");
        }
    }

    #[test]
    fn each_file_has_its_lines() {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let own = "macro_rules! m { () => {} }\nstatic A: u8 = 1;";
        let sources = [file("a.rs", own), file("b.rs", "\n\nstatic B: u8 = 1;")].into();
        let said = shared_state(&sources).expect("it is noticed");
        assert!(said.ends_with(": a.rs:2 (static), b.rs:3 (static)"), "{said}");
    }

    #[test]
    fn what_each_server_has_for_itself_is_not() {
        let source = r##"
            // static
            const NAME: &'static str = "static";
            #[serde(bound = "T: 'static")]
            struct S<T>(T);
            /// It is static.
            fn g() { println!("static"); }
            fn id(&self) -> usize { self.id * 2 as usize }
            fn h(a: &Arc<S>, b: &Arc<S>) -> bool { Arc::ptr_eq(a, b) && id(1) == a.id }
            fn f<F: 'static + Send>(statics: F) -> Box<dyn Any + 'static> { Box::new(statics) }
        "##;
        assert_eq!(shared(source), None);
    }
}
