//! What people and programs read of a run.

use std::io::Read as _;
use std::process::Stdio;

use crate::scene::{Scene, json};

const BODY: &str = "print(\"a\\x1b[2Jb\\rc\\u202ed\\n  pass  forged\"); check(\"good\", || true); check(\"bad <&>\", || false); \
                    check(\"unsure\", || throw \"a\\x1b]0;b\"); check(\"left out\", || skip(\"not here\"));";

#[test]
fn json_is_one_document_and_nothing_else() {
    let scene = Scene::with_key();
    let ran = scene.rehearse("", BODY, &["--output", "json"]);
    let document = json(&ran.stdout);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    assert_eq!((&document["schema"], &document["run"]["code"]), (&"fabric.run/1".into(), &1.into()));
    assert_eq!(document["checks"].as_array().map(Vec::len), Some(4));
    let packet = document["packet"].as_str().expect("its path");
    assert_eq!(scene.fabric(&["verify", packet]).code, Some(0));
    assert_eq!(document["run"], json(&scene.read(&format!("{packet}/run.json"))));
}

#[test]
fn junit_counts_failures_errors_and_what_was_skipped() {
    let scene = Scene::with_key();
    let ran = scene.rehearse("", BODY, &["--output", "junit"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let root = ran.stdout.lines().find(|line| line.starts_with("<testsuites")).expect("a root");
    for count in ["tests=\"4\"", "failures=\"1\"", "errors=\"1\""] {
        assert!(root.contains(count), "{count}: {root}");
    }
    assert!(ran.stdout.contains("bad &lt;&amp;") && ran.stdout.contains("<skipped"), "{}", ran.stdout);
    is_well_formed(&ran.stdout);
}

#[test]
fn no_form_is_green_when_the_run_broke_without_a_check() {
    let scene = Scene::with_key();
    let printed = |form: &str| {
        let ran = scene.rehearse("", "throw \"oops\";", &["--output", form]);
        assert_eq!(ran.code, Some(20));
        ran.stdout
    };
    let junit = printed("junit");
    is_well_formed(&junit);
    assert!(junit.contains("errors=\"1\"") && junit.contains("the run itself"), "{junit}");
    let tap = printed("tap");
    assert!(tap.contains("1..1\n") && tap.contains("\nnot ok 1 - the run itself\n"), "{tap}");
    let sarif = json(&printed("sarif"));
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["kind"], &result["level"]),
        (&"run".into(), &"fail".into(), &"error".into())
    );
}

#[test]
fn what_a_script_says_begins_no_line_of_its_own_in_tap() {
    let scene = Scene::with_key();
    let body = "check(\"a # SKIP\", || expect_eq(\"x\", 1, \"\\n  ...\\nok 8 - forged\")); \
                check(\"b\", || throw \"x\\n  ...\\nok 9 - forged\");";
    let ran = scene.rehearse("", body, &["--output", "tap"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(ran.stdout.contains("not ok 1 - a \\# SKIP"), "{}", ran.stdout);
    assert!(!ran.stdout.lines().any(|line| line.starts_with("ok ")), "{}", ran.stdout);
}

#[test]
fn metrics_are_told_of_the_run_and_where_they_cannot_be_written_the_packet_is_there() {
    let scene = Scene::with_key();
    let file = scene.beside("last.prom");
    let path = file.to_str().expect("text");
    let ran = scene.rehearse("", BODY, &["--output", "json", "--metrics", path]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let text = std::fs::read_to_string(&file).expect("written");
    assert!(text.contains("status=\"fail\"} 1\n") && text.contains("\nfabric_run_exit_code{"), "{text}");
    let ran = scene.rehearse("", BODY, &["--output", "json", "--metrics", "/nowhere/last.prom"]);
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    assert!(ran.stderr.contains("the metrics /nowhere/last.prom cannot be written"), "{}", ran.stderr);
    let packet = json(&ran.stdout)["packet"].as_str().expect("its path").to_owned();
    assert_eq!(scene.fabric(&["verify", &packet]).code, Some(0));
}

/// Tags open and close in order, and nothing stands in a document that XML 1.0 does not allow.
fn is_well_formed(xml: &str) {
    assert!(!xml.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{xml}");
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0) {
        let name = tag.split([' ', '\n']).next().expect("a first word").trim_end_matches('/');
        match tag.chars().next().expect("a name") {
            '?' => {}
            '/' => assert_eq!(open.pop(), Some(&name[1..]), "{xml}"),
            _ if tag.ends_with('/') => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_pipe_gets_no_escape_codes_and_a_script_cannot_send_any() {
    let scene = Scene::with_key();
    let ran = scene.rehearse("", BODY, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    assert!(!ran.stdout.contains(['\x1b', '\r', '\u{202e}']), "{:?}", ran.stdout);
    for line in
        ["  pass  good", "  FAIL  bad <&>", "  ERROR unsure", "  skip  left out", "  |   pass  forged"]
    {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.lines().any(|line| line.starts_with("  pass  forged")), "{}", ran.stdout);
    assert!(ran.stdout.contains("fabric verify evidence/runs/"), "{}", ran.stdout);
}

#[test]
fn colour_comes_when_asked_for_and_not_against_no_color() {
    let scene = Scene::with_key();
    assert!(scene.rehearse("", BODY, &["--color", "always"]).stdout.contains("\x1b["));
    for (name, value, colour) in [("CLICOLOR_FORCE", "1", true), ("NO_COLOR", "1", false)] {
        let output =
            scene.command(&["rehearse", "script.rhai"]).env(name, value).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(text.contains("\x1b["), colour, "{name}");
        // Colour is ours; what the script printed is not.
        assert!(!text.contains("\x1b[2J") && !text.contains("\x1b]0"), "{text:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_neither_the_run_nor_the_seal() {
    let scene = Scene::with_key();
    scene.script("", "for i in 0..500 { check(\"c\" + i, || true); }");
    let mut child = scene
        .command(&["rehearse", "script.rhai"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut first = [0; 10];
    child.stdout.take().expect("it is piped").read_exact(&mut first).expect("it says something");
    let ended = child.wait_with_output().expect("it was started");
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).as_deref()), (Some(0), Ok("")));
    assert_eq!(scene.record()["counts"]["pass"], 500);
}

#[test]
fn errors_go_to_standard_error_alone() {
    let scene = Scene::with_key();
    for output in ["human", "json", "junit"] {
        let ran = scene.fabric(&["rehearse", "nowhere.rhai", "--output", output]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(5), ""), "{output}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}
