//! What a killed host leaves behind can be sealed as what it is, and as nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use fabric_evidence::journal::JournalError;
use fabric_evidence::orphan::{self, Orphan, OrphanError};
use fabric_evidence::record::RunOutcome;
use fabric_evidence::{PacketFolder, verify};
use fabric_model::check::Status;
use fabric_model::exit::Exit;

use crate::sample::{Bench, files, later};

/// A folder as it is after the host was killed when `bytes` of the journal were written.
fn killed_at(bench: &Bench, run_id: &str, bytes: usize) -> std::path::PathBuf {
    let packet = bench.open_packet(run_id);
    let dir = packet.dir().to_owned();
    drop(packet);
    let journal = fs::OpenOptions::new().write(true).open(dir.join("journal.jsonl")).expect("there");
    journal.set_len(bytes as u64).expect("room");
    dir
}

fn adopt(bench: &Bench, dir: &Path) -> Result<PacketFolder, OrphanError> {
    Orphan::open(dir)?.adopt(bench.principal(), None, later())
}

/// The bytes of a whole journal. Its run has a name of five letters, as the killed ones have, so that lengths agree.
fn journal_of_a_whole_run(bench: &Bench) -> Vec<u8> {
    let packet = bench.open_packet("whole");
    fs::read(packet.dir().join("journal.jsonl")).expect("there")
}

#[test]
fn a_run_killed_at_any_line_or_within_one_is_sealed_as_aborted() {
    let bench = Bench::new();
    let whole = journal_of_a_whole_run(&bench);
    let ends: Vec<usize> =
        whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
    let cuts = ends[..ends.len() - 1].iter().flat_map(|end| [(*end, 0), (end + 17, 17)]);
    for (n, (cut, torn)) in cuts.enumerate() {
        let dir = killed_at(&bench, &format!("r{n:04}"), cut);
        let packet = adopt(&bench, &dir).expect("an orphan");
        let sealed = packet.seal(&bench.signer, "site-dev", "recover", later()).expect("a usable key");
        assert_eq!(sealed.run.outcome, RunOutcome::Aborted);
        assert!(sealed.run.exits.contains(&Exit::Unrecovered));
        assert_ne!(sealed.run.exit, Exit::Done);
        let recovery = sealed.run.recovery.as_ref().expect("recorded");
        assert_eq!(recovery.torn_bytes, torn);
        assert_eq!(recovery.torn_digest.is_some(), torn > 0);
        let verified = verify(&dir, &bench.trust(), later() + Duration::from_secs(1)).expect("sealed");
        assert_eq!(verified.run, sealed.run);
    }
}

#[test]
fn a_check_that_was_open_when_the_host_died_is_an_error() {
    let bench = Bench::new();
    let whole = journal_of_a_whole_run(&bench);
    let two_lines = whole.split_inclusive(|b| *b == b'\n').take(2).map(<[u8]>::len).sum();
    let dir = killed_at(&bench, "run-1", two_lines);
    let packet = adopt(&bench, &dir).expect("an orphan");
    let sealed = packet.seal(&bench.signer, "site-dev", "recover", later()).expect("a usable key");
    assert_eq!(sealed.checks.checks.first().map(|c| c.status), Some(Status::Error));
    let report = fs::read_to_string(dir.join("report.md")).expect("text");
    assert!(report.contains("**Aborted: the host was killed before the packet was sealed."), "{report}");
}

#[test]
fn a_seal_that_was_interrupted_is_done_again_as_a_recovery() {
    let bench = Bench::new();
    let dir = killed_at(&bench, "run-1", journal_of_a_whole_run(&bench).len());
    for half_written in ["run.json", "checks.json", "report.md", "report.html", "manifest.sha256"] {
        fs::write(dir.join(half_written), "{").expect("room");
    }
    fs::create_dir(dir.join("signatures")).expect("new");
    fs::write(dir.join("signatures/unfinished"), "-----").expect("room");
    let packet = adopt(&bench, &dir).expect("an orphan");
    let sealed = packet.seal(&bench.signer, "site-dev", "recover", later()).expect("a usable key");
    assert_eq!(sealed.run.outcome, RunOutcome::Aborted);
    assert_eq!(sealed.run.exits, [Exit::Denied, Exit::Unrecovered, Exit::ChecksFailed]);
    let verified = verify(&dir, &bench.trust(), later()).expect("sealed").to_string();
    let read = |name: &str| fs::read_to_string(dir.join(name)).expect("text");
    for text in [verified, read("report.md"), read("report.html")] {
        assert!(
            text.contains("What stands before the recovery was not witnessed by who sealed it."),
            "{text}"
        );
    }
}

#[test]
fn a_living_a_sealed_and_a_tampered_run_are_left_alone() {
    let bench = Bench::new();
    let living = bench.open_packet("living");
    let refused = adopt(&bench, living.dir()).expect_err("alive");
    assert!(matches!(refused, OrphanError::Journal(JournalError::Held)), "{refused}");

    let sealed = bench.seal("sealed");
    let refused = adopt(&bench, &sealed.dir).expect_err("sealed");
    assert!(matches!(refused, OrphanError::Sealed(_)), "{refused}");

    let dir = killed_at(&bench, "bad-1", journal_of_a_whole_run(&bench).len());
    let journal = dir.join("journal.jsonl");
    let changed = fs::read_to_string(&journal).expect("text").replace("dns.query", "dns.quiet");
    fs::write(&journal, &changed).expect("room");
    let refused = adopt(&bench, &dir).expect_err("tampered");
    assert!(refused.to_string().contains("journal line 4"), "{refused}");
    assert_eq!(fs::read_to_string(&journal).expect("text"), changed, "kept as it was found");
}

#[test]
fn only_unsealed_runs_without_a_living_host_are_found() {
    let bench = Bench::new();
    assert_eq!(
        orphan::find(&bench.path("runs")).expect("no folder is no orphan"),
        Vec::<std::path::PathBuf>::new()
    );
    bench.seal("sealed");
    let _living = bench.open_packet("living");
    let dir = killed_at(&bench, "killed", 10);
    assert_eq!(orphan::find(&bench.path("runs")).expect("readable"), std::slice::from_ref(&dir));
    let refused = adopt(&bench, &dir).expect_err("nothing happened");
    assert!(matches!(refused, OrphanError::NoStory(_)), "{refused}");
    assert_eq!(fs::read(dir.join("journal.jsonl")).expect("there").len(), 10, "kept as it was found");
}

#[test]
fn a_run_that_recorded_nothing_is_removed_and_one_that_began_is_not() {
    let bench = Bench::new();
    let whole = journal_of_a_whole_run(&bench);
    let first = whole.iter().position(|b| *b == b'\n').expect("a line") + 1;
    let cuts = [("none-", 0, true), ("one--", 1, true), ("most-", first - 1, true), ("line-", first, false)];
    for (run_id, bytes, gone) in cuts {
        let dir = killed_at(&bench, run_id, bytes);
        assert_eq!(
            Orphan::open(&dir).and_then(|found| found.discard_unbegun()).expect("no host lives"),
            gone,
            "{bytes} bytes"
        );
        assert_eq!(dir.exists(), !gone, "{bytes} bytes");
    }
}

/// What lies in a folder, with its bytes.
fn content(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files(dir).into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

#[test]
fn a_link_among_the_packets_is_neither_found_nor_followed() {
    let bench = Bench::new();
    let victim = killed_at(&bench, "whole", journal_of_a_whole_run(&Bench::new()).len());
    fs::rename(&victim, bench.path("victim")).expect("room");
    let (victim, runs) = (bench.path("victim"), bench.path("runs"));
    fs::write(victim.join("report.md"), "mine").expect("room");
    let before = content(&victim);

    let folder = runs.join("folder");
    symlink(&victim, &folder).expect("room");
    let journal = runs.join("journal");
    fs::create_dir(&journal).expect("new");
    symlink(victim.join("journal.jsonl"), journal.join("journal.jsonl")).expect("room");
    assert_eq!(orphan::find(&runs).expect("readable"), Vec::<std::path::PathBuf>::new());
    for dir in [&folder, &journal] {
        let refused = Orphan::open(dir).expect_err("a link");
        assert!(matches!(refused, OrphanError::Foreign(_)), "{refused}");
    }
    assert_eq!(content(&victim), before);
}

#[test]
fn signatures_elsewhere_are_not_reached_through_a_link() {
    let bench = Bench::new();
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).expect("new");
    fs::write(elsewhere.join("unfinished"), "mine").expect("room");
    let dir = killed_at(&bench, "run-1", journal_of_a_whole_run(&bench).len());
    symlink(&elsewhere, dir.join("signatures")).expect("room");
    let refused = adopt(&bench, &dir).expect_err("a link");
    assert!(matches!(refused, OrphanError::Foreign(_)), "{refused}");
    assert_eq!(fs::read(elsewhere.join("unfinished")).expect("kept"), b"mine");
}

#[test]
fn a_journal_that_is_replaced_while_it_is_sealed_is_not_signed() {
    let bench = Bench::new();
    let forged = journal_of_a_whole_run(&bench);
    let packet = bench.open_packet("run-1");
    let journal = packet.dir().join("journal.jsonl");
    fs::remove_file(&journal).expect("there");
    fs::write(&journal, forged).expect("room");
    let sealed = packet.seal(&bench.signer, "site-dev", "seal", later()).expect("a usable key");
    assert_eq!(sealed.run.head.run_id.as_str(), "run-1");
    let findings = verify(&sealed.dir, &bench.trust(), later()).expect_err("another journal");
    assert!(findings.iter().any(|f| f.class == "file.digest"), "{findings:?}");
}

#[test]
fn an_orphan_names_its_run_and_its_first_line() {
    let bench = Bench::new();
    let whole = journal_of_a_whole_run(&bench);
    let first = whole.iter().position(|b| *b == b'\n').expect("a line") + 1;
    let line: serde_json::Value = serde_json::from_slice(&whole[..first]).expect("JSON");
    let orphan = Orphan::open(&bench.path("runs/whole")).expect("an orphan");
    let (run_id, digest) = orphan.beginning().expect("a run").expect("begun");
    assert_eq!(
        (run_id.as_str(), digest.to_string().as_str()),
        ("whole", line["digest"].as_str().expect("text"))
    );
    let none = Orphan::open(&killed_at(&bench, "none-", 3)).expect("an orphan");
    assert_eq!(none.beginning().expect("nothing"), None);
}
