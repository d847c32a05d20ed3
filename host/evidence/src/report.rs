//! `report.md`: the two records for people.
//!
//! The text is a function of `run.json` and `checks.json`, and a verifier renders it again: a report that says something else
//! is a finding. Everything that came from outside is stripped of control and direction characters and escaped, so that no
//! remote answer can draw a table of its own.

mod changes;
mod chart;
mod facts;
pub mod page;

use std::fmt::Write as _;

use fabric_model::Value;
use fabric_model::check::Status;
use fabric_model::protection::{Protection, stands};

use self::facts::duration;
use crate::document;
use crate::event::FaultRecord;
use crate::record::{CheckRecord, ChecksRecord, RunOutcome, RunRecord};

/// What a recovered packet says of itself, here and where it is verified.
pub(crate) const UNWITNESSED: &str = "What stands before the recovery was not witnessed by who sealed it.";

/// Writing to a `String` does not fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => {{ let _ = writeln!($out, $($arg)*); }};
}
use line;

/// The report, in Markdown.
pub fn render(run: &RunRecord, checks: &ChecksRecord) -> String {
    let mut out = String::new();
    header(&mut out, run);
    summary(&mut out, run);
    changes::render(&mut out, run);
    denials(&mut out, run);
    table(&mut out, checks);
    details(&mut out, checks);
    stray_faults(&mut out, run);
    documents(&mut out, run);
    out
}

fn header(out: &mut String, run: &RunRecord) {
    let head = &run.head;
    line!(out, "# {}", text(&head.script.title));
    line!(out);
    if let Some(reservation) = facts::reservation(run) {
        line!(out, "**{reservation}**\n");
    }
    line!(out, "| | |\n|---|---|");
    let mut row = |name: &str, value: String| line!(out, "| {name} | {value} |");
    row("Run", text(head.run_id.as_str()));
    row("Result", format!("**{}**, exit code {}", run.exit.meaning(), run.code));
    row("Site", format!("{} ({})", text(head.site.name.as_str()), head.site.realm.as_str()));
    row("Mode", format!("{}, {}", head.mode.as_str(), head.act.as_str()));
    row(
        "Script",
        format!("{} ({}, reach {})", text(&head.script.path), text(&head.script.kind), head.script.reach),
    );
    row("Started", head.started.to_string());
    row("Ended", format!("{} ({})", run.ended, duration(run.ended.millis_since(head.started))));
    row("Principal", format!("`{}`", head.principal.fingerprint));
    row("Roles", head.principal.roles.iter().map(|r| text(r.as_str())).collect::<Vec<_>>().join(", "));
    row("Machine", format!("{} as {}", text(&head.host.hostname), text(&head.host.user)));
    row("Boundary", text(&head.boundary));
    row("fabric", text(&head.version));
    row("Script digest", format!("`{}`", head.script.digest));
    row("Site digest", format!("`{}`", head.site.digest));
    row("Policy digest", format!("`{}`", head.policy));
    row("Trust digest", format!("`{}`", head.trust));
    if let Some(recording) = head.recording {
        row("Recording digest", format!("`{recording}`"));
    }
    if let Some(plan) = run.plan {
        row("Plan digest", format!("`{plan}`"));
    }
    if let Some(link) = &run.plan_made_in {
        row("Plan made in", format!("{} (manifest `{}`)", text(link.run_id.as_str()), link.manifest));
    }
    for (name, value) in &head.params {
        row(&format!("Parameter {}", text(name)), shown(value));
    }
    if let Some(link) = &head.recovered_from {
        row(
            "Follows the recovery of",
            format!("{} (manifest `{}`)", text(link.run_id.as_str()), link.manifest),
        );
    }
    line!(out);
}

fn summary(out: &mut String, run: &RunRecord) {
    let counts = run.counts;
    line!(out, "## Summary\n");
    line!(
        out,
        "{} checks: {} passed, {} failed, {} could not be measured, {} skipped{}.",
        counts.total(),
        counts.pass,
        counts.fail,
        counts.error,
        counts.skip,
        match counts.deferred {
            0 => String::new(),
            deferred => format!(", {deferred} deferred until the changes are made"),
        }
    );
    if run.exits.len() > 1 {
        let all: Vec<String> = run.exits.iter().map(ToString::to_string).collect();
        line!(out, "\nSeveral exits held; the first decides: {}.", all.join(", "));
    }
    if let Some((what, message)) = facts::worker_end(run) {
        line!(out, "\n{what}: {}", text(message));
    }
    if run.outcome == RunOutcome::Aborted {
        line!(
            out,
            "\n**Aborted: the host was killed before the packet was sealed. What is missing here did not happen or was not seen.**"
        );
    }
    if let Some(recovery) = &run.recovery {
        line!(out, "\nSealed later, at {}, by `{}`.", recovery.at, recovery.by.fingerprint);
        line!(
            out,
            "**{UNWITNESSED}** The signature says that the journal was found like this, not that it is what happened."
        );
        if let Some(digest) = recovery.torn_digest {
            line!(
                out,
                "A torn last journal line of {} bytes was cut off (SHA-256 `{digest}`).",
                recovery.torn_bytes
            );
        }
    }
    line!(out);
}

fn denials(out: &mut String, run: &RunRecord) {
    if run.denials.is_empty() {
        return;
    }
    line!(out, "## Denied\n");
    for denial in &run.denials {
        line!(out, "- `{}`: {}", code(&denial.primitive), fault(&denial.fault));
    }
    line!(out);
}

fn table(out: &mut String, checks: &ChecksRecord) {
    if checks.checks.is_empty() {
        return;
    }
    line!(out, "## Checks\n");
    line!(out, "| Result | Check | Targets | Transport | Basis | Time |");
    line!(out, "|---|---|---|---|---|--:|");
    for check in &checks.checks {
        line!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            word(check.status),
            text(&check.title),
            joined(check.targets.iter().map(|t| t.name.as_str())),
            joined(check.transports.iter().map(String::as_str)),
            joined(check.basis.iter().map(|basis| facts::basis(*basis))),
            duration(check.took_ms)
        );
    }
    line!(out);
}

fn details(out: &mut String, checks: &ChecksRecord) {
    let mut others = checks.checks.iter().filter(|c| c.status != Status::Pass).peekable();
    if others.peek().is_none() {
        return;
    }
    line!(out, "## What did not pass");
    for check in others {
        detail(out, check);
    }
}

fn detail(out: &mut String, check: &CheckRecord) {
    line!(out, "\n### {}: {}\n", word(check.status), text(&check.title));
    if let Some(what) = &check.what {
        line!(out, "- Compared: {}", text(what));
    }
    if let Some(expected) = &check.expected {
        line!(out, "- Expected: {}", shown(expected));
    }
    if let Some(observed) = &check.observed {
        line!(out, "- Observed: {}", shown(observed));
    }
    if let Some(message) = &check.message {
        line!(out, "- Message: {}", text(message));
    }
    if let Some(found) = &check.fault {
        line!(out, "- Fault: {}", fault(found));
    }
    for target in &check.targets {
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        line!(out, "- Target: {} ({})", text(&target.name), addresses.join(", "));
    }
    line!(out, "- Started: {}", check.started);
}

fn stray_faults(out: &mut String, run: &RunRecord) {
    if run.faults.is_empty() {
        return;
    }
    line!(out, "\n## Faults outside checks\n");
    for stray in &run.faults {
        line!(out, "- `{}`: {}", code(&stray.primitive), fault(&stray.fault));
    }
}

fn documents(out: &mut String, run: &RunRecord) {
    if run.documents.is_empty() {
        return;
    }
    line!(out, "\n## Documents\n");
    line!(out, "| Document | Media type | SHA-256 |\n|---|---|---|");
    for kept in &run.documents {
        let (name, media_type) = document::told(&kept.artifact);
        line!(out, "| {} | {media_type} | `{}` |", text(name), kept.digest);
    }
    line!(out, "\nThey lie in `{}`.", document::FOLDER);
}

fn fault(fault: &FaultRecord) -> String {
    format!("{} (`{}`).{}", text(&fault.message), code(&fault.code), text(&facts::hints(fault)))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "**FAIL**",
        Status::Error => "**ERROR**",
        Status::Skip => "skip",
        Status::Deferred => "deferred",
    }
}

fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.map(text).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    text(&facts::shown(value))
}

/// Whether a character may move the cursor, hide text or turn its direction.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text from outside, on one line, harmless as Markdown and HTML.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    if !stands(Protection::PlainReports) {
        return raw.to_owned();
    }
    for c in raw.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_deceptive(c) => {}
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // Breaks the bare links that renderers make of themselves.
            ':' if out.ends_with("http") || out.ends_with("https") || out.ends_with("ftp") => {
                out.push_str("&#58;")
            }
            c => out.push(c),
        }
    }
    out
}

/// Text from outside within a code span.
fn code(raw: &str) -> String {
    raw.chars().filter(|c| !is_deceptive(*c) && *c != '`' && *c != '|').collect()
}
