//! Recordings: what is kept, what is answered, and what a run without network refuses to make up.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scene::{Ran, Scene, copy, json};

const NEEDS: &str = "\"dns.query\" = [\"vip:*\"]\n\"tcp.connect\" = [\"vip:*\"]";
const ASKS: &str = "check(\"answers\", || expect_eq(\"code\", dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" }).rcode, \"NOERROR\"));";

fn recorded() -> Scene {
    let scene = Scene::with_key();
    let ran = scene.rehearse(NEEDS, ASKS, &["--record", "kept.json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    scene
}

fn offline(scene: &Scene, body: &str, args: &[&str]) -> Ran {
    scene.script(NEEDS, body);
    scene.fabric(&[&["run", "script.rhai", "--offline", "kept.json"], args].concat())
}

#[test]
fn an_offline_packet_says_that_it_is_one_and_is_no_evidence_of_a_site() {
    let scene = recorded();
    let mode = fs::metadata(scene.path("kept.json")).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ran = offline(&scene, ASKS, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("offline, on a recording: no evidence of any site"), "{}", ran.all());
    let packet = scene.path(ran.packet());
    assert_eq!(scene.verify(&packet).code, Some(0));
    let run = json(&fs::read_to_string(packet.join("run.json")).expect("a record"));
    let digest = fabric_model::Digest::of(&fs::read(scene.path("kept.json")).expect("it was made"));
    assert_eq!(run["head"]["mode"], "offline");
    assert_eq!(run["head"]["recording"], digest.to_string());
    for realm in ["real", "lab", "twin"] {
        let packet = packet.to_str().expect("an ordinary path");
        let verified = scene.fabric(&["verify", packet, "--realm", realm]);
        assert_eq!(verified.code, Some(30), "{}", verified.all());
        assert!(verified.stdout.contains("an offline run, which had no site"), "{}", verified.all());
    }
}

#[test]
fn a_call_that_was_not_recorded_ends_the_run_and_says_how_to_record_it() {
    let scene = recorded();
    let more = format!("{ASKS}\ncheck(\"more\", || tcp::connect(#{{ target: \"vip:dns\", port: 53 }}));");
    let ran = offline(&scene, &more, &[]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    for part in [
        "`tcp.connect` {",
        "is not in the recording: nothing stands there",
        "fabric rehearse script.rhai --record kept.json",
    ] {
        assert!(ran.stdout.contains(part), "`{part}`: {}", ran.all());
    }
    let swallowed =
        format!("{ASKS}\ntry {{ tcp::connect(#{{ target: \"vip:dns\", port: 53 }}); }} catch {{}}");
    assert_eq!(offline(&scene, &swallowed, &[]).code, Some(5), "also where the script does not mind");
}

#[test]
fn a_call_with_other_arguments_is_another_call() {
    let scene = recorded();
    let ran = offline(&scene, &ASKS.replace("SOA", "NS"), &[]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(ran.stdout.contains("`dns.query` {\"name\":\"infra.samakia.net.\""), "{}", ran.all());
    assert!(ran.stdout.contains("stands there"), "{}", ran.all());
    assert!(ran.stderr.contains("another script"), "{}", ran.all());
}

#[test]
fn a_call_that_moved_is_told_where_it_was() {
    let scene = recorded();
    let ran = offline(&scene, &format!("check(\"before\", || true);\n{ASKS}"), &[]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(ran.stdout.contains("The same call was recorded at step"), "{}", ran.all());
}

#[test]
fn an_answer_that_nobody_asks_for_is_a_warning() {
    let scene = recorded();
    let ran = offline(&scene, "check(\"nothing\", || true);", &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("1 of 1 answers of the recording were not asked for"), "{}", ran.all());
}

#[test]
fn another_address_is_another_target_and_another_site_file_a_warning() {
    let scene = recorded();
    let site = scene.read("fabric.toml");
    scene.write("fabric.toml", &format!("{site}\n# looked over\n"));
    let ran = offline(&scene, ASKS, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("another site file"), "{}", ran.all());
    scene.write("fabric.toml", &site.replace("192.168.11.100", "192.168.11.109"));
    let ran = offline(&scene, ASKS, &[]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(ran.stdout.contains("was answered by vip:dns (192.168.11.100)"), "{}", ran.all());
    assert!(ran.stdout.contains("192.168.11.109"), "{}", ran.all());
}

#[test]
fn the_gate_is_asked_offline_too() {
    let scene = recorded();
    let denial = "\n[[deny]]\nname = \"closed\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n\n[deny.primitives]\n\"dns.query\" = [\"vip:dns\"]\n";
    scene.write("policy.toml", &format!("{}{denial}", scene.read("policy.toml")));
    let ran = offline(&scene, ASKS, &[]);
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    assert!(ran.stdout.contains("denied.by_rule"), "{}", ran.all());
}

#[test]
fn a_recording_replaces_none_of_another_script_and_no_other_file() {
    let scene = recorded();
    let again = scene.rehearse(NEEDS, ASKS, &["--record", "kept.json"]);
    assert_eq!(again.code, Some(0), "{}", again.all());
    let before = scene.read("kept.json");
    fs::copy(scene.path("script.rhai"), scene.path("other.rhai")).expect("room");
    scene
        .fabric(&["rehearse", "other.rhai", "--record", "kept.json"])
        .refused(3, &["a recording of script.rhai, which would be lost"]);
    scene
        .fabric(&["rehearse", "other.rhai", "--record", "policy.toml"])
        .refused(3, &["no recording, which would be lost"]);
    assert_eq!(scene.read("kept.json"), before);
    scene.write("kept.json", &before.replacen("NOERROR", "NXDOMAIN", 1).replacen("{", "{ ", 1));
    scene
        .fabric(&["run", "script.rhai", "--offline", "kept.json"])
        .refused(3, &["no recording: not in the canonical form"]);
    scene.fabric(&["run", "script.rhai", "--offline", "nowhere.json"]).refused(5, &["there is no recording"]);
}

#[test]
fn what_changes_is_neither_recorded_nor_executed_nor_approved_offline() {
    let scene = Scene::with_key();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize();
    let gamedays = root.expect("the repository is there").join("gamedays");
    copy(&gamedays, &scene.path("gamedays"));
    let script = "gamedays/vip-failover-stop.rhai";
    scene.fabric(&["rehearse", script, "--record", "kept.json"]).refused(2, &["--dry-run"]);
    let ran = scene.fabric(&["rehearse", script, "--dry-run", "--record", "kept.json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for packet in scene.packets() {
        fs::remove_dir_all(packet).expect("it is ours");
    }
    let offline = scene.fabric(&["run", script, "--offline", "kept.json"]);
    assert_eq!(offline.code, Some(0), "{}", offline.all());
    let run = json(&fs::read_to_string(scene.path(offline.packet()).join("run.json")).expect("a record"));
    let plan = run["plan"].as_str().expect("a plan").to_owned();
    for named in [plan.as_str(), offline.packet()] {
        for command in [
            &["rehearse", script, "--plan", named][..],
            &["approve", named, "--environment", "twin", "--reason", "it looks right to me"],
        ] {
            scene.fabric(command).refused(10, &["made offline", "without `--offline`"]);
        }
    }
    scene
        .fabric(&["run", script, "--offline", "kept.json", "--execute", "--plan", &plan])
        .refused(2, &["cannot be used with"]);
}
