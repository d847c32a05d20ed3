//! `fabric evidence show` and `diff`: packets as people read them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::retention::Office;
use crate::scene::{Scene, json};

fn packet(scene: &Scene, body: &str, args: &[&str]) -> String {
    scene.rehearse("\"dns.query\" = [\"vip:dns\"]", body, args).packet().to_owned()
}

fn spoil(scene: &Scene, packet: &str) {
    let report = scene.path(packet).join("report.md");
    fs::set_permissions(&report, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::write(&report, "planted").expect("ours");
}

#[test]
fn a_packet_is_shown_with_who_signed_it_and_what_was_said_of_it() {
    let office = Office::new();
    let scene = &office.scene;
    let packet = packet(scene, "check(\"it fails\", || false); check(\"c\", || true);", &[]);
    office.declare(&packet, "case-7");
    let hostile =
        ["hold", "extend", &packet, "case-7", "--review", "2999-02-01T00:00:00Z", "--reason", "\u{1b}[2J"];
    office.done("legal", &hostile);
    let shown = office.done("legal", &["show", &packet]);
    for part in [
        "verifies",
        "no evidence of the real site",
        "ended as  checks failed",
        "2 checks: 1 pass, 1 fail",
        "  fail ",
        "seal, at",
        "by his own clock",
        "held as case-7, to be reviewed at 2999-01-01T00:00:00.000Z; reason: a letter",
        "hold case-7 extended",
        "case-7: held; declared by security: a letter",
        "nothing beside the seal",
        "kept until 1 hold(s) are released",
    ] {
        assert!(shown.stdout.contains(part), "`{part}` is not in {}", shown.all());
    }
    assert!(!shown.stdout.contains('\u{1b}'), "{}", shown.all());
    let document = json(&office.done("legal", &["show", &packet, "--output", "json"]).stdout);
    assert_eq!(document["schema"], "fabric.packet/1");
    assert_eq!((&document["holds"][0]["hold"], &document["verified"]), (&"case-7".into(), &true.into()));
    assert_eq!(document["labels"][0]["label"]["act"]["kind"], "hold_declare");
    assert_eq!(document["checks"].as_array().map(Vec::len), Some(2));
    office.evidence("legal", &["show", &packet, "--output", "junit"]).refused(2, &["human or json"]);
    office.evidence("legal", &["show", "evidence"]).refused(5, &["no manifest.sha256"]);
}

#[test]
fn nothing_of_a_packet_that_does_not_verify_is_shown_or_compared() {
    let scene = Scene::with_key();
    let (good, bad) = (
        packet(&scene, "check(\"a planted title\", || true);", &[]),
        packet(&scene, "check(\"b\", || true);", &[]),
    );
    spoil(&scene, &good);
    let shown = scene.fabric(&["evidence", "show", &good]);
    assert_eq!(shown.code, Some(30), "{}", shown.all());
    assert!(shown.stdout.contains("file.digest") && !shown.all().contains("planted"), "{}", shown.all());
    let shown = scene.fabric(&["evidence", "show", &good, "--output", "json"]);
    assert_eq!((shown.code, &json(&shown.stdout)["verified"]), (Some(30), &false.into()));
    for pair in [[&good, &bad], [&bad, &good]] {
        let compared = scene.fabric(&["evidence", "diff", pair[0], pair[1]]);
        compared.refused(30, &["does not verify"]);
        assert_eq!(compared.stdout, "");
    }
}

#[test]
fn two_packets_are_compared_with_changed_verdicts_first() {
    let scene = Scene::with_key();
    let one = packet(&scene, "check(\"a\", || true); check(\"b\", || false); check(\"old\", || true);", &[]);
    let same = scene.fabric(&["evidence", "diff", &one, &one]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{}", same.all());
    let again =
        packet(&scene, "check(\"a\", || true); check(\"b\", || false); check(\"old\", || true);", &[]);
    let same = scene.fabric(&["evidence", "diff", &one, &again]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "times and names are no difference");
    let two = packet(&scene, "check(\"a\", || false); check(\"b\", || true); check(\"new\", || true);", &[]);
    let compared = scene.fabric(&["evidence", "diff", &one, &two]);
    assert_eq!(compared.code, Some(1), "{}", compared.all());
    let lines: Vec<&str> = compared.stdout.lines().collect();
    assert_eq!(lines[..2], ["verdict  a: pass -> fail", "verdict  b: fail -> pass"], "{}", compared.all());
    assert!(lines.contains(&"check    old: pass -> -"), "{}", compared.all());
    assert!(lines.contains(&"check    new: - -> pass"), "{}", compared.all());
    assert!(lines.iter().any(|line| line.starts_with("run      script: ")), "{}", compared.all());
    let document = json(&scene.fabric(&["evidence", "diff", &one, &two, "--output", "json"]).stdout);
    assert_eq!(document["differences"][0]["kind"], "verdict");
    assert_eq!(document["differences"][0]["after"], "fail");
}
