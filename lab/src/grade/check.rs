//! What sources may not do that neither the compiler nor a lint forbids: take in files from elsewhere, and say `unsafe`
//! in an attribute.
//!
//! `include!`, `include_str!`, `include_bytes!` and the attribute `path` may name the submission's own sources and
//! nothing else, in a plain string; `debugger_visualizer`, which takes in a file as well, may not stand anywhere. So
//! they can't read a file of the grader's while they are compiled. The rest is the compiler's:
//! `unsafe_code = "forbid"` refuses `unsafe`, `no_mangle`, `link_section`, `extern` blocks and inline assembly.
//!
//! But the lint lets pass what it doesn't know, such as `#[unsafe(naked)]`, which makes a safe function of any machine
//! code: so the word `unsafe` may stand neither in an attribute nor in a macro.
//!
//! A macro can put tokens together anew, from its definition and from the arguments of its calls, and these may be in
//! different files. So words count there, wherever they stand. `include!` and its like may not be there at all. An
//! attribute `path` comes to something only on a `mod`: hence both words may be in macros, but not both in one
//! submission's.
//!
//! A derive can make code of a string in an attribute, as serde does of `#[serde(bound = "...")]`. So the words count in
//! such strings as well; and in any macro's strings if the submission has a macro of its own, which can put them into
//! an attribute.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};

use super::take::Sources;

const UNSAFE: &str = "unsafe isn't allowed in an attribute or a macro";

const INCLUDES: [&str; 3] = ["include", "include_str", "include_bytes"];

/// What the network has for the judge's puppets: a message's bytes, beside which stands what the tester is to read in
/// it. So a server could send one thing and have the rules see another.
const OF_PUPPETS: [&str; 2] = ["send_whole", "of_puppet"];

fn of_puppets(name: &str) -> String {
    format!("{name} is for the tester's own servers; call other servers by ClientEnd::call")
}

/// How deep brackets may be nested. The compiler works on them by recursion, and so would others.
const DEPTH: usize = 256;

/// Why these sources aren't built; `None` if nothing is wrong.
pub(super) fn refusal(sources: &Sources) -> Option<String> {
    // Those of the first of each that is in a macro.
    let (mut path_in_macro, mut mod_in_macro) = (None, None);
    let (mut string_in_macro, mut own_macro) = (None, None);
    for (path, bytes) in sources {
        let tokens = match tokens(bytes) {
            Ok(tokens) => tokens,
            Err(why) => return Some(format!("{path}{why}")),
        };
        let mut checker = Checker {
            path,
            sources,
            path_in_macro: None,
            mod_in_macro: None,
            string_in_macro: None,
            own_macro: None,
        };
        let refused = checker.refusal(tokens);
        if let Some((line, why)) = refused {
            return Some(format!("{path}:{line}: {why}"));
        }
        let place = |line: Option<usize>| line.map(|line| format!("{path}:{line}"));
        path_in_macro = path_in_macro.or(place(checker.path_in_macro));
        mod_in_macro = mod_in_macro.or(place(checker.mod_in_macro));
        let string = checker.string_in_macro;
        string_in_macro =
            string_in_macro.or(string.map(|(line, word)| format!("{path}:{line}: {word}")));
        own_macro = own_macro.or(place(checker.own_macro));
    }
    if let (Some(string), Some(own)) = (string_in_macro, own_macro) {
        return Some(format!(
            "{string} isn't allowed in a macro's string if there is a macro of one's own, as at {own}, which can \
             put the string into an attribute"
        ));
    }
    let (path, module) = (path_in_macro?, mod_in_macro?);
    Some(format!(
        "{module}: a macro has a mod here and the word path at {path}, and together they can take in files from \
         elsewhere; write the module without a macro, or another word"
    ))
}

/// A file's tokens; or what is wrong with it, to be put behind its name. What can't be read here isn't left to the
/// compiler, which might read it otherwise.
pub(super) fn tokens(bytes: &[u8]) -> Result<TokenStream, String> {
    // What the lexer keeps for the places of tokens that are gone.
    proc_macro2::extra::invalidate_current_thread_spans();
    let text = str::from_utf8(bytes).map_err(|_| " isn't UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The compiler leaves out such a line, whatever is in it.
    let is_blank = [' ', '\t', '\r', '\n'];
    let shell = text.strip_prefix("#!").map(|rest| rest.trim_start_matches(is_blank));
    if shell.is_some_and(|rest| !rest.starts_with('[')) {
        return Err(":1: it begins with #!, a line for a shell".to_owned());
    }
    TokenStream::from_str(text).map_err(|error| {
        let line = error.span().start().line;
        format!(":{line}: this can't be read as Rust; is a bracket or a quote left open?")
    })
}

struct Checker<'a> {
    path: &'a str,
    sources: &'a Sources,
    /// The lines where macros have these words, for the first time.
    path_in_macro: Option<usize>,
    mod_in_macro: Option<usize>,
    /// Where a macro has a string with a word that is refused, and where a macro is defined, for the first time.
    string_in_macro: Option<(usize, &'static str)>,
    own_macro: Option<usize>,
}

/// What tokens are part of.
#[derive(Clone, Copy, Debug, Default)]
struct Within {
    /// An attribute's brackets.
    attribute: bool,
    /// A macro's arguments, or its definition.
    a_macro: bool,
    /// A `use`.
    a_use: bool,
    /// So many brackets.
    depth: usize,
}

impl Checker<'_> {
    /// What is wrong, and in which line. It needs no more stack for deeper brackets.
    fn refusal(&mut self, tokens: TokenStream) -> Option<(usize, String)> {
        let mut left = vec![(tokens, Within::default())];
        while let Some((tokens, within)) = left.pop() {
            let tokens: Vec<TokenTree> = tokens.into_iter().collect();
            let mut in_use = within.a_use;
            for (i, token) in tokens.iter().enumerate() {
                let line = token.span().start().line;
                match token {
                    TokenTree::Ident(ident) => {
                        let name = ident.to_string();
                        let name = name.trim_start_matches("r#");
                        in_use |= name == "use";
                        let within = Within { a_use: in_use, ..within };
                        if let Some(why) = self.word(name, &tokens[i + 1..], line, within) {
                            return Some((line, why));
                        }
                    }
                    TokenTree::Punct(punct) => in_use &= punct.as_char() != ';',
                    TokenTree::Group(group) => {
                        let depth = within.depth + 1;
                        if depth > DEPTH {
                            return Some((line, format!("more than {DEPTH} brackets are nested")));
                        }
                        let (attribute, a_macro) = opens(&tokens[..i], group.delimiter());
                        left.push((
                            group.stream(),
                            Within {
                                attribute: within.attribute || attribute,
                                a_macro: within.a_macro || a_macro,
                                a_use: in_use,
                                depth,
                            },
                        ));
                    }
                    TokenTree::Literal(literal) => {
                        // A macro takes the text of a comment as any other string.
                        let in_attribute = within.attribute && !is_doc(&tokens[..i]);
                        let found = if in_attribute || within.a_macro {
                            ["unsafe"]
                                .iter()
                                .chain(&OF_PUPPETS)
                                .find(|word| has_word(literal, word))
                        } else {
                            None
                        };
                        match found {
                            Some(&"unsafe") if in_attribute => {
                                return Some((line, UNSAFE.to_owned()));
                            }
                            Some(name) if in_attribute => return Some((line, of_puppets(name))),
                            Some(name) => drop(self.string_in_macro.get_or_insert((line, name))),
                            None => {}
                        }
                    }
                }
            }
        }
        None
    }

    /// What is wrong with the word `name`, behind which `follows` stands.
    fn word(
        &mut self,
        name: &str,
        follows: &[TokenTree],
        line: usize,
        within: Within,
    ) -> Option<String> {
        match name {
            "debugger_visualizer" => {
                return Some(format!("{name} isn't allowed: it takes in a file"));
            }
            name if INCLUDES.contains(&name) => return self.include(name, follows, within),
            name if OF_PUPPETS.contains(&name) => return Some(of_puppets(name)),
            // The compiler's lint doesn't know all that an attribute can say with it, and a macro can make one.
            "unsafe"
                if within.attribute || within.a_macro || is_in_parentheses(follows.first()) =>
            {
                return Some(UNSAFE.to_owned());
            }
            "path" if within.a_macro => drop(self.path_in_macro.get_or_insert(line)),
            "mod" if within.a_macro => drop(self.mod_in_macro.get_or_insert(line)),
            "macro_rules" => drop(self.own_macro.get_or_insert(line)),
            _ => {}
        }
        if name == "path" && within.attribute && is_punct(follows.first(), '=') {
            let file = follows.get(1..2).and_then(literal);
            return self.not_own("the attribute path", file);
        }
        None
    }

    /// What is wrong with the use of `name`, behind which `follows` stands.
    fn include(&self, name: &str, follows: &[TokenTree], within: Within) -> Option<String> {
        if within.a_macro {
            return Some(format!("{name} isn't allowed in a macro"));
        }
        if !is_punct(follows.first(), '!') {
            // Any other word may be called so; but not where it can become a macro's name.
            let why = || format!("{name} may only stand before its file's name: {name}!(\"...\")");
            return (within.a_use || name != "include").then(why);
        }
        let file = match follows.get(1) {
            Some(TokenTree::Group(group)) => {
                let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
                literal(&arguments)
            }
            _ => None,
        };
        self.not_own(&format!("{name}!"), file)
    }

    /// What is wrong with naming this file. It must be one of the submission's own sources.
    fn not_own(&self, what: &str, file: Option<String>) -> Option<String> {
        let Some(file) = file else {
            return Some(format!("{what} must name its file in a plain string"));
        };
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let mut leaves = file.starts_with('/') || file.contains('\\');
        for part in file.split('/') {
            match part {
                "" | "." => {}
                ".." => leaves |= parts.pop().is_none(),
                part => parts.push(part),
            }
        }
        let is_own = !leaves && self.sources.contains_key(&parts.join("/"));
        (!is_own)
            .then(|| format!("{what} names {file:?}, which isn't one of the files in raft/src"))
    }
}

/// Whether brackets are an attribute's, and whether they are a macro's, by what stands before them.
pub(super) fn opens(before: &[TokenTree], delimiter: Delimiter) -> (bool, bool) {
    let back = |n: usize| before.len().checked_sub(n).and_then(|i| before.get(i));
    let (last, last_but_one) = (back(1), back(2));
    let is_attribute = delimiter == Delimiter::Bracket
        && (is_punct(last, '#') || is_punct(last, '!') && is_punct(last_but_one, '#'));
    // A call's arguments, or what stands behind the name that macro_rules! defines.
    let is_macro = is_punct(last, '!') && !is_attribute
        || is_punct(last_but_one, '!')
            && matches!(back(3), Some(TokenTree::Ident(ident)) if ident.to_string().ends_with("macro_rules"));
    (is_attribute, is_macro)
}

/// Whether what follows `before` is the text of a `doc`, as which comments for documentation are read.
pub(super) fn is_doc(before: &[TokenTree]) -> bool {
    let [.., TokenTree::Ident(name), equals] = before else { return false };
    name == "doc" && is_punct(Some(equals), '=')
}

/// How many times escapes may stand for escapes. Each time the whole text is read: `\x5cx5cx5c...` would take as many
/// times as it has escapes. Where strings stand in strings, five levels are already sixteen `\` before each quote.
const ESCAPES: usize = 16;

/// Whether the text of a literal has this word, also if the text or a string in it has letters of the word as escapes.
/// A text whose escapes stand for more escapes than [`ESCAPES`] may have any word.
pub(super) fn has_word(literal: &Literal, word: &str) -> bool {
    let mut text = literal.to_string();
    for _ in 0..=ESCAPES {
        let is_part = |c: char| c == '_' || c.is_alphanumeric();
        let mut found =
            text.match_indices(word).map(|(at, _)| (&text[..at], &text[at + word.len()..]));
        // A lifetime may have the name of a word.
        if found.any(|(before, behind)| {
            !before.ends_with(|c| is_part(c) || c == '\'') && !behind.starts_with(is_part)
        }) {
            return true;
        }
        let plain = without_escapes(&text);
        if plain.len() == text.len() {
            return false;
        }
        text = plain;
    }
    true
}

/// A text with its escapes resolved. What is no escape loses its `\`, so that the text gets shorter by each.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let (digits, end) = match escape.as_bytes() {
            [b'x', _, _, ..] => (escape.get(1..3), 3),
            [b'u', b'{', ..] => {
                let end = escape.find('}').unwrap_or(escape.len());
                (escape.get(2..end), (end + 1).min(escape.len()))
            }
            _ => (None, 0),
        };
        let digits = digits.map(|digits| digits.replace('_', ""));
        let code = digits.and_then(|digits| u32::from_str_radix(&digits, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            plain.push(c);
            rest = &escape[end..];
            continue;
        }
        // What stands for white space parts words; the end of a line doesn't, with what follows it.
        match escape.chars().next() {
            Some('n' | 'r' | 't' | '0') => {
                plain.push(' ');
                rest = &escape[1..];
            }
            Some('\n') => rest = escape.trim_start(),
            Some(c) => {
                plain.push(c);
                rest = &escape[c.len_utf8()..];
            }
            None => rest = escape,
        }
    }
    plain + rest
}

pub(super) fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn is_in_parentheses(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
}

/// The text of a plain string literal that stands alone, but for a comma.
fn literal(tokens: &[TokenTree]) -> Option<String> {
    let [TokenTree::Literal(literal), rest @ ..] = tokens else { return None };
    if !rest.iter().all(|token| is_punct(Some(token), ',')) {
        return None;
    }
    let text = literal.to_string();
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        let sources = ["lib.rs", "raft.rs", "net/mod.rs"].map(|path| (path.to_owned(), Vec::new()));
        let mut sources: Sources = sources.into();
        sources.insert("net/deep.rs".to_owned(), text.as_bytes().to_vec());
        refusal(&sources)
    }

    #[test]
    fn a_raft_s_own_files_may_be_taken_in() {
        for right in [
            "include!(\"mod.rs\");",
            "const TEXT: &str = include_str!(\"../raft.rs\",);",
            "#[path = \"deep.rs\"] mod deep;",
            "#[path = \"../raft.rs\"] mod other;",
            "// include!(\"/etc/passwd\")\n/* #[path = \"/x\"] */ fn f() { let s = \"include!(1)\"; }",
            "fn include(include: bool) -> bool { self.include(include) || Self::include() }",
            "let path = \"/etc\"; struct S { path: u8 } let s = S { path };",
            "#[serde(default)] struct S;",
            "mod deep; mod net { mod deep; }",
            "tracing::info!(path = 1, mode = 2); println!(\"{path}\", path = path);",
            "tokio::select! { path = next() => {} }",
            "macro_rules! test { ($name:ident) => { mod $name { use super::*; } } } test!(one);",
            "macro_rules! f { ($(#[$meta:meta])* $n:ident) => { $(#[$meta])* fn $n() {} } } f! { /// x\n a }",
            "#! [allow(unused)]\nfn f() {}",
            "fn f() { if !done { include!(\"mod.rs\"); } }",
        ] {
            assert_eq!(refused(right), None, "{right}");
        }
    }

    #[test]
    fn files_from_elsewhere_may_not() {
        let mut missed = Vec::new();
        for wrong in [
            "include!(\"/etc/passwd\");",
            "include!(\"../../tests/raft/main.rs\");",
            "const B: &[u8] = std::include_bytes!(\"none.rs\");",
            "r#include!(\"/x\");",
            "include_str!(concat!(\"/etc\", \"/passwd\"));",
            "include_str!(r\"/etc/passwd\");",
            "include_str!(\"\\x2fetc/passwd\");",
            "include_str! { \"/etc/passwd\" }",
            "use std::include_str as text;",
            "use std::{fmt, include as take};",
            "m!(include_str);",
            "m!(include);",
            "macro_rules! m { () => { include!(\"/etc/passwd\") } }",
            "macro_rules! m { ($i:ident) => { $i!(\"/etc/passwd\") } } m! { include }",
            "#[path = \"/etc/passwd\"] mod secret;",
            "#[path = \"../../x.rs\"] mod secret;",
            "#[cfg_attr(all(), path = \"/etc/passwd\")] mod secret;",
            "#![doc = include_str!(\"/etc/passwd\")]",
            "macro_rules! m { ($p:literal) => { #[path = $p] mod secret; } }",
            "mod inner { fn f() { include!(\"/etc/passwd\"); } }",
            "macro_rules! w { ($m:meta) => { #[$m] mod o; } } w!(path = \"/etc/passwd\");",
            "macro_rules! w { ($m:meta) => { #[cfg_attr(all(), $m)] mod o; } } w!(path = \"/x\");",
            "macro_rules! w { ($p:ident $l:literal) => { #[$p = $l] mod o; } } w!(path \"/x\");",
            "macro_rules! w { ($g:tt $h:tt) => { $h $g mod o; } } w!([path = \"/x\"] #);",
            "macro_rules! w { (#[$p:ident = $l:tt] $m:ident) => { #[$p = \"/x\"] $m o; } } w!(#[path = \"deep.rs\"] mod);",
            "macro_rules! w { ($m:meta, $i:item) => { #[$m] $i } } w!(path = \"/x\", mod o;);",
            "macro_rules! w { ($i:ident!($l:tt)) => { $i!(\"/x\") } } w!(include!(\"mod.rs\"));",
            "macro_rules! w { () => { include_str!(\"../raft.rs\") } }",
            "#![debugger_visualizer(gdb_script_file = \"/etc/passwd\")]",
            "#!/*\ninclude!(\"/etc/passwd\"); // */",
            "#!/bin/sh \"\ninclude!(\"/etc/passwd\");",
            "#!\u{a0}[/*\ninclude!(\"/etc/passwd\"); // */]",
            "fn f() { this is no rust ) }",
            "fn f() { \u{7f} }",
        ] {
            let why = refused(wrong);
            if !why.is_some_and(|why| why.starts_with("net/deep.rs:1: ")) {
                missed.push(wrong);
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
        let line = refused("\n\ninclude!(\"/etc/passwd\");").expect("it is refused");
        assert_eq!(
            line,
            "net/deep.rs:3: include! names \"/etc/passwd\", which isn't one of the files in raft/src"
        );
        // The macro and its call in different files.
        let text = |text: &str| text.as_bytes().to_vec();
        let defines = text("macro_rules! w { ($m:meta) => { #[$m] mod o; } }");
        let sources =
            [("a.rs".to_owned(), defines), ("b.rs".to_owned(), text("\nw!(path = \"/x\");"))];
        let why = refusal(&sources.into()).expect("it is refused");
        assert!(
            why.starts_with("a.rs:1: a macro has a mod here and the word path at b.rs:2"),
            "{why}"
        );
        let sources = [("lib.rs".to_owned(), vec![0xff])].into();
        assert_eq!(refusal(&sources).as_deref(), Some("lib.rs isn't UTF-8"));
    }

    /// `#[unsafe(naked)]` makes a safe function of any machine code, and the lint says nothing.
    #[test]
    fn no_attribute_has_the_word_unsafe() {
        for wrong in [
            "#[unsafe(naked)] extern \"C\" fn f() { core::arch::naked_asm!(\"ret\") }",
            "#[cfg_attr(all(), unsafe(naked))] extern \"C\" fn f() {}",
            "struct S; impl S { #[unsafe(link_section = \".init\")] fn f() {} }",
            "#[unsafe(no_mangle)] fn send() {}",
            "macro_rules! w { ($m:meta) => { #[$m] fn f() {} } } w!(unsafe(naked));",
            "macro_rules! w { ($u:tt) => { #[$u(naked)] fn f() {} } } w!(unsafe);",
            "macro_rules! w { () => { #[unsafe(naked)] fn f() {} } }",
            // A derive makes code of it.
            r#"#[serde(bound = "[u8; { #[unsafe(naked)] fn f() {} 0 }]: Sized")] struct S;"#,
            r#"#[serde(bound = "[u8; { #[\u{75}n\x73a\u{0_66}e(naked)] fn f() {} 0 }]: Sized")] struct S;"#,
            "#[serde(bound = \"[u8; { #[un\\\n   safe(naked)] fn f() {} 0 }]: Sized\")] struct S;",
            "#[serde(bound = r##\"[u8; { #[unsafe(naked)] fn f() {} 0 }]: Sized\"##)] struct S;",
            r#"#[cfg_attr(all(), serde(bound = "T: unsafe"))] struct S;"#,
            r#"#[serde(bound = "[u8; { #[serde(bound = \"\\u{75}nsafe\")] struct T; 0 }]: Sized")] struct S;"#,
            r#"macro_rules! w { () => { #[serde(bound = "unsafe")] struct S; } }"#,
        ] {
            let why = refused(wrong);
            let told = "net/deep.rs:1: unsafe isn't allowed in an attribute or a macro";
            assert_eq!(why.as_deref(), Some(told), "{wrong}");
        }
        // The lint's.
        for left in ["unsafe fn f() {}", "fn f() { unsafe { g() } }", "unsafe impl Send for S {}"] {
            assert_eq!(refused(left), None, "{left}");
        }
        // What a macro of one's own can put into an attribute.
        let string = r#"w!("\u{75}nsafe");"#;
        let own = "macro_rules! w { ($l:literal) => { #[serde(bound = $l)] struct S; } }";
        let why = refused(&format!("{own}\n{string}")).expect("it is refused");
        assert!(
            why.starts_with("net/deep.rs:2: unsafe isn't allowed in a macro's string"),
            "{why}"
        );
        assert!(why.contains("as at net/deep.rs:1"), "{why}");
        let takes =
            "macro_rules! w { (#[doc = $l:literal]) => { #[serde(bound = $l)] struct S; } }";
        let why = refused(&format!("{takes}\nw!(#[doc = \"unsafe\"]);")).expect("it is refused");
        assert!(
            why.starts_with("net/deep.rs:2: unsafe isn't allowed in a macro's string"),
            "{why}"
        );
        for right in [
            r#"println!("unsafe");"#,
            r#"fn f() { let text = "unsafe"; }"#,
            "/// It is unsafe.\n#[doc = \"unsafe\"] #[expect(unsafe_code, reason = \"unsafely\")] fn f() {}",
            r#"macro_rules! w { () => { println!("safe: \u{e4}\\ \n"); } } fn f() { let text = "unsafe"; }"#,
        ] {
            assert_eq!(refused(right), None, "{right}");
        }
        assert_eq!(refused("#![forbid(unsafe_code)]\n/// unsafe(no)\nfn f() {}"), None);
    }

    #[test]
    fn what_puppets_have_is_refused() {
        for wrong in [
            "fn f() { peers[1].send_whole(\"Raft.AppendEntries\", args); }",
            "fn f() { let f = ClientEnd::send_whole; }",
            "fn f() -> Service { labrpc::Service::of_puppet(mine) }",
            r#"#[serde(serialize_with = "{ labrpc::ClientEnd::send_\x77hole }")] struct S;"#,
        ] {
            let why = refused(wrong).expect("it is refused");
            assert!(why.starts_with("net/deep.rs:1: ") && why.contains("tester's own"), "{why}");
        }
        let own = "macro_rules! w { ($l:literal) => { #[serde(bound = $l)] struct S; } }";
        let why = refused(&format!("{own}\nw!(\"send_whole\");")).expect("it is refused");
        assert!(
            why.starts_with("net/deep.rs:2: send_whole isn't allowed in a macro's string"),
            "{why}"
        );
        assert_eq!(refused("fn f() { peers[1].send(\"send_whole\"); }"), None);
    }

    /// Each level takes a pass over the whole text: as many as these would take days.
    #[test]
    fn escapes_that_stand_for_escapes_take_no_time() {
        let nested = |levels: usize| {
            refused(&format!(r#"#[serde(rename = "\{}")] struct S;"#, "x5c".repeat(levels)))
        };
        let told = "net/deep.rs:1: unsafe isn't allowed in an attribute or a macro";
        assert_eq!(nested(1_000_000).as_deref(), Some(told));
        assert_eq!(nested(8), None);
        let quoted = |levels: u32| format!("{}\"", r"\".repeat(2_usize.pow(levels) - 1));
        assert_eq!(refused(&format!("#[serde(rename = \"{}\")] struct S;", quoted(12))), None);
    }

    /// More of each than any stack holds. A thread's is as small as those of the graders.
    #[test]
    fn no_depth_takes_a_stack() {
        let nested = |open: &str, close: &str| {
            format!("fn f() {{ {}{} }}", open.repeat(300_000), close.repeat(300_000))
        };
        let why = refused(&nested("\n(", ")"));
        let told = "net/deep.rs:257: more than 256 brackets are nested";
        assert_eq!(why.as_deref(), Some(told));
        for (open, close) in [("[", "]"), ("{", "}"), ("m!(", ")"), ("#[a(", ")]")] {
            let why = refused(&nested(open, close));
            assert!(why.is_some_and(|why| why.ends_with("256 brackets are nested")), "{open}");
        }
        assert_eq!(refused(&nested("/*", "*/")), None);
        assert!(refused(&nested("(", "")).is_some());
        for right in ["!", "&", "<", "-", "a.", "if a {} else "] {
            assert_eq!(refused(&nested(right, "")), None, "{right}");
        }
        let deep = format!("{}{}", "(".repeat(200), ")".repeat(200));
        assert_eq!(refused(&deep), None);
    }
}
