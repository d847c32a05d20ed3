//! Grants from a run: what it used is enough for it, and nothing less is.

use std::fs;

use crate::scene::{Ran, Scene};

const BODY: &str = "
check(\"zone\", || expect_eq(\"code\", dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" }).rcode, \"NOERROR\"));
check(\"edges\", || {
    for edge in [\"dns-edge-1\", \"dns-edge-2\"] {
        expect_eq(edge, unit::state(#{ host: edge, unit: \"keepalived\" }).active_state, \"active\");
    }
});
";
const WIDE: &str = "\"dns.query\" = [\"vip:*\"]\n\"unit.state\" = [\"host:dns-*/*\"]";

/// The lines of `[needs]` and those from `[[allow]]` on.
fn parts(recorded: &str) -> (Vec<String>, Vec<String>) {
    let (_, rest) = recorded.split_once("[needs]\n").expect("a declaration");
    let (needs, grants) = rest.split_once("\n\n").expect("a grant");
    (needs.lines().map(str::to_owned).collect(), grants.lines().map(str::to_owned).collect())
}

/// Runs the body under exactly this declaration and this policy.
fn under(scene: &Scene, needs: &[String], grants: &[String]) -> Ran {
    scene.write("narrow.toml", &format!("format = 1\n\n{}\n", grants.join("\n")));
    scene.rehearse(&needs.join("\n"), BODY, &["--policy", "narrow.toml"])
}

#[test]
fn what_a_run_used_is_enough_for_it_and_nothing_less_is() {
    let scene = Scene::with_key();
    let ran = scene.rehearse(WIDE, BODY, &["--record-grants", "used.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let recorded = scene.read("used.toml");
    assert!(!recorded.contains('*'), "no wildcard: {recorded}");
    let (needs, grants) = parts(&recorded);
    let ran = under(&scene, &needs, &grants);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let mut left_out = 0;
    for lines in [&needs, &grants] {
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("  \"")) {
            let mut fewer = lines.clone();
            fewer.remove(index);
            let ran = if std::ptr::eq(lines, &needs) {
                under(&scene, &fewer, &grants)
            } else {
                under(&scene, &needs, &fewer)
            };
            // A primitive that is left without any resource is an error of the file.
            assert!(matches!(ran.code, Some(3 | 6 | 20)), "without {line}: {}", ran.all());
            left_out += 1;
        }
    }
    assert_eq!(left_out, 6, "three resources, declared and granted: {recorded}");
}

#[test]
fn what_was_denied_is_told_and_never_granted() {
    let scene = Scene::with_key();
    let body = "try { host::addresses(#{ host: \"minio-1\" }); } catch {} check(\"one\", || true);";
    let ran = scene.rehearse("\"host.addresses\" = [\"host:*\"]", body, &["--record-grants", "used.toml"]);
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    let recorded = scene.read("used.toml");
    assert!(recorded.contains("#   host.addresses on host:minio-1 [denied."), "{recorded}");
    assert!(!recorded.contains("\"host:minio-1\""), "{recorded}");
}

#[test]
fn a_shipped_suite_runs_on_what_it_used() {
    let scene = Scene::with_key();
    let ran = scene.fabric(&["rehearse", "acceptance/dns.rhai", "--record-grants", "used.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let (needs, grants) = parts(&scene.read("used.toml"));
    let suite = scene.read("acceptance/dns.rhai");
    let (head, rest) = suite.split_once("// [needs]\n").expect("a declaration");
    let (_, body) = rest.split_once("// ///\n").expect("its end");
    let needs: String = needs.iter().map(|line| format!("// {line}\n")).collect();
    scene.write("narrow.rhai", &format!("{head}// [needs]\n{needs}// ///\n{body}"));
    scene.write("narrow.toml", &format!("format = 1\n\n{}\n", grants.join("\n")));
    let ran = scene.fabric(&["rehearse", "narrow.rhai", "--policy", "narrow.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn grants_that_were_recorded_are_not_overwritten() {
    let scene = Scene::with_key();
    scene.write("used.toml", "reviewed");
    scene.script(WIDE, BODY);
    scene
        .fabric(&["rehearse", "script.rhai", "--record-grants", "used.toml"])
        .refused(3, &["exists and would be lost"]);
    assert_eq!(fs::read_dir(scene.path("evidence/runs")).map(Iterator::count).unwrap_or_default(), 0);
    assert_eq!(scene.read("used.toml"), "reviewed");
}
