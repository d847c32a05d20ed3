//! `fabric test`: a case passes when its run is what it expects, and in no other way.

use serde_json::Value;

use crate::scene::{Ran, Scene, json};

const SCRIPT: &str = "check(\"serves\", || expect_eq(\"code\", dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" }).rcode, \"NOERROR\"));
check(\"dnsdist\", || expect_eq(\"state\", unit::state(#{ host: \"dns-edge-1\", unit: \"dnsdist\" }).active_state, \"active\"));";
const NEEDS: &str = "\"dns.query\" = [\"vip:dns\"]\n\"unit.state\" = [\"host:dns-edge-1/dnsdist\"]";
const STOPPED: &str =
    "faults = [{ fault = \"daemon-stopped\", host = \"dns-edge-1\", unit = \"dnsdist\" }]\n";

/// A project without a key, with a script and these cases beside it.
fn scene(cases: &str) -> Scene {
    let scene = Scene::new();
    scene.script(NEEDS, SCRIPT);
    scene.write("script.test.toml", &format!("format = 1\nscript = \"script.rhai\"\n{cases}"));
    scene
}

fn case(text: &str) -> String {
    format!("[[case]]\nname = \"one\"\n{text}")
}

fn tested(cases: &str) -> Ran {
    scene(cases).fabric(&["test", "script.test.toml"])
}

#[test]
fn a_case_passes_when_its_checks_end_as_it_says_and_all_others_pass() {
    let scene = scene(&format!(
        "[[case]]\nname = \"clean\"\n[[case]]\nname = \"stopped\"\n{STOPPED}fail = [\"dnsdist\"]\nerror = [\"serves\"]\n\
         [[case]]\nname = \"nobody grants it\"\nrole = \"somebody\"\nexit = \"denied\"\nerror = [\"*\"]\n"
    ));
    // By the name of the script that they lie beside.
    let ran = scene.fabric(&["test", "script.rhai"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("3 passed") && ran.stderr.is_empty(), "{}", ran.all());
    assert!(scene.packets().is_empty() && !scene.home().exists(), "it leaves nothing");
}

#[test]
fn whatever_is_not_as_a_case_says_fails_it_and_is_told() {
    for (text, says) in [
        (String::new() + "fail = [\"dnsdist\"]\n", &["`dnsdist`", "expected fail", "observed pass"][..]),
        (
            STOPPED.to_owned(),
            &["`dnsdist`", "expected pass", "observed fail: state: expected \"active\", observed"],
        ),
        (
            format!("{STOPPED}error = [\"serves\", \"dnsdist\"]\n"),
            &["`dnsdist`", "expected error", "observed fail"],
        ),
        ("fail = [\"gone\"]\n".to_owned(), &["`gone`", "there is no such check"]),
        ("exit = \"denied\"\n".to_owned(), &["the exit", "expected denied (6)", "observed done (0)"]),
        ("role = \"somebody\"\nerror = [\"*\"]\n".to_owned(), &["the exit", "observed denied (6): "]),
    ] {
        let ran = tested(&case(&text));
        assert_eq!(ran.code, Some(1), "{text}: {}", ran.all());
        for part in [says, &["FAIL  one", "script.test.toml:4", "0 passed, 1 failed"]].concat() {
            assert!(ran.stdout.contains(part), "{text}: `{part}` is not in {}", ran.all());
        }
    }
}

#[test]
fn the_command_that_it_names_shows_the_run_again() {
    let scene = scene(&case(STOPPED));
    let ran = scene.fabric(&["test", "script.test.toml", "--output", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let told: Value = json(&ran.stdout)["cases"][0].clone();
    assert_eq!((told["passed"].as_bool(), told["line"].as_u64()), (Some(false), Some(4)));
    let again = told["again"].as_str().expect("a command");
    let (words, fault) = again.split_once(" --fault ").expect("its fault");
    let mut words: Vec<&str> = words.split(' ').skip(1).collect();
    words.extend(["--fault", fault.trim_matches('\'')]);
    let seen = scene.fabric(&words);
    assert_eq!(seen.code, Some(1), "{}", seen.all());
    assert!(seen.stdout.contains("FAIL  dnsdist"), "{}", seen.all());
}

#[test]
fn what_shows_nothing_is_no_pass() {
    let scene = scene(&case(""));
    scene.script("", "let x = 1;");
    let ran = scene.fabric(&["test", "script.rhai"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(ran.stdout.contains("none, which shows nothing"), "{}", ran.all());
    tested("").refused(3, &["script.test.toml:1", "there is no [[case]]"]);
    let empty = Scene::new();
    std::fs::remove_dir_all(empty.path("acceptance")).expect("it is a copy");
    empty.fabric(&["test"]).refused(5, &["no script of this project has a file of cases"]);
    empty.fabric(&["test", "no.test.toml"]).refused(5, &["no.test.toml cannot be read"]);
}

#[test]
fn a_malformed_file_is_refused_with_its_line_before_anything_runs() {
    for (text, says) in [
        ("fals = []\n".to_owned(), &["script.test.toml:5", "unknown field `fals`", "^^^^"][..]),
        (
            STOPPED.replace("dnsdist", "dnsd"),
            &["script.test.toml:5", "cannot be planted: the site has no unit `dnsd`"],
        ),
        ("params = { zone = \"x\" }\n".to_owned(), &["script.test.toml:4", "has no parameter `zone`"]),
        ("fail = [\"@set\"]\n".to_owned(), &["script.test.toml:5", "no set `set`"]),
    ] {
        let ran = tested(&case(&text));
        ran.refused(3, says);
        assert_eq!(ran.stdout, "", "{text}");
    }
}

#[test]
fn the_cases_of_the_project_pass_and_a_report_has_each() {
    let scene = Scene::new();
    let ran = scene.fabric(&["test", "--output", "junit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for part in [
        "<testsuite name=\"acceptance/dns.test.toml\"",
        "acceptance/front-doors.test.toml",
        "nothing is wrong",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.all());
    }
}
