//! What a submission's own Cargo.toml says. It counts for nothing, but tells why one doesn't compile.

use toml::{Table, Value};

/// A sentence about the crates that a manifest asks for and that submissions may not use.
pub(super) fn not_allowed(manifest: Option<&str>, allowed: &[String]) -> Option<String> {
    let manifest: Table = manifest?.parse().ok()?;
    let dependencies = manifest.get("dependencies").and_then(Value::as_table)?;
    let others: Vec<&str> = dependencies
        .keys()
        .map(String::as_str)
        .filter(|name| !allowed.iter().any(|other| other == name))
        .collect();
    let verb = if others.len() == 1 { "isn't" } else { "aren't" };
    (!others.is_empty())
        .then(|| format!("its Cargo.toml asks for {}, which {verb} allowed", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_that_are_not_allowed_are_named() {
        let allowed = ["serde".to_owned()];
        let said = |text| not_allowed(Some(text), &allowed);
        assert_eq!(said("[dependencies]\nserde = \"1\"\n"), None);
        let rayon = said("[dependencies]\nserde = \"1\"\nrayon = \"1\"\n");
        assert_eq!(rayon.as_deref(), Some("its Cargo.toml asks for rayon, which isn't allowed"));
        assert_eq!(said("no toml"), None);
        assert_eq!(not_allowed(None, &allowed), None);
    }
}
