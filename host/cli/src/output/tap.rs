//! TAP 14: `fail` and `error` are not ok, `skip` and `deferred` are skipped, and a YAML block says why.

use fabric_evidence::CheckRecord;
use fabric_model::check::Status;

use super::Told;
use super::outcome::{Outcome, outcomes};
use crate::stream::say;
use crate::terminal::plain;

pub(super) fn print(told: &Told) {
    let all = outcomes(told);
    say("TAP version 14");
    say(format_args!("1..{}", all.len()));
    say(format_args!("# {}", plain(&told.run.head.script.title)));
    for (name, value) in [
        ("packet", told.packet.clone()),
        ("site", told.run.head.site.name.to_string()),
        ("realm", told.run.head.site.realm.as_str().to_owned()),
        ("exit", told.run.exit.to_string()),
    ] {
        say(format_args!("# {name}: {}", plain(&value)));
    }
    for (n, outcome) in all.iter().enumerate() {
        point(n + 1, outcome);
    }
}

fn point(number: usize, outcome: &Outcome<'_>) {
    let title = escaped(&outcome.title);
    let reason = escaped(&plain(&outcome.message));
    match outcome.status {
        Status::Pass => say(format_args!("ok {number} - {title}")),
        Status::Skip => say(format_args!("ok {number} - {title} # SKIP {reason}")),
        Status::Deferred => say(format_args!("ok {number} - {title} # SKIP deferred: {reason}")),
        Status::Fail | Status::Error => {
            say(format_args!("not ok {number} - {title}"));
            diagnosis(outcome);
        }
    }
}

fn diagnosis(outcome: &Outcome<'_>) {
    let kind = if outcome.status == Status::Fail { "fail" } else { "error" };
    say("  ---");
    row("status", &kind);
    row("message", &outcome.message);
    if let Some(check) = outcome.check {
        compared(check);
    }
    say(format_args!("  duration_ms: {}", outcome.took.as_millis()));
    say("  ...");
}

fn compared(check: &CheckRecord) {
    if let Some(expected) = &check.expected {
        row("expected", expected);
    }
    if let Some(observed) = &check.observed {
        row("observed", observed);
    }
    if let Some(fault) = &check.fault {
        row("code", &fault.code);
    }
    let targets: Vec<&str> = check.targets.iter().map(|target| target.name.as_str()).collect();
    row("targets", &targets);
}

/// A row of the YAML block: JSON is YAML.
fn row(name: &str, value: &impl serde::Serialize) {
    say(format_args!("  {name}: {}", plain(&serde_json::to_string(value).unwrap_or_default())));
}

/// A `#` would begin a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}
