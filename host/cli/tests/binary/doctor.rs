//! `fabric doctor` over this machine, and over ones whose kernel lacks what locks a worker down.

use std::process::Command;

use serde_json::Value;

use crate::scene::Scene;

/// What doctor looks at, in its order.
const SUBJECTS: [&str; 8] = ["boundary", "key", "clock", "site", "policy", "authority", "freezes", "runs"];

/// What doctor says as JSON.
fn findings(said: &str) -> Vec<Value> {
    let said: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    assert_eq!(said["schema"], "fabric.doctor/1");
    said["findings"].as_array().expect("a list").clone()
}

fn of<'a>(findings: &'a [Value], subject: &str) -> &'a Value {
    findings.iter().find(|finding| finding["subject"] == subject).expect("it looks at each")
}

/// What doctor says as JSON where the kernel answers some calls as if it had none.
fn without(scene: &Scene, calls: &str) -> Vec<Value> {
    let doctor = scene.command(&["doctor", "--output", "json"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-e", &format!("inject={calls}:error=ENOSYS")]);
    strace.arg(doctor.get_program()).args(doctor.get_args());
    strace.env_clear().env("FABRIC_HOME", scene.home()).current_dir(scene.project());
    let ran = strace.output().expect("strace is installed: the package `strace`, which ./test installs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    findings(&String::from_utf8_lossy(&ran.stdout))
}

#[test]
fn doctor_says_of_each_thing_how_it_stands_and_what_to_do() {
    let scene = Scene::with_key();
    let human = scene.fabric(&["doctor"]);
    assert_eq!((human.code, human.stderr.as_str()), (Some(0), ""), "{}", human.all());
    let json = scene.fabric(&["doctor", "--output", "json"]);
    assert_eq!(json.code, Some(0), "{}", json.all());
    let findings = findings(&json.stdout);
    let mut subjects: Vec<&str> = findings.iter().filter_map(|f| f["subject"].as_str()).collect();
    subjects.dedup();
    assert_eq!(subjects, SUBJECTS);
    for finding in &findings {
        let (subject, standing) = (finding["subject"].as_str(), finding["standing"].as_str());
        let (subject, standing) = (subject.expect("a text"), standing.expect("a word"));
        let line = human.stdout.lines().find(|line| line.contains(&format!(" {subject}:")));
        assert!(
            line.is_some_and(|line| line.starts_with(standing)),
            "{subject} {standing}: {}",
            human.stdout
        );
        let next = finding["next"].as_array().expect("a list");
        assert!(standing == "ok" || !next.is_empty(), "{finding}");
        for step in next.iter().filter(|_| subject != "clock") {
            assert!(human.stdout.contains(step.as_str().expect("a text")), "{step}: {}", human.stdout);
        }
    }
    scene.fabric(&["doctor", "--output", "junit"]).refused(2, &["no test report"]);
}

#[test]
fn doctor_fails_where_no_run_would_work() {
    let scene = Scene::new();
    let json = scene.fabric(&["doctor", "--output", "json"]);
    assert_eq!(json.code, Some(3), "{}", json.all());
    let key = of(&findings(&json.stdout), "key").clone();
    assert_eq!((&key["standing"], &key["next"][0]), (&"fail".into(), &"Make one with `fabric init`.".into()));
    scene.write("policy.toml", "format = 1\n[[alow]]\n");
    let human = scene.fabric(&["doctor"]);
    assert_eq!(human.code, Some(3), "{}", human.all());
    assert!(human.stdout.lines().any(|line| line.starts_with("FAIL  policy:")), "{}", human.all());
}

#[test]
fn doctor_says_of_the_boundary_what_a_packet_says_of_it() {
    let scene = Scene::with_key();
    let json = scene.fabric(&["doctor", "--output", "json"]);
    let boundary = of(&findings(&json.stdout), "boundary").clone();
    scene.rehearse("", "note(\"x\");", &[]);
    let message = boundary["message"].as_str().expect("a text");
    assert!(
        scene.record()["head"]["confinement"]["is"].as_str().is_some_and(|said| message.starts_with(said)),
        "{boundary}"
    );
    assert_eq!(boundary["standing"] == "ok", message.starts_with("full (kernel "), "{boundary}");
}

#[test]
fn doctor_says_what_the_kernel_lacks() {
    let scene = Scene::with_key();
    for (calls, lacks) in [
        ("landlock_create_ruleset", &["no Landlock"][..]),
        ("seccomp", &["no seccomp"]),
        ("landlock_create_ruleset,seccomp", &["no Landlock", "no seccomp"]),
    ] {
        let findings = without(&scene, calls);
        let boundary = of(&findings, "boundary");
        let message = boundary["message"].as_str().expect("a text");
        assert_eq!(boundary["standing"], "warn", "{calls}: {boundary}");
        assert!(message.starts_with("reduced: "), "{calls}: {boundary}");
        assert!(lacks.iter().all(|lack| message.contains(lack)), "{calls}: {boundary}");
        assert!(boundary["next"].to_string().contains("confinement = \\\"full\\\""), "{calls}: {boundary}");
    }
}
