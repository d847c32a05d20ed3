//! Holds that every invariant in the documents has something to hold it.

use fabric_holds::docs::holders;
use fabric_holds::tree::{Tree, root};

const DOCUMENT: &str = "docs/ARCHITECTURE.md";

/// The documents that promise something.
const PROMISES: [&str; 2] = [DOCUMENT, "docs/forgeries.md"];

#[test]
fn every_invariant_names_a_holder_that_exists() {
    let tree = Tree::read(&root()).expect("the repository can be read");
    for document in PROMISES {
        assert_eq!(holders(&tree, document), Vec::<String>::new());
    }
}

const CODE: &str = "
#[test]
#[ignore = \"slow\"]
fn marked() {}

#[tokio::test(flavor = \"current_thread\")]
// Why.
async fn marked_too() {}

#[test]
fn other() {}
fn plain() {}
";
const CARGO: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n[workspace.lints.clippy]\ntodo = { level = \"deny\" }\n";

fn found(text: &str) -> Vec<String> {
    holders(&Tree::of([(DOCUMENT, text), ("a.rs", CODE), ("Cargo.toml", CARGO)]), DOCUMENT)
}

#[test]
fn tests_and_lints_of_the_workspace_hold_invariants() {
    let text = "# A\n\n## Invariants\n\n- One.\n  Held by: `marked`, `marked_too`\n  and `unsafe_code`.\n- Two. Held by: `clippy::todo`.\n\n\
                1. Three. Held by: `a::tests::other`.\n\n## Not yet held\n\n- Four.\n";
    assert_eq!(found(text), Vec::<String>::new());
}

#[test]
fn planted_invariants_without_a_holder_are_found() {
    for (text, what) in [
        ("## Invariants\n- One.\n- Two. Held by: `marked`.\n", "nothing holds the invariant \"- One.\""),
        ("## Invariants\n- One. Held by: `gone`.\n", "there is no test and no lint `gone`"),
        ("## Invariants\n- One. Held by: `marked`, `gone`.\n", "there is no test and no lint `gone`"),
        ("## Invariants\n- One. Held by: `plain`.\n", "there is no test and no lint `plain`"),
        ("## Invariants\n- One. Held by: `mark`.\n", "there is no test and no lint `mark`"),
        ("## Invariants\n- One. Held by: `missing_docs`.\n", "there is no test and no lint `missing_docs`"),
        ("## Invariants\n- One. Held by: hope.\n", "`Held by:` names nothing"),
        ("## Other\n- One. Held by: `marked`.\n", "states no invariants"),
    ] {
        let found = found(text);
        assert!(found.iter().any(|f| f.contains(what)), "{text}: {found:?}");
    }
    assert_eq!(holders(&Tree::of([]), DOCUMENT), ["docs/ARCHITECTURE.md is missing"]);
}
