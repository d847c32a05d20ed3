//! The host is killed: the worker goes, and what was written can be sealed.

use std::fs;
use std::path::Path;

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
    assert!(!scene.packet().join("run.json").exists(), "a dry run seals nothing");
    let recovered = scene.fabric(&["recover"]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    assert!(recovered.stdout.contains(&folder), "{}", recovered.all());
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
