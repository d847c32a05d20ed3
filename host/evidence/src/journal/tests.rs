use std::time::Duration;

use fabric_model::check::Place;

use super::*;

fn printed(text: &str) -> Event {
    Event::Printed { place: Place(vec![1]), text: text.to_owned() }
}

fn three_lines(path: &Path) -> Vec<u8> {
    let mut journal = Journal::create(path).expect("new");
    for (second, text) in [(1, "a"), (2, "\"digest\":\"\u{7}\""), (3, "c")] {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        journal.append(at, &printed(text)).expect("room");
    }
    journal.sync().expect("a disk");
    std::fs::read(path).expect("written")
}

#[test]
fn a_chain_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let bytes = three_lines(&dir.path().join("j"));
    let chain = read(&bytes, Torn::Refuse).expect("whole");
    assert_eq!(chain.lines.len(), 3);
    assert_eq!(chain.lines.last().map(|l| &l.event), Some(&printed("c")));
}

#[test]
fn any_changed_byte_breaks_the_chain() {
    let dir = tempfile::tempdir().expect("a folder");
    let bytes = three_lines(&dir.path().join("j"));
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(read(&changed, Torn::Refuse).is_err(), "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn a_removed_or_swapped_line_breaks_the_chain() {
    let dir = tempfile::tempdir().expect("a folder");
    let bytes = three_lines(&dir.path().join("j"));
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let broken = read(&[lines[0], lines[2]].concat(), Torn::Refuse).expect_err("a gap");
    assert_eq!(broken.line, 2);
    assert!(matches!(broken.reason, BrokenLine::Chain));
    assert!(read(&[lines[1], lines[0], lines[2]].concat(), Torn::Refuse).is_err());
    assert!(read(&[lines[0], lines[0]].concat(), Torn::Refuse).is_err());
}

#[test]
fn a_torn_last_line_is_accepted_only_where_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let bytes = three_lines(&dir.path().join("j"));
    for cut in 1..bytes.len() {
        let part = &bytes[..cut];
        let whole = part.iter().filter(|b| **b == b'\n').count();
        let chain = read(part, Torn::AcceptLast).expect("torn is allowed");
        assert_eq!(chain.lines.len(), whole);
        assert_eq!(read(part, Torn::Refuse).is_ok(), part.ends_with(b"\n"));
    }
}

#[test]
fn a_living_run_cannot_be_reopened() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("j");
    let journal = Journal::create(&path).expect("new");
    assert!(matches!(Journal::reopen(&path), Err(JournalError::Held)));
    drop(journal);
    assert!(Journal::reopen(&path).is_ok());
}

#[test]
fn nothing_is_written_behind_the_last_event() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::create(&dir.path().join("j")).expect("new");
    journal.append(SystemTime::UNIX_EPOCH, &Event::RunEnded { exits: vec![] }).expect("room");
    let late = journal.append(SystemTime::UNIX_EPOCH, &printed("late"));
    assert!(matches!(late, Err(JournalError::Ended)));
}

#[test]
fn an_identifier_that_a_double_cannot_hold_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::create(&dir.path().join("j")).expect("new");
    let begun = Event::CheckBegun { check: u64::MAX, place: Place::default(), title: String::new() };
    assert!(matches!(journal.append(SystemTime::UNIX_EPOCH, &begun), Err(JournalError::Unwritable(_))));
    assert!(journal.append(SystemTime::UNIX_EPOCH, &printed("next")).is_ok());
}

#[test]
fn an_event_of_a_later_version_keeps_the_chain() {
    let zero = genesis();
    let rest = format!(r#""event":{{"kind":"moon_phase","phase":[1,"new"]}},"prev":"{zero}","seq":0}}"#);
    let at = r#"{"at":"2026-01-01T00:00:00.000Z","#;
    let digest = Digest::of(format!("{at}{rest}").as_bytes());
    let line = format!("{at}\"digest\":\"{digest}\",{rest}\n");
    let chain = read(line.as_bytes(), Torn::Refuse).expect("whole");
    assert_eq!(chain.lines.first().map(|l| &l.event), Some(&Event::Unknown));
}
