//! What the documents promise.

use crate::tree::Tree;

/// What introduces the tests and lints that hold an invariant.
const HELD_BY: &str = "Held by:";

/// Invariants of a document that name nothing to hold them, and holders that do not exist. An invariant is an item of a list
/// below a heading with the word "invariants"; its holders are tests by name or lints of the workspace, in backticks.
pub fn holders(tree: &Tree, document: &str) -> Vec<String> {
    let Some(text) = tree.text(document) else { return vec![format!("{document} is missing")] };
    let mut found = Vec::new();
    let mut promises = 0;
    for item in invariants(text) {
        promises += 1;
        if !item.contains(HELD_BY) {
            let title: String = item.chars().take(60).collect();
            found.push(format!("{document}: nothing holds the invariant \"{title}\""));
        }
    }
    // Anywhere in the document, so that a holder outside the list is real as well.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in flat.split(HELD_BY).skip(1) {
        let names = quoted(sentence);
        if names.is_empty() {
            found.push(format!("{document}: `{HELD_BY}` names nothing"));
        }
        let missing = names.into_iter().filter(|name| !is_test(tree, name) && !is_lint(tree, name));
        found.extend(missing.map(|name| format!("{document}: there is no test and no lint `{name}`")));
    }
    if promises == 0 {
        found.push(format!("{document} states no invariants"));
    }
    found
}

/// Each item of the lists below the heading, continued lines included.
fn invariants(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('#') {
            inside = line.to_lowercase().contains("invariants");
        } else if inside && is_item(line) {
            items.push(line.to_owned());
        } else if let Some(item) = items.last_mut().filter(|_| inside) {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (number.len() < line.len() && number.starts_with(". "))
}

/// The names in backticks at the beginning of a text, separated by commas and "and".
fn quoted(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.strip_prefix('`').and_then(|inner| inner.split_once('`')) {
        names.push(name);
        rest = after.trim_start_matches([',', ' ']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    names
}

/// Whether a function of this name is marked as a test somewhere. Only attributes and comments may stand between.
fn is_test(tree: &Tree, name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name);
    let head = format!("fn {name}(");
    // A test of a program with a harness of its own.
    let trial = format!("Trial::test(\"{name}\"");
    tree.files().filter(|(path, _)| path.ends_with(".rs")).any(|(_, text)| {
        if text.contains(&trial) {
            return true;
        }
        let mut marked = false;
        text.lines().map(str::trim_start).any(|line| {
            let is_head = line.trim_start_matches("async ").starts_with(&head);
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if !line.starts_with("#[") && !line.starts_with("//") && !is_head {
                marked = false;
            }
            marked && is_head
        })
    })
}

/// Whether the workspace sets this lint to refuse.
fn is_lint(tree: &Tree, name: &str) -> bool {
    let (table, lint) = name.split_once("::").unwrap_or(("rust", name));
    let level = || {
        let manifest: toml::Table = tree.text("Cargo.toml")?.parse().ok()?;
        let level = manifest.get("workspace")?.get("lints")?.get(table)?.get(lint)?;
        level.get("level").unwrap_or(level).as_str().map(str::to_owned)
    };
    matches!(level().as_deref(), Some("deny" | "forbid"))
}
