//! What must hold of every attack.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::attack::{Attack, Language};
use crate::counter::Counter;
use crate::project::{OUTSIDE, Project, Ran};

/// Rehearses an attack without the protections that are named, and returns what came of it, in words.
///
/// # Panics
/// When it is not what must come of it.
pub(crate) fn judge(attack: &Attack, language: Language, without: &str) -> String {
    let project = Project::of(attack, language);
    let counter = Counter::new(project.beside(), &attack.expect.faults);
    let ran = project.rehearse(attack, &counter, without);
    let end = attack.end(language);
    let all = format!("exit {:?}\n{}\n{}", ran.code, ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(end.code), "{all}");
    assert!(
        ran.stdout.contains(&end.says) || ran.stderr.contains(&end.says),
        "`{}` is not in: {all}",
        end.says
    );
    nothing_obeys_it(attack, &ran);
    for asked in counter.asked() {
        assert!(attack.expect.contacts.contains(&asked), "it made a request that it may not make: {asked}");
    }
    assert_eq!(counter.changes(), 0, "the twin was changed");
    match project.packets().as_slice() {
        [] => assert!(!end.packet, "there is no packet: {all}"),
        [packet] => {
            assert!(end.packet, "it began: {all}");
            sealed(attack, language, &project, packet);
        }
        several => panic!("{} packets", several.len()),
    }
    format!("{} ({})", attack.outcome(language), end.code)
}

/// What people see is theirs: no escape, no direction, no line that a script forges, and nothing from outside of the project.
fn nothing_obeys_it(attack: &Attack, ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let odd = text.chars().find(|c| {
            (c.is_control() && *c != '\n') || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(odd, None, "{text:?}");
        assert!(!text.contains(OUTSIDE), "it shows what lies outside: {text}");
        let passes = |line: &str| line.trim_start().to_lowercase().starts_with("pass");
        assert!(
            attack.expect.passes || !text.lines().any(passes),
            "a line says that something passed: {text}"
        );
        assert!(!attack.expect.silent || !text.contains("caught"), "{text}");
    }
}

/// The packet verifies, and says the same as the exit.
fn sealed(attack: &Attack, language: Language, project: &Project, packet: &Path) {
    let verified = project.fabric(&["verify", packet.to_str().expect("an ordinary path")]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let read = |name: &str| {
        let text = fs::read_to_string(packet.join(name)).expect("the packet has it");
        assert!(!text.contains(OUTSIDE), "{name} holds what lies outside");
        text
    };
    let run: Value = serde_json::from_str(&read("run.json")).expect("JSON");
    assert_eq!(run["code"], attack.end(language).code, "{run}");
    assert_eq!(
        run["denials"].as_array().is_some_and(|all| !all.is_empty()),
        attack.outcome(language) == "denied",
        "{run}"
    );
    let checks: Value = serde_json::from_str(&read("checks.json")).expect("JSON");
    let passed =
        checks["checks"].as_array().expect("a list").iter().filter(|check| check["status"] == "pass");
    assert!(attack.expect.passes || passed.count() == 0, "{checks}");
    for report in [read("report.md"), read("report.html")] {
        assert!(!report.chars().any(|c| c != '\n' && c.is_control()), "{report:?}");
    }
    read("journal.jsonl");
}
