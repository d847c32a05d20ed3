//! What the policy says of all that a script declares, and what runs used of it.

use std::fs;

use crate::scene::{Ran, Scene, json};

const BODY: &str = "check(\"zone\", || expect_eq(\"code\", dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" }).rcode, \"NOERROR\"));
check(\"edge\", || expect_eq(\"state\", unit::state(#{ host: \"dns-edge-1\", unit: \"keepalived\" }).active_state, \"active\"));";
const NEEDS: &str = "\"dns.query\" = [\"vip:dns\"]\n\"unit.state\" = [\"host:dns-edge-*/keepalived\"]";

fn line_of(scene: &Scene, text: &str) -> usize {
    scene.read("policy.toml").lines().position(|line| line.contains(text)).expect("it is in the policy") + 1
}

/// A run of the body, whose packet is then held against the policy.
fn minimised(scene: &Scene, more: &[&str]) -> Ran {
    let ran = scene.rehearse(NEEDS, BODY, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    scene.fabric(&[&["policy", "minimise", ran.packet()], more].concat())
}

#[test]
fn each_grant_is_told_with_its_line_and_what_was_used_of_it() {
    let scene = Scene::with_key();
    let before = scene.read("policy.toml");
    let ran = minimised(&scene, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let query = line_of(&scene, "\"dns.query\" = [\"vip:dns\"");
    let unit = line_of(&scene, "\"host:dns-*/keepalived\"");
    for part in [
        format!("used   dns.query on vip:dns  policy.toml:{query}"),
        format!("unused dns.query on host:dns-auth-*  policy.toml:{query}"),
        format!(
            "wider  unit.state on host:dns-*/keepalived  policy.toml:{unit}, used on host:dns-edge-1/keepalived"
        ),
        "used in twin as site-dev".to_owned(),
        "1 grants used, 1 wider than used".to_owned(),
    ] {
        assert!(ran.stdout.contains(&part), "`{part}` is not in {}", ran.all());
    }
    assert_eq!(scene.read("policy.toml"), before, "it is never edited");
}

#[test]
fn the_smallest_policy_is_enough_for_its_runs_and_nothing_less_is() {
    let scene = Scene::with_key();
    let ran = minimised(&scene, &["--write", "small.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let small = scene.read("small.toml");
    for part in ["environments = [\"twin\"]", "roles = [\"site-dev\"]", "[[deny]]", "[[guard]]"] {
        assert!(small.contains(part), "{part}: {small}");
    }
    let granted = |text: &str| {
        scene.write("narrow.toml", text);
        scene.rehearse(NEEDS, BODY, &["--policy", "narrow.toml"]).code
    };
    assert_eq!(granted(&small), Some(0));
    let (_, rest) = small.split_once("[allow.primitives]\n").expect("a rule");
    let (grants, rest) = rest.split_once("\n\n").expect("its end");
    assert_eq!(
        grants,
        "\"dns.query\" = [\n  \"vip:dns\",\n]\n\"unit.state\" = [\n  \"host:dns-edge-1/keepalived\",\n]"
    );
    assert!(!rest.contains("[[allow]]"), "{rest}");
    for resource in ["  \"vip:dns\",", "  \"host:dns-edge-1/keepalived\","] {
        // A primitive that is left without any resource is an error of the file.
        assert_eq!(granted(&small.replacen(&format!("\n{resource}"), "", 1)), Some(3), "without {resource}");
    }
    // What stands there may have been reviewed.
    minimised(&scene, &["--write", "small.toml"]).refused(3, &["exists and would be lost"]);
}

#[test]
fn a_gameday_runs_on_the_smallest_policy_of_its_own_run() {
    let scene = Scene::with_key();
    scene.adopt("gamedays");
    let drill = "gamedays/vip-failover-stop.rhai";
    // How long it takes is for other tests: here it matters that nothing is denied, and that everything is asked.
    let told = |ran: &Ran| json(&ran.stdout);
    let ran = scene.fabric(&["rehearse", drill, "--output", "json"]);
    let packet = told(&ran)["packet"].as_str().expect("a packet").to_owned();
    let made = scene.fabric(&["policy", "minimise", &packet, "--write", "small.toml"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let again = scene.fabric(&["rehearse", drill, "--policy", "small.toml", "--output", "json"]);
    for ran in [&ran, &again] {
        let run = told(ran)["run"].clone();
        assert_eq!(run["denials"], serde_json::json!([]), "{}", ran.all());
        assert_eq!(run["verdicts"]["restoration"], "restored", "{}", ran.all());
    }
}

#[test]
fn a_packet_that_does_not_verify_shows_no_use() {
    let scene = Scene::with_key();
    let ran = scene.rehearse(NEEDS, BODY, &[]);
    let journal = scene.path(ran.packet()).join("journal.jsonl");
    let text = fs::read_to_string(&journal).expect("the packet has it");
    fs::write(&journal, text.replace("vip:dns", "vip:dnt")).expect("it can be written");
    scene.fabric(&["policy", "minimise", ran.packet()]).refused(30, &["does not verify"]);
    scene.fabric(&["policy", "minimise", "evidence/runs/none"]).refused(5, &["there is no packet"]);
}

#[test]
fn what_a_script_declares_is_told_need_by_need_with_the_rule() {
    let scene = Scene::with_key();
    scene.script(NEEDS, BODY);
    let explain = |more: &[&str]| {
        scene.fabric(&[&["policy", "explain", "--script", "script.rhai", "--site", "twin"], more].concat())
    };
    let ran = explain(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let (query, unit) =
        (line_of(&scene, "\"dns.query\" = [\"vip:dns\""), line_of(&scene, "\"host:dns-*/keepalived\""));
    for part in [
        "script.rhai as site-dev",
        "dns.query on vip:dns (line 6)",
        "dns-edge-1, dns-edge-2 in twin",
        &format!("allowed by `dns-acceptance` (policy.toml:{query})"),
        &format!("allowed by `dns-acceptance` (policy.toml:{unit})"),
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is not in {}", ran.all());
    }
    let ran = explain(&["--as", "somebody"]);
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    assert!(ran.stdout.contains("allowed by no rule"), "{}", ran.all());
    // One need that nothing grants is enough.
    scene.script(&format!("{NEEDS}\n\"host.addresses\" = [\"host:minio-1\"]"), BODY);
    let ran = explain(&[]);
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    assert!(ran.stdout.contains("host.addresses on host:minio-1 (line 8)"), "{}", ran.all());
    scene.fabric(&["policy", "explain"]).refused(2, &["--script"]);
}

#[test]
fn guards_of_what_a_script_may_change_are_told_by_environment() {
    let scene = Scene::with_key();
    scene.adopt("gamedays");
    let ran = scene.fabric(&["policy", "explain", "--script", "gamedays/service-restart.rhai"]);
    assert!(ran.stdout.contains("guarded by `"), "{}", ran.all());
    assert!(ran.stdout.contains("in samakia-dns"), "{}", ran.all());
}
