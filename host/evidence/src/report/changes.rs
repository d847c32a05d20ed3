//! The part of `report.md` about changes: what was planned, let through, made, watched and taken back, and what is left.

use std::fmt::Write as _;

use fabric_model::change::Heals;

use super::facts::{self, Told, counted, duration, end};
use super::{code, fault, line, text};
use crate::event::Act;
use crate::record::{ChangeRecord, Restoration, RunRecord};

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
            told(facts::made(change)),
            end(change),
            heals(change.heals)
        );
    }
    line!(out);
}

/// What is not as it should be is bold.
fn told((words, is_grave): Told) -> String {
    if is_grave { format!("**{}**", text(&words)) } else { text(&words) }
}

fn heals(heals: Heals) -> String {
    text(&facts::heals(heals))
}

fn recovered(out: &mut String, run: &RunRecord) {
    if run.undone.is_empty() {
        return;
    }
    line!(out, "## Taken back for another run\n");
    line!(out, "| Run | # | How |\n|---|--:|---|");
    for undone in &run.undone {
        let how = facts::taken_back(undone);
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
        let restored = told(facts::restored(scope));
        line!(out, "- {}: {}; {restored}.", text(&scope.title), text(&facts::how(scope)));
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

/// What was done when, of all kinds, in the order of time.
fn timeline(out: &mut String, run: &RunRecord) {
    let moments = facts::timeline(run);
    if moments.is_empty() {
        return;
    }
    line!(out, "## Timeline\n");
    line!(out, "| Time | After the start | What |\n|---|--:|---|");
    for moment in moments {
        let after = duration(moment.at.millis_since(run.head.started));
        line!(out, "| {} | {after} | {} |", moment.at, told((moment.what, moment.is_grave)));
    }
    line!(out);
}
