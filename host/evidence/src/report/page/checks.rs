//! The checks, those that did not pass first, and what was denied or went wrong outside of them.

use fabric_model::check::Status;

use super::{Body, Facts, Tone, badge, facts, facts_list, fault, table};
use crate::markup::Markup;
use crate::record::{CheckRecord, ChecksRecord, RunRecord};

fn tone(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Fail | Status::Error => Tone::Bad,
        Status::Skip | Status::Deferred => Tone::Unsure,
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Error => "error",
        Status::Skip => "skip",
        Status::Deferred => "deferred",
    }
}

/// The place among the others: what failed first.
fn rank(status: Status) -> u8 {
    match status {
        Status::Fail => 0,
        Status::Error => 1,
        Status::Skip => 2,
        Status::Deferred => 3,
        Status::Pass => 4,
    }
}

fn sorted(checks: &ChecksRecord) -> Vec<&CheckRecord> {
    let mut all: Vec<&CheckRecord> = checks.checks.iter().collect();
    all.sort_by_key(|check| rank(check.status));
    all
}

/// What did not pass, with what was expected and what was observed.
pub(super) fn failed(body: &mut Body, checks: &ChecksRecord) {
    let mut others = sorted(checks);
    others.retain(|check| check.status != Status::Pass);
    if others.is_empty() {
        return;
    }
    body.section("failed", "What did not pass", |section| {
        for check in others {
            detail(section, check);
        }
    });
}

fn detail(section: &mut Markup, check: &CheckRecord) {
    section.within("article", &[("class", &format!("check {}", tone(check.status).class()))], |article| {
        article.within("h3", &[], |title| {
            badge(title, tone(check.status), word(check.status));
            title.text(" ");
            title.text(&check.title);
        });
        facts_list(article, |list| {
            compared(list, check);
            for target in &check.targets {
                let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
                list.row("Target", &format!("{} ({})", target.name, addresses.join(", ")));
            }
            list.row("Started", &check.started.to_string());
        });
    });
}

fn compared(list: &mut Facts<'_>, check: &CheckRecord) {
    if let Some(what) = &check.what {
        list.row("Compared", what);
    }
    if let Some(expected) = &check.expected {
        list.code("Expected", &facts::shown(expected));
    }
    if let Some(observed) = &check.observed {
        list.code("Observed", &facts::shown(observed));
    }
    if let Some(message) = &check.message {
        list.row("Message", message);
    }
    if let Some(found) = &check.fault {
        list.cell("Fault", |cell| fault(cell, found));
    }
}

/// Every check.
pub(super) fn all(body: &mut Body, checks: &ChecksRecord) {
    if checks.checks.is_empty() {
        return;
    }
    body.section("checks", "Checks", |section| {
        let heads = ["Result", "Check", "Targets", "Transport", "Basis", "Time"];
        table(section, "Every check, those that did not pass first", &heads, |rows| {
            for check in sorted(checks) {
                rows.within("tr", &[], |row| {
                    row.within("td", &[], |cell| badge(cell, tone(check.status), word(check.status)));
                    row.element("th", &[("scope", "row")], &check.title);
                    row.element(
                        "td",
                        &[],
                        &facts::joined(check.targets.iter().map(|target| target.name.as_str())),
                    );
                    row.element("td", &[], &facts::joined(check.transports.iter().map(String::as_str)));
                    row.element(
                        "td",
                        &[],
                        &facts::joined(check.basis.iter().map(|basis| facts::basis(*basis))),
                    );
                    row.element("td", &[("class", "number")], &facts::duration(check.took_ms));
                });
            }
        });
    });
}

/// What the gate refused.
pub(super) fn denied(body: &mut Body, run: &RunRecord) {
    if run.denials.is_empty() {
        return;
    }
    body.section("denied", "Denied", |section| {
        section.element("p", &[], "The gate refused these calls. Nothing of them reached a target.");
        list(section, run.denials.iter().map(|denial| (&denial.primitive, &denial.fault)));
    });
}

/// What went wrong while no check was open.
pub(super) fn stray(body: &mut Body, run: &RunRecord) {
    if run.faults.is_empty() {
        return;
    }
    body.section("faults", "Faults outside checks", |section| {
        list(section, run.faults.iter().map(|stray| (&stray.primitive, &stray.fault)));
    });
}

fn list<'a>(section: &mut Markup, faults: impl Iterator<Item = (&'a String, &'a crate::event::FaultRecord)>) {
    section.within("ul", &[], |list| {
        for (primitive, why) in faults {
            list.within("li", &[], |item| {
                item.element("code", &[], primitive);
                item.text(": ");
                fault(item, why);
            });
        }
    });
}
