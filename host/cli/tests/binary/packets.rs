//! The packet in the hands of stock tools, of `fabric verify`, and of somebody who changes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ring::Ring;
use crate::scene::{Scene, json};

/// A scene with one sealed packet of a passing and a failing check.
fn scene() -> Scene {
    let scene = Scene::new();
    let body = "check(\"a\", || expect_eq(\"rcode\", dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" }).rcode, \"NOERROR\")); check(\"b\", || false);";
    assert_eq!(scene.rehearse("\"dns.query\" = [\"vip:dns\"]", body, &[]).code, Some(1));
    scene.sealed();
    scene
}

fn signature(packet: &Path) -> PathBuf {
    let mut entries = fs::read_dir(packet.join("signatures")).expect("it is sealed");
    entries.next().expect("one signature").expect("it is read").path()
}

fn writable(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn sha256sum_and_gpg_accept_it() {
    let scene = scene();
    let packet = scene.packet();
    let sums = Command::new("sha256sum")
        .args(["-c", "--strict", "manifest.sha256"])
        .current_dir(&packet)
        .output()
        .expect("sha256sum is installed");
    assert!(sums.status.success(), "{sums:?}");

    let ring = Ring::new();
    let gpg = |args: &[&Path]| ring.gpg().args(args).output().expect("installed");
    let certs = fs::read_dir(scene.home().join("rehearsal/certs")).expect("the home has it");
    let cert = certs.map(|entry| entry.expect("it is read").path()).next().expect("one certificate");
    let imported = gpg(&[Path::new("--import"), &cert]);
    assert!(imported.status.success(), "{imported:?}");
    let (signature, manifest) = (signature(&packet), packet.join("manifest.sha256"));
    let verified = gpg(&[Path::new("--verify"), &signature, &manifest]);
    assert!(verified.status.success(), "{verified:?}");
    let wrong = gpg(&[Path::new("--verify"), &signature, &packet.join("run.json")]);
    assert!(!wrong.status.success(), "a signature of another file is refused");
}

#[test]
fn a_flipped_bit_in_any_file_is_refused() {
    let scene = scene();
    let packet = scene.packet();
    let names = ["run.json", "checks.json", "report.md", "report.html", "journal.jsonl", "manifest.sha256"];
    let files: Vec<PathBuf> =
        names.iter().map(|name| packet.join(name)).chain([signature(&packet)]).collect();
    for file in files {
        let good = fs::read(&file).expect("the packet has it");
        writable(&file);
        for position in [0, good.len() / 3, good.len() / 2, good.len() - 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[position] ^= 1;
            fs::write(&file, bad).expect("it is ours");
            let ran = scene.verify(&packet);
            assert_eq!(ran.code, Some(30), "{} at {position}: {}", file.display(), ran.all());
        }
        fs::write(&file, good).expect("it is ours");
    }
    assert_eq!(scene.verify(&packet).code, Some(0), "what was restored verifies again");
}

#[test]
fn what_is_added_or_missing_is_refused() {
    let scene = scene();
    let packet = scene.packet();
    let added = packet.join("notes.txt");
    fs::write(&added, "x").expect("it is ours");
    assert!(finding(&scene, &packet, "file.unlisted"));
    fs::remove_file(&added).expect("it is ours");
    std::os::unix::fs::symlink("run.json", &added).expect("it is ours");
    assert!(finding(&scene, &packet, "file.link"));
    fs::remove_file(&added).expect("it is ours");
    let report = packet.join("report.md");
    fs::rename(&report, scene.beside("report.md")).expect("it is ours");
    assert!(finding(&scene, &packet, "file.missing"));
    fs::rename(scene.beside("report.md"), &report).expect("it is ours");
    assert_eq!(scene.verify(&packet).code, Some(0));
}

/// Whether the verification, which must fail, has a finding of this class.
fn finding(scene: &Scene, packet: &Path, class: &str) -> bool {
    let ran = scene.fabric(&["verify", packet.to_str().expect("text"), "--output", "json"]);
    assert_eq!(ran.code, Some(30), "{}", ran.all());
    let document = json(&ran.stdout);
    assert_eq!((&document["schema"], &document["verified"]), (&"fabric.verify/1".into(), &false.into()));
    document["findings"].as_array().expect("a list").iter().any(|finding| finding["class"] == class)
}

#[test]
fn a_signer_whom_the_trust_file_does_not_know_is_refused() {
    let scene = scene();
    let packet = scene.packet();
    let packet = packet.to_str().expect("text");
    let stranger = scene.beside("stranger");
    let made = scene.fabric(&["init", "--home", stranger.to_str().expect("text")]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let trust = stranger.join("trust.toml");
    let ran = scene.fabric(&["verify", packet, "--trust", trust.to_str().expect("text")]);
    assert_eq!(ran.code, Some(30), "{}", ran.all());
    assert!(ran.stdout.contains("signature.unknown_signer"), "{}", ran.all());
    scene.fabric(&["verify", packet, "--trust", "nowhere.toml"]).refused(3, &["nowhere.toml", "hint:"]);
    scene.fabric(&["verify", "nowhere"]).refused(5, &["there is no packet nowhere"]);
    scene.fabric(&["verify", "."]).refused(5, &[". is no packet", "evidence/runs"]);
}

#[test]
fn the_verdict_on_a_good_packet_is_one_json_document() {
    let scene = scene();
    let packet = scene.packet();
    let ran = scene.fabric(&["verify", packet.to_str().expect("text"), "--output", "json"]);
    let document = json(&ran.stdout);
    assert_eq!((ran.code, &document["verified"], &document["real"]), (Some(0), &true.into(), &false.into()));
    assert_eq!(document["exit"], "checks_failed");
}

#[test]
fn a_rehearsal_is_no_evidence_where_another_realm_is_asked_for() {
    let scene = scene();
    let packet = scene.packet();
    let verify = |realm: &str, output: &str| {
        scene.fabric(&["verify", packet.to_str().expect("text"), "--realm", realm, "--output", output])
    };
    assert_eq!(verify("twin", "human").code, Some(0));
    for realm in ["real", "lab"] {
        let people = verify(realm, "human");
        assert_eq!(people.code, Some(30), "{}", people.all());
        assert!(people.stdout.contains("the packet is of realm `twin`"), "{}", people.all());
        let document = json(&verify(realm, "json").stdout);
        assert_eq!(
            (&document["verified"], &document["findings"][0]["class"]),
            (&false.into(), &"packet.realm".into())
        );
    }
    assert_eq!(verify("moon", "human").code, Some(2));
}

#[test]
fn a_run_on_a_site_file_that_calls_itself_the_twin_does_not_begin() {
    let scene = Scene::with_key();
    let file = scene.read("fabric.toml");
    assert_eq!(file.matches("realm = \"").count(), 1, "the site file says its realm once");
    let lines =
        file.lines().map(|line| if line.starts_with("realm = \"") { "realm = \"twin\"" } else { line });
    scene.write("fabric.toml", &lines.collect::<Vec<_>>().join("\n"));
    scene.script("", "");
    scene.fabric(&["run", "script.rhai"]).refused(3, &["`twin`"]);
    assert!(scene.packets().is_empty());
}
