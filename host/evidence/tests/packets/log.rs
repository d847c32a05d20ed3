//! The log of packets: what was taken away, replaced, moved, put in later or dated back is found.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fabric_evidence::log::{self, Entry, PacketEntry, audit, witness};
use fabric_evidence::{Stamp, Trust};

use crate::sample::{Bench, entry, later, new_signer, start, unlock};

struct Logged {
    bench: Bench,
}

impl Logged {
    /// Three packets, sealed one after the other.
    fn new() -> Self {
        let bench = Bench::new();
        for run in ["run-1", "run-2", "run-3"] {
            bench.seal(run);
        }
        Self { bench }
    }

    fn runs(&self) -> PathBuf {
        self.bench.path("runs")
    }

    fn path(&self) -> PathBuf {
        self.runs().join(log::NAME)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("text")
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(|line| format!("{line}\n")).collect()
    }

    fn write(&self, lines: &[String]) {
        fs::write(self.path(), lines.concat()).expect("room");
    }

    fn trust(&self) -> Trust {
        self.bench.trust()
    }

    fn classes(&self, whole: bool) -> Vec<&'static str> {
        match audit::audit(&self.runs(), &self.trust(), later(), whole) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(|finding| finding.class).collect(),
        }
    }

    /// Writes the log anew from these entries, as whoever can write the folder could.
    fn rewrite(&self, entries: Vec<Entry>) {
        fs::remove_file(self.path()).expect("ours");
        for entry in entries {
            log::append(&self.runs(), entry).expect("room");
        }
    }

    fn entries(&self) -> Vec<Entry> {
        log::read(self.text().as_bytes()).expect("a chain").into_iter().map(|line| line.entry).collect()
    }
}

/// The entry of a packet, changed.
fn with(mut entry: Entry, change: impl FnOnce(&mut PacketEntry)) -> Entry {
    if let Entry::Packet(packet) = &mut entry {
        change(packet);
    }
    entry
}

#[test]
fn each_sealed_packet_has_a_line_that_follows_from_the_one_before() {
    let logged = Logged::new();
    let audited = audit::audit(&logged.runs(), &logged.trust(), later(), true).expect("it holds");
    let runs: Vec<&str> = audited.packets().map(|entry| entry.run_id.as_str()).collect();
    assert_eq!(runs, ["run-1", "run-2", "run-3"]);
    let first = audited.lines.first().map(|line| line.prev.to_string());
    let genesis = "fabric log format 1";
    assert_eq!(first, Some(fabric_model::Digest::of(genesis.as_bytes()).to_string()));
    let empty = tempfile::tempdir().expect("a folder");
    assert!(
        audit::audit(empty.path(), &logged.trust(), later(), true)
            .expect("nothing is wrong")
            .lines
            .is_empty()
    );
}

#[test]
fn a_line_that_was_removed_moved_or_changed_breaks_the_chain() {
    let logged = Logged::new();
    let lines = logged.lines();
    let changes: [(&str, Vec<String>); 6] = [
        ("the first is missing", lines[1..].to_vec()),
        ("one is missing", vec![lines[0].clone(), lines[2].clone()]),
        ("two are swapped", vec![lines[1].clone(), lines[0].clone(), lines[2].clone()]),
        ("one stands twice", vec![lines[0].clone(), lines[0].clone(), lines[1].clone(), lines[2].clone()]),
        ("one says another exit", lines.iter().map(|line| line.replace("\"denied\"", "\"done\"")).collect()),
        ("the last is torn", vec![lines.concat().trim_end().to_owned()]),
    ];
    for (what, changed) in changes {
        assert_ne!(changed, lines, "{what}");
        logged.write(&changed);
        assert_eq!(logged.classes(false), ["log.chain"], "{what}");
    }
}

#[test]
fn a_packet_that_was_removed_replaced_or_put_in_is_found() {
    let logged = Logged::new();
    let (first, second) = (logged.runs().join("run-1"), logged.runs().join("run-2"));
    let aside = logged.bench.path("aside");
    fs::rename(&second, &aside).expect("ours");
    assert_eq!(logged.classes(false), ["log.removed"]);
    fs::create_dir(&second).expect("ours");
    fs::copy(first.join("manifest.sha256"), second.join("manifest.sha256")).expect("ours");
    assert_eq!(logged.classes(false), ["log.replaced"]);
    fs::remove_dir_all(&second).expect("ours");
    fs::rename(&aside, &second).expect("ours");
    assert_eq!(logged.classes(true), [""; 0]);
    fs::create_dir(logged.runs().join("run-0")).expect("ours");
    fs::copy(first.join("manifest.sha256"), logged.runs().join("run-0/manifest.sha256")).expect("ours");
    assert_eq!(logged.classes(false), ["log.unlisted"]);
}

#[test]
fn a_packet_whose_content_was_changed_is_found_where_packets_are_verified_too() {
    let logged = Logged::new();
    let packet = logged.runs().join("run-2");
    unlock(&packet);
    fs::write(packet.join("report.md"), "all is well\n").expect("ours");
    assert_eq!(logged.classes(false), [""; 0], "the manifest is the same");
    assert_eq!(logged.classes(true), ["log.replaced"]);
}

#[test]
fn a_log_written_anew_shows_what_does_not_fit() {
    let logged = Logged::new();
    let entries = logged.entries();
    let mut twice = entries.clone();
    twice.push(entries[0].clone());
    logged.rewrite(twice);
    assert_eq!(logged.classes(false), ["log.duplicate"]);
    let mut early = entries.clone();
    early[2] = with(early[2].clone(), |entry| entry.sealed = Stamp::of(start() - Duration::from_secs(60)));
    logged.rewrite(early);
    assert_eq!(logged.classes(false), ["log.back_dated"]);
    let mut late = entries.clone();
    late[2] = with(late[2].clone(), |entry| entry.sealed = Stamp::of(start() + Duration::from_secs(600)));
    logged.rewrite(late);
    assert_eq!(logged.classes(true), ["log.replaced"], "its signature says another time");
    let mut elsewhere = entries.clone();
    elsewhere[2] = with(elsewhere[2].clone(), |entry| entry.folder = "../aside".to_owned());
    logged.rewrite(elsewhere);
    assert_eq!(logged.classes(false), ["log.chain", "log.unlisted"]);
    logged.rewrite(entries);
    assert_eq!(logged.classes(true), [""; 0]);
}

#[test]
fn a_head_that_somebody_signed_holds_the_log_up_to_there() {
    let logged = Logged::new();
    let other = new_signer();
    logged.bench.add_certificate("b", &other.public_armored().expect("a certificate"));
    let known = entry("a", logged.bench.signer.fingerprint(), &["site-dev"], "");
    logged.bench.write_trust(&(known.clone() + &entry("b", other.fingerprint(), &["auditor"], "")));
    let lines = log::read(logged.text().as_bytes()).expect("a chain");
    let statement =
        witness::sign(&logged.runs(), &lines[1], &other, "auditor", later()).expect("a usable key");
    let audited = audit::audit(&logged.runs(), &logged.trust(), later(), false).expect("it holds");
    assert_eq!(audited.witnessed.iter().map(|one| one.head.seq).collect::<Vec<_>>(), [1]);
    let entries = logged.entries();
    fs::remove_dir_all(logged.runs().join("run-1")).expect("ours");
    logged.rewrite(entries[1..].to_vec());
    assert_eq!(logged.classes(false), ["log.rewritten"], "the chain itself holds");
    logged.rewrite(entries[1..2].to_vec());
    assert_eq!(logged.classes(false), ["log.rewritten", "log.unlisted"], "cut off");
    logged.bench.write_trust(&known);
    assert!(logged.classes(false).contains(&"log.head"), "signed by nobody who is known");
    fs::write(&statement, "{}").expect("ours");
    assert!(logged.classes(false).contains(&"log.head"));
    let heads = statement.parent().expect("a folder");
    fs::remove_dir_all(heads).expect("ours");
    fs::write(heads, "no folder").expect("ours");
    assert!(logged.classes(false).contains(&"log.head"), "heads that cannot be read");
}

#[test]
fn a_torn_end_is_cut_off_and_the_chain_goes_on() {
    let logged = Logged::new();
    let entries = logged.entries();
    let text = logged.text();
    fs::write(logged.path(), format!("{text}{{\"digest\":\"torn")).expect("ours");
    assert_eq!(logged.classes(false), ["log.chain"]);
    log::append(&logged.runs(), entries[0].clone()).expect("room");
    assert!(logged.text().starts_with(&text));
    assert_eq!(logged.entries().len(), 4);
    fs::write(logged.path(), "no line\n").expect("ours");
    log::append(&logged.runs(), entries[0].clone()).expect_err("nothing follows from that");
}

#[test]
fn runs_that_end_at_the_same_time_stand_one_behind_the_other() {
    let logged = Logged::new();
    let (entries, runs) = (logged.entries(), logged.runs());
    fs::remove_file(logged.path()).expect("ours");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| drop(log::append(&runs, entries[0].clone()).expect("room"))));
        }
    });
    assert_eq!(logged.entries().len(), 160);
}
