//! The host is killed: the worker goes, and what was written can be sealed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fabric_model::Digest;
use rustix::process::Signal;

use crate::scene::{Scene, eventually, is_alive, json, kill};

/// A scene with one packet whose host was killed.
fn killed() -> Scene {
    let scene = Scene::new();
    let run = scene.start_endless();
    let worker = run.worker();
    kill(run.pid(), Signal::KILL);
    assert_eq!(run.end().code, None);
    eventually("the worker goes with its host", || !is_alive(worker));
    assert!(!scene.packet().join("signatures").exists());
    scene
}

#[test]
fn an_orphan_is_listed_sealed_and_then_forgotten() {
    let scene = killed();
    let listed = scene.fabric(&["recover", "--dry-run"]);
    let folder = scene.packet().file_name().expect("it has one").to_str().expect("text").to_owned();
    assert_eq!(listed.code, Some(8), "{}", listed.all());
    assert!(listed.stdout.contains(&folder), "{}", listed.all());
    assert!(listed.stderr.contains("`fabric recover` seals as aborted"), "{}", listed.all());
    assert!(!scene.packet().join("run.json").exists(), "a dry run seals nothing");
    let recovered = scene.fabric(&["recover"]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    let says = [
        folder.as_str(),
        "frozen or unrecovered (8), not measurable (11)",
        "1 checks: 0 pass, 0 fail, 1 error",
    ];
    assert!(says.iter().all(|part| recovered.stdout.contains(part)), "{}", recovered.all());
    let record = scene.record();
    assert_eq!((&record["outcome"], &record["code"]), (&"aborted".into(), &8.into()));
    assert_eq!(scene.checks().first().map(|c| c["status"].clone()), Some("error".into()));
    let again = scene.fabric(&["recover"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "nothing to recover\n"));
}

#[test]
fn a_torn_last_line_is_cut_off_and_said() {
    let scene = killed();
    let journal = scene.packet().join("journal.jsonl");
    let whole = fs::read(&journal).expect("it is there");
    fs::write(&journal, &whole[..whole.len() - 10]).expect("it can be written");
    assert_eq!(scene.fabric(&["recover"]).code, Some(0));
    let recovery = scene.record()["recovery"].clone();
    assert!(recovery["torn_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{recovery}");
}

#[test]
fn a_journal_that_is_broken_in_the_middle_is_not_sealed() {
    let scene = killed();
    let journal = scene.packet().join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("it is there");
    fs::write(&journal, text.replacen("in the middle", "in the muddle", 1)).expect("it can be written");
    let ran = scene.fabric(&["recover"]);
    ran.refused(8, &["journal line", "hint:"]);
    assert!(!scene.packet().join("signatures").exists());
}

#[test]
fn one_broken_orphan_does_not_keep_the_others_from_being_sealed() {
    let scene = killed();
    let broken = scene.packet();
    let journal = broken.join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("it is there");
    fs::write(&journal, text.replacen("in the middle", "in the muddle", 1)).expect("it can be written");
    let run = scene.start_endless();
    kill(run.pid(), Signal::KILL);
    run.end();
    assert_eq!(scene.fabric(&["recover"]).code, Some(8));
    let sealed = |packet: &Path| packet.join("signatures").exists();
    let states: Vec<bool> = scene.packets().iter().map(|packet| sealed(packet)).collect();
    assert_eq!(states.iter().filter(|sealed| **sealed).count(), 1);
    assert!(!sealed(&broken));
}

#[test]
fn a_living_run_is_no_orphan() {
    let scene = Scene::new();
    let run = scene.start_endless();
    let ran = scene.fabric(&["recover"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "nothing to recover\n"));
    kill(run.pid(), Signal::INT);
    assert_eq!(run.end().code, Some(130));
    scene.sealed();
}

#[test]
fn the_next_run_warns_of_an_orphan_and_runs() {
    let scene = killed();
    for args in [&[][..], &["--output", "json"], &["--output", "junit"]] {
        let ran = scene.rehearse("", "", args);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(ran.stderr.contains("warning") && ran.stderr.contains("fabric recover"), "{}", ran.all());
        if args.contains(&"json") {
            json(&ran.stdout);
        }
    }
}

/// What the operator's folder, or that of rehearsals in it, has noted.
fn noted(scene: &Scene) -> Vec<PathBuf> {
    let folders = [scene.home().join("started"), scene.home().join("rehearsal/started")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    entries.map(|entry| entry.expect("it is read").path()).collect()
}

#[test]
fn a_run_is_noted_in_the_operators_folder_until_it_is_sealed() {
    let scene = killed();
    let [note] = noted(&scene).try_into().expect("one note");
    assert_eq!(note.file_name(), scene.packet().file_name());
    assert_eq!(fs::metadata(&note).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(scene.fabric(&["recover"]).code, Some(0));
    assert!(noted(&scene).is_empty());
    assert_eq!(scene.rehearse("", "", &[]).code, Some(0));
    assert!(noted(&scene).is_empty());
}

#[test]
fn a_finished_journal_that_was_made_to_be_of_the_real_site_is_not_sealed() {
    let scene = Scene::with_key();
    assert_eq!(scene.rehearse("", "check(\"a\", || true);", &[]).code, Some(0));
    let forged = forge(&scene, "20261121t000000z-forged-000000");
    scene.fabric(&["recover"]).refused(8, &["knows of no run", "copied from elsewhere", "ask who ran it"]);
    let left: Vec<_> =
        fs::read_dir(&forged).expect("kept").map(|e| e.expect("it is read").file_name()).collect();
    assert_eq!(left, ["journal.jsonl"]);
}

#[test]
fn a_forged_journal_is_not_sealed_under_the_name_of_a_killed_run() {
    let scene = killed();
    let killed = scene.packet();
    let journal = killed.join("journal.jsonl");
    let run_id = killed.file_name().expect("it has one").to_str().expect("text");
    let first = fs::read_to_string(&journal).expect("it is there").lines().next().expect("a line").to_owned();
    let other = first.replace("\"title\":\"T\"", "\"title\":\"U\"");
    assert_ne!(other, first);
    let forged = chained(&other);
    fs::write(&journal, forged).expect("it is ours");
    scene.fabric(&["recover"]).refused(8, &[run_id, "knows of no run"]);
}

#[test]
fn a_copy_of_a_killed_run_is_not_sealed_beside_it() {
    let scene = killed();
    // Sorts before the run itself, so that it would use up the note.
    let copy = scene.path("evidence/runs/0-copy");
    let journal = scene.packet().join("journal.jsonl");
    fs::create_dir(&copy).expect("new");
    fs::copy(journal, copy.join("journal.jsonl")).expect("room");
    scene.fabric(&["recover"]).refused(8, &["0-copy", "knows of no run"]);
    assert!(!copy.join("signatures").exists());
    let sealed = scene.packets().into_iter().filter(|packet| packet.join("signatures").exists()).count();
    assert_eq!(sealed, 1, "the run itself is recovered");
}

#[test]
fn a_rehearsal_from_before_there_was_a_key_can_still_be_recovered() {
    let scene = killed();
    assert_eq!(scene.fabric(&["init"]).code, Some(0));
    let ran = scene.fabric(&["recover"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let trust = scene.home().join("rehearsal/trust.toml");
    let packet = scene.packet();
    let args = ["verify", packet.to_str().expect("text"), "--trust", trust.to_str().expect("text")];
    assert_eq!(scene.fabric(&args).code, Some(0));
}

#[test]
fn a_link_among_the_packets_is_left_alone() {
    let scene = killed();
    let victim = scene.beside("victim");
    fs::rename(scene.packet(), &victim).expect("it is ours");
    fs::write(victim.join("report.md"), "mine").expect("it is ours");
    let name = noted(&scene)[0].file_name().expect("it has one").to_owned();
    std::os::unix::fs::symlink(&victim, scene.path("evidence/runs").join(name)).expect("the name is free");
    let ran = scene.fabric(&["recover"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "nothing to recover\n"));
    assert_eq!(fs::read_to_string(victim.join("report.md")).expect("it is kept"), "mine");
}

/// A folder with the journal of the one packet, its realm and mode changed, its name changed to this, and its chain computed anew.
fn forge(scene: &Scene, run_id: &str) -> PathBuf {
    let own = scene.packet().file_name().expect("it has one").to_str().expect("text").to_owned();
    let text = fs::read_to_string(scene.packet().join("journal.jsonl")).expect("it is there");
    let changed = text
        .replace(&own, run_id)
        .replace("\"realm\":\"twin\"", "\"realm\":\"real\"")
        .replace("\"mode\":\"rehearse\"", "\"mode\":\"run\"");
    assert_ne!(changed, text);
    let folder = scene.path("evidence/runs").join(run_id);
    fs::create_dir(&folder).expect("the name is free");
    fs::write(folder.join("journal.jsonl"), chained(&changed)).expect("it is ours");
    folder
}

/// The lines with digests that fit, as anybody can compute them.
fn chained(text: &str) -> String {
    let mut prev = Digest::of(b"fabric journal format 1").to_string();
    let mut out = String::new();
    for line in text.lines() {
        let (at, rest) = line.split_once("\"digest\":\"").expect("a digest");
        let (event, tail) = rest[66..].rsplit_once("\"prev\":\"").expect("a chain");
        let undigested = format!("{at}{event}\"prev\":\"{prev}{}", &tail[64..]);
        prev = Digest::of(undigested.as_bytes()).to_string();
        out += &format!("{at}\"digest\":\"{prev}\",{}\n", &undigested[at.len()..]);
    }
    out
}
