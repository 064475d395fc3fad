//! What sources may not do that neither the compiler nor a lint forbids: take in files from elsewhere.
//!
//! `include!`, `include_str!`, `include_bytes!` and the attribute `path` may name the submission's own sources and
//! nothing else, in a plain string: so they can't read a file of the grader's while they are compiled. The rest is the
//! compiler's: `unsafe_code = "forbid"` refuses `unsafe`, `no_mangle`, `link_section`, `extern` blocks and inline
//! assembly.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::take::Sources;

const INCLUDES: [&str; 3] = ["include", "include_str", "include_bytes"];

/// Why these sources aren't built; `None` if nothing is wrong.
pub(super) fn refusal(sources: &Sources) -> Option<String> {
    sources.iter().find_map(|(path, bytes)| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(format!("{path} isn't UTF-8"));
        };
        // What is no Rust won't compile either, and the compiler says it better.
        let tokens: TokenStream = text.trim_start_matches('\u{feff}').parse().ok()?;
        let checker = Checker { path, sources };
        checker.refusal(tokens, Within::Code).map(|(line, why)| format!("{path}:{line}: {why}"))
    })
}

struct Checker<'a> {
    path: &'a str,
    sources: &'a Sources,
}

/// What tokens are part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    /// An attribute's brackets.
    Attribute,
    /// A macro's arguments, or its definition.
    Macro,
    /// A `use`.
    Use,
}

impl Checker<'_> {
    fn refusal(&self, tokens: TokenStream, within: Within) -> Option<(usize, String)> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut in_use = within == Within::Use;
        for (i, token) in tokens.iter().enumerate() {
            let line = token.span().start().line;
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let name = name.trim_start_matches("r#");
                    in_use |= name == "use";
                    if INCLUDES.contains(&name) {
                        let follows = &tokens[i + 1..];
                        if let Some(why) =
                            self.include(name, follows, in_use || within == Within::Macro)
                        {
                            return Some((line, why));
                        }
                    }
                    if name == "path"
                        && within == Within::Attribute
                        && is_punct(tokens.get(i + 1), '=')
                    {
                        let file = tokens.get(i + 2..i + 3).and_then(literal);
                        if let Some(why) = self.not_own("the attribute path", file) {
                            return Some((line, why));
                        }
                    }
                }
                TokenTree::Punct(punct) => in_use &= punct.as_char() != ';',
                TokenTree::Group(group) => {
                    let before = i.checked_sub(1).and_then(|i| tokens.get(i));
                    let is_attribute = group.delimiter() == Delimiter::Bracket
                        && (is_punct(before, '#')
                            || is_punct(before, '!') && i > 1 && is_punct(tokens.get(i - 2), '#'));
                    let is_macro = is_punct(before, '!')
                        || matches!(before, Some(TokenTree::Ident(_)))
                            && i > 1
                            && is_punct(tokens.get(i - 2), '!');
                    let inner = match within {
                        Within::Macro => Within::Macro,
                        _ if is_attribute => Within::Attribute,
                        Within::Attribute => Within::Attribute,
                        _ if is_macro => Within::Macro,
                        _ if in_use => Within::Use,
                        _ => Within::Code,
                    };
                    // In a macro, what looks like an attribute may become one.
                    let inner = if is_attribute { Within::Attribute } else { inner };
                    if let Some(refusal) = self.refusal(group.stream(), inner) {
                        return Some(refusal);
                    }
                }
                TokenTree::Literal(_) => {}
            }
        }
        None
    }

    /// What is wrong with the use of `name`, behind which `follows` stands.
    fn include(&self, name: &str, follows: &[TokenTree], is_hidden: bool) -> Option<String> {
        if !is_punct(follows.first(), '!') {
            // Any other word may be called so; but not where it can become a macro's name.
            let why = || format!("{name} may only stand before its file's name: {name}!(\"...\")");
            return (is_hidden || name != "include").then(why);
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

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
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
            "this is no rust \u{7f} )",
        ] {
            assert_eq!(refused(right), None, "{right}");
        }
    }

    #[test]
    fn files_from_elsewhere_may_not() {
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
        ] {
            let why = refused(wrong);
            assert!(
                why.as_ref().is_some_and(|why| why.starts_with("net/deep.rs:1: ")),
                "{wrong}: {why:?}"
            );
        }
        let line = refused("\n\ninclude!(\"/etc/passwd\");").expect("it is refused");
        assert_eq!(
            line,
            "net/deep.rs:3: include! names \"/etc/passwd\", which isn't one of the files in raft/src"
        );
        let sources = [("lib.rs".to_owned(), vec![0xff])].into();
        assert_eq!(refusal(&sources).as_deref(), Some("lib.rs isn't UTF-8"));
    }
}
