//! `docs/reference/codes.md` is what the table says. `FABRIC_REGENERATE=1 cargo test -p fabric codes::page` writes it anew; without
//! that, a page that is not current is a failure.

use std::fmt::Write as _;
use std::path::Path;

use super::{Entry, Kind, all};

const CURRENT: &str = include_str!("../../../../docs/reference/codes.md");

const HEAD: &str = "# Codes

What fabric prints as a code, how it comes about, and what to do. Generated from the table that `fabric explain CODE` answers from.
";

fn section(kind: Kind) -> &'static str {
    match kind {
        Kind::Exit => "Exit codes\n\nWhat a command ends with. Where several hold, the most severe wins.",
        Kind::Fault => {
            "Faults\n\nWhat a call ends with when it has no result, in a check, in the journal, and as `code` of what `catch` sees. The first word\nsays whose fault it is."
        }
        Kind::Finding => {
            "Findings\n\nWhy a packet does not verify, as `fabric verify` and `fabric-verify` say it."
        }
        Kind::Rule => "Rules\n\nWhat `fabric check` finds in a script without running it.",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut kind = None;
    for Entry { code, kind: of, means, arises, remedy } in all() {
        if kind != Some(of) {
            kind = Some(of);
            writeln!(page, "\n## {}", section(of)).expect("writing to text");
        }
        writeln!(page, "\n### `{code}`\n\n{means} {arises}\n\n*What to do:* {remedy}")
            .expect("writing to text");
    }
    page
}

#[test]
fn the_page_of_codes_is_current() {
    let page = page();
    if std::env::var_os("FABRIC_REGENERATE").is_some_and(|asked| asked == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/codes.md");
        return std::fs::write(path, page).expect("the page can be written");
    }
    assert!(CURRENT == page, "the page is not current: write it anew with FABRIC_REGENERATE=1");
}
