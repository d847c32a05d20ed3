//! Scripts that mean harm: the right exit, a sealed packet, and a host that lives.

use rustix::process::Signal;

use crate::scene::{Scene, kill};

const NEEDS: &str = "\"dns.query\" = [\"vip:dns\"]";

/// The exit, and how the worker ended with what was said of it.
fn ends(body: &str, args: &[&str], code: i32, how: &str, says: &str) {
    let scene = Scene::new();
    let ran = scene.rehearse(NEEDS, body, args);
    assert_eq!(ran.code, Some(code), "{body}: {}", ran.all());
    let record = scene.record();
    assert_eq!(record["code"], code, "{body}");
    assert_eq!(record["worker"]["how"], how, "{body}: {}", record["worker"]);
    assert!(record["worker"].to_string().contains(says), "{body}: {}", record["worker"]);
    // People read the same.
    assert!(ran.stdout.contains(says), "{body}: {}", ran.all());
}

#[test]
fn what_never_ends_or_grows_ends_at_a_limit() {
    for (body, says) in [
        ("loop { }", "too many operations"),
        ("fn f(n) { f(n + 1) } f(0);", "stack overflow"),
        ("let s = \"x\"; for i in 0..16 { s += s; } loop { print(s); }", "bytes of output"),
        ("let s = \"x\"; loop { s += s; }", "length of string"),
        ("let a = [1]; loop { a += a; }", "size of array"),
        ("for i in 0..20000 { check(\"c\" + i, || true); }", "more than 5000 checks"),
    ] {
        ends(body, &[], 21, "limit", says);
    }
}

#[test]
fn twenty_thousand_calls_end_at_a_limit_even_when_each_fault_is_caught() {
    ends("for i in 0..20000 { try { dns::query(#{}); } catch {} }", &[], 21, "limit", "at most 10000 calls");
}

#[test]
fn a_poll_without_end_ends_with_the_time_of_the_run() {
    let body = "poll_until(#{ timeout_ms: 600000, every_ms: 1000 }, || false);";
    ends(body, &["--time-limit", "1"], 21, "limit", "at most 1 s");
}

#[test]
fn what_is_thrown_outside_a_check_is_a_fault_of_the_script() {
    ends("throw \"oops\";", &[], 20, "threw", "oops");
}

#[test]
fn a_worker_that_eats_its_memory_dies_alone() {
    // Assigning to keys of a table goes past the engine's limit on sizes, up to that of the process.
    let body = "let a = #{}; let s = \"x\"; for i in 0..19 { s += s; } let i = 0; loop { a[\"k\" + i] = s + i; i += 1; }";
    ends(body, &[], 20, "died", "the script's process is gone");
}

#[test]
fn six_thousand_nested_maps_end_the_run_and_not_the_host() {
    let scene = Scene::new();
    let ran = scene.rehearse(NEEDS, "let a = #{}; for i in 0..6000 { a = #{x: a}; }", &[]);
    // The engine counts the depth of values at every step. Where that does not end the script, dropping the value may.
    assert!([Some(0), Some(20), Some(21)].contains(&ran.code), "{}", ran.all());
    assert_eq!(scene.record()["code"].as_i64(), ran.code.map(i64::from));
}

#[test]
fn a_worker_that_is_killed_from_outside_is_a_fault_of_the_script() {
    let scene = Scene::new();
    let run = scene.start_endless();
    kill(run.worker(), Signal::KILL);
    assert_eq!(run.end().code, Some(20));
    let record = scene.record();
    assert_eq!(record["worker"]["how"], "died");
    assert!(record["worker"].to_string().contains("signal: 9"), "{record}");
}

#[test]
fn a_check_that_is_open_at_the_end_could_not_find_out() {
    let scene = Scene::new();
    let ran = scene.rehearse(NEEDS, "check(\"left open\", || { loop {} });", &[]);
    assert_eq!(ran.code, Some(21));
    scene.sealed();
    let checks = scene.checks();
    let [check] = checks.as_slice() else { panic!("{checks:?}") };
    assert_eq!((&check["title"], &check["status"]), (&"left open".into(), &"error".into()));
    assert!(ran.stdout.contains("ERROR left open"), "{}", ran.all());
}

#[test]
fn a_script_that_imports_itself_is_refused_before_a_run() {
    let scene = Scene::new();
    let ran = scene.rehearse(NEEDS, "import \"script\" as me;", &[]);
    ran.refused(20, &["script.rhai:8:8", "a cycle of imports", "hint:"]);
    assert_eq!(scene.packets().len(), 0);
}
