//! Journals: the chain of their lines, and the story that they tell.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use fabric_evidence::journal::{self, Torn};
use fabric_evidence::{Event, Journal, derive, report};
use tempfile::TempDir;

/// In it each journal is written and removed.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("room for one file"));

/// The bytes of a journal, and, where they are none, one event in each line, which are then chained. What was chained reads as it was
/// written, and a report of it holds nothing that a terminal obeys.
pub fn run(bytes: &[u8]) {
    let whole = journal::read(bytes, Torn::Refuse);
    let torn = journal::read(bytes, Torn::AcceptLast);
    if let Ok(whole) = &whole {
        let torn = torn.as_ref().expect("what is whole can be read as torn");
        assert!(torn.torn.is_empty());
        assert_eq!(torn.lines, whole.lines);
    }
    match torn {
        Ok(chain) if !chain.lines.is_empty() => tell(&chain.lines),
        _ => chained(bytes),
    }
}

fn chained(bytes: &[u8]) {
    let events: Vec<Event> =
        bytes.split(|byte| *byte == b'\n').map_while(|line| serde_json::from_slice(line).ok()).collect();
    if events.is_empty() {
        return;
    }
    let path = PLACE.path().join("journal.jsonl");
    let mut written = Vec::new();
    let mut open = Journal::create(&path).expect("the last one was removed");
    for event in events {
        if open.append(UNIX_EPOCH, &event).is_ok() {
            written.push(event);
        }
    }
    drop(open);
    let bytes = std::fs::read(&path).expect("just written");
    std::fs::remove_file(&path).expect("our own");
    let chain = journal::read(&bytes, Torn::Refuse).expect("what was written is a chain");
    assert!(chain.lines.iter().map(|line| &line.event).eq(&written));
    tell(&chain.lines);
}

fn tell(lines: &[journal::Line]) {
    let Ok((run, checks)) = derive::records(lines) else { return };
    let page = report::page::render(&run, &checks, &BTreeMap::new());
    for report in [report::render(&run, &checks), page] {
        assert!(!report.chars().any(|c| c != '\n' && c.is_control()), "{report:?}");
    }
}
