//! The part of `report.md` about changes: what was planned, let through, made, watched and taken back, and what is left.

use std::fmt::Write as _;

use fabric_model::change::{Heals, Undone};

use super::{code, duration, fault, line, text};
use crate::event::Act;
use crate::record::{ChangeRecord, Restoration, RunRecord, ScopeRecord, UndoneRecord};
use crate::stamp::Stamp;

/// The sections; nothing for a run that only observes.
pub(super) fn render(out: &mut String, run: &RunRecord) {
    verdicts(out, run);
    left(out, run);
    guards(out, run);
    planned(out, run);
    changes(out, run);
    recovered(out, run);
    scopes(out, run);
    timeline(out, run);
}

fn verdicts(out: &mut String, run: &RunRecord) {
    let Some(verdicts) = run.verdicts else { return };
    line!(out, "## Verdicts\n");
    line!(out, "| Hypothesis | Injection | Restoration |\n|---|---|---|");
    let restoration = match verdicts.restoration {
        open @ (Restoration::Incomplete | Restoration::Unknown) => format!("**{}**", open.as_str()),
        other => other.as_str().to_owned(),
    };
    line!(out, "| {} | {} | {restoration} |\n", verdicts.hypothesis.as_str(), verdicts.injection.as_str());
}

/// What is not as it was before, first of all.
fn left(out: &mut String, run: &RunRecord) {
    let unsettled: Vec<&ChangeRecord> = run.changes.iter().filter(|change| !change.is_settled()).collect();
    if unsettled.is_empty() {
        return;
    }
    line!(out, "## What is left\n");
    for change in unsettled {
        line!(out, "- Change {}, {}: {}.", change.change, text(&change.summary), end(change));
        if let Some(why) = change.undone.as_ref().and_then(|undone| undone.fault.as_ref()) {
            line!(out, "  {}", fault(why));
        }
        line!(out, "  {}", heals(change.heals));
    }
    line!(out);
}

fn guards(out: &mut String, run: &RunRecord) {
    if let Some(guards) = &run.guards {
        line!(out, "## Guards\n");
        line!(out, "Met at {}.\n", guards.at);
        for rule in &guards.rules {
            line!(out, "- Rule: `{}` line {}", code(&rule.file), rule.line);
        }
        if let Some(reason) = &guards.reason {
            line!(out, "- Reason: {}", text(reason));
        }
        if let Some(window) = &guards.window {
            line!(out, "- Window: {} to {}", window.start, window.end);
        }
        for principal in &guards.approvals {
            let roles: Vec<String> = principal.roles.iter().map(|role| text(role.as_str())).collect();
            line!(out, "- Approved by `{}` as {}", principal.fingerprint, roles.join(", "));
        }
        line!(out);
    }
    if !run.refusals.is_empty() {
        line!(out, "## Refused by a guard\n");
        for refusal in &run.refusals {
            line!(out, "- {}: {}", refusal.at, fault(&refusal.fault));
        }
        line!(out);
    }
}

fn planned(out: &mut String, run: &RunRecord) {
    if run.head.act != Act::Plan {
        return;
    }
    line!(out, "## Plan\n");
    match run.plan {
        Some(digest) => line!(out, "{} planned, digest `{digest}`.\n", counted(run.planned.len(), "change")),
        None => line!(out, "There is no plan: the dry run did not come to its end.\n"),
    }
    if run.planned.is_empty() {
        return;
    }
    line!(out, "| # | Change | If the host never comes back |\n|--:|---|---|");
    for change in &run.planned {
        line!(out, "| {} | {} | {} |", change.change, text(&change.summary), heals(change.heals));
    }
    line!(out);
}

fn changes(out: &mut String, run: &RunRecord) {
    if run.changes.is_empty() {
        return;
    }
    line!(out, "## Changes\n");
    line!(out, "| # | Change | Targets | Made | Taken back | If the host had not come back |");
    line!(out, "|--:|---|---|---|---|---|");
    for change in &run.changes {
        line!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            change.change,
            text(&change.summary),
            super::joined(change.targets.iter().map(String::as_str)),
            made(change),
            end(change),
            heals(change.heals)
        );
    }
    line!(out);
}

fn made(change: &ChangeRecord) -> &'static str {
    match (change.is_made(), change.is_without_effect()) {
        (true, _) => "seen",
        (false, true) => "**no**, without effect",
        (false, false) => "**not seen**",
    }
}

fn end(change: &ChangeRecord) -> &'static str {
    match (&change.undone, change.committed) {
        (Some(UndoneRecord { undone: Some(end), .. }), _) => end.as_str(),
        (Some(_), _) => "begun, and nobody knows how it ended",
        (None, true) => "stays: committed",
        (None, false) if change.is_settled() => "nothing to take back",
        (None, false) => "not tried",
    }
}

/// What becomes of a change when the host never comes back.
pub(super) fn heals(heals: Heals) -> String {
    match heals {
        Heals::ByTimer { seconds } => format!("The target heals itself after {seconds} s."),
        Heals::ByRecover => "Only `fabric recover` takes it back.".to_owned(),
        Heals::Nothing => "There is nothing to take back.".to_owned(),
    }
}

fn recovered(out: &mut String, run: &RunRecord) {
    if run.undone.is_empty() {
        return;
    }
    line!(out, "## Taken back for another run\n");
    line!(out, "| Run | # | How |\n|---|--:|---|");
    for undone in &run.undone {
        let how = undone.undone.map_or("nobody knows", Undone::as_str);
        line!(out, "| {} | {} | {how} |", text(undone.run_id.as_str()), undone.change);
    }
    line!(out);
    for (undone, why) in run.undone.iter().filter_map(|undone| Some((undone, undone.fault.as_ref()?))) {
        line!(out, "- Change {}: {}", undone.change, fault(why));
    }
}

fn scopes(out: &mut String, run: &RunRecord) {
    if run.scopes.is_empty() || run.head.act == Act::Plan {
        return;
    }
    line!(out, "## Scopes\n");
    for scope in &run.scopes {
        let restored = match scope.restored {
            Some(true) => "everything is as before",
            Some(false) => "**not everything is as before**",
            None => "**nobody knows whether everything is as before**",
        };
        line!(out, "- {}: {}; {restored}.", text(&scope.title), how(scope));
        for probe in run.probes.iter().filter(|probe| probe.scope == scope.scope) {
            line!(
                out,
                "  Probe `{}` of {} every {} ms: {} samples, {} lost, longest gap {} (`{}`).",
                code(&probe.primitive),
                super::joined(probe.resources.iter().map(String::as_str)),
                probe.every_ms,
                probe.sent,
                probe.lost,
                duration(probe.gap_ms),
                code(&probe.artifact)
            );
        }
    }
    line!(out);
}

fn how(scope: &ScopeRecord) -> String {
    let took = scope
        .ended
        .map_or(String::new(), |end| format!(" after {}", duration(end.millis_since(scope.began))));
    let message = scope.message.as_deref().map_or(String::new(), |message| format!(" ({})", text(message)));
    format!("{}{message}{took}", text(scope.how.as_deref().unwrap_or("never ended")))
}

/// What was done when, of all kinds, in the order of time.
fn timeline(out: &mut String, run: &RunRecord) {
    let mut events: Vec<(Stamp, String)> = Vec::new();
    for scope in &run.scopes {
        events.push((scope.began, format!("scope begins: {}", text(&scope.title))));
        events.extend(
            scope.ending.map(|at| (at, format!("scope ends, undoing begins: {}", text(&scope.title)))),
        );
        events.extend(scope.ended.map(|at| (at, format!("undoing is over: {}", text(&scope.title)))));
    }
    for change in &run.changes {
        let (number, summary) = (change.change, text(&change.summary));
        events.push((change.intended, format!("change {number} intended: {summary}")));
        events.extend(change.applied.map(|at| (at, format!("change {number} applied: {summary}"))));
        events.extend(change.undone.as_ref().and_then(|undone| {
            Some((undone.ended?, format!("change {number} taken back: {}", end(change))))
        }));
        let fired = change.timer.as_ref().filter(|timer| timer.fired);
        events.extend(fired.and_then(|timer| {
            Some((timer.disarmed?, format!("change {number}: its dead-man timer is found to have fired")))
        }));
    }
    for held in &run.holders {
        let names =
            |hosts: &[fabric_model::Slug]| super::joined(hosts.iter().map(fabric_model::Slug::as_str));
        let mut what = match held.hosts.len() {
            0 => "nobody".to_owned(),
            1 => names(&held.hosts),
            _ => format!("**{}**", names(&held.hosts)),
        };
        if !held.silent.is_empty() {
            let _ = write!(what, ", silent: {}", names(&held.silent));
        }
        events.push((held.at, format!("vip:{} is held by {what}", text(held.vip.as_str()))));
    }
    for step in &run.human {
        let words = (text(&step.role), text(&step.name), text(&step.text));
        events.push((step.at, format!("{} {}: {}", words.0, words.1, words.2)));
    }
    if events.is_empty() || run.head.act == Act::Plan {
        return;
    }
    events.sort_by_key(|(at, _)| *at);
    line!(out, "## Timeline\n");
    line!(out, "| Time | After the start | What |\n|---|--:|---|");
    for (at, what) in events {
        line!(out, "| {at} | {} | {what} |", duration(at.millis_since(run.head.started)));
    }
    line!(out);
}

/// A number with its noun.
fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
