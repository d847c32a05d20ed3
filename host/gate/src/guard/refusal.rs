//! The words of every refusal of a guard: what is not met, which row asks for it, and the command or line that would meet it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use fabric_model::{Code, Fault, Slug, Stage};

use super::row::{ApprovalRule, ScriptKind};
use super::situation::{Freeze, Situation, Touch};
use super::window::{Window, shown};
use crate::policy::RuleRef;

/// No row opens the environment to the change.
pub(super) fn environment(touch: &Touch, file: &str, roles: &[Slug]) -> Fault {
    let Touch { primitive, resource, environment, .. } = touch;
    let role = roles.first().map_or("...", Slug::as_str);
    Fault::new(
        Code::GuardEnvironment,
        Stage::Gate,
        format!("no guard opens environment `{environment}` to {primitive} on `{resource}`"),
    )
    .hint(format!(
        "No row of {file} is for it, and nothing is open by default; this one would open it:\n[[guard]]\nname = \"...\"\n\
         environments = [\"{environment}\"]\nroles = [\"{role}\"]\n[guard.primitives]\n\"{primitive}\" = [\"{resource}\"]"
    ))
}

/// The script is of a kind that may not change anything there.
pub(super) fn kind(kind: &str, kinds: &[ScriptKind], environments: &[Slug], rule: &RuleRef) -> Fault {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let message = format!(
        "environment {} is open to scripts of kind {} and this one is of kind `{kind}`",
        names(environments),
        listed(&kinds)
    );
    refused(Code::GuardEnvironment, message).hint(format!(
        "Guard {rule} says so; add \"{kind}\" to its `kinds` if such a script should run there."
    ))
}

/// This is CI.
pub(super) fn ci(shown_by: &str, rule: &RuleRef) -> Fault {
    refused(Code::GuardCi, format!("changes are refused in CI, which {shown_by} shows this to be")).hint(
        format!(
            "Guard {rule} lets CI change nothing; run it by hand, or rehearse it with `fabric rehearse`."
        ),
    )
}

/// The reason is missing or too short.
pub(super) fn reason(given: usize, least: u32, rule: &RuleRef) -> Fault {
    let message = match given {
        0 => "there is no reason for the change".to_owned(),
        some => format!("the reason has {some} characters, fewer than {least}"),
    };
    refused(Code::GuardReason, message)
        .hint(format!("Add `--reason TEXT` with at least {least} characters: guard {rule} asks for it."))
}

/// A window is asked for and none is stated.
pub(super) fn window_missing(longest: u32, rule: &RuleRef) -> Fault {
    refused(Code::GuardWindow, "there is no maintenance window".to_owned()).hint(format!(
        "Add `--window-start TIME --window-end TIME`, at most {longest} minutes apart and written as 2026-05-04T03:00:00Z: \
         guard {rule} asks for it."
    ))
}

/// The window is longer than the row lets it be.
pub(super) fn window_too_long(window: Window, length: Duration, longest: u32, rule: &RuleRef) -> Fault {
    let message =
        format!("the window {window} is {} minutes long, more than {longest}", length.as_secs().div_ceil(60));
    refused(Code::GuardWindow, message).hint(format!(
        "Choose a shorter one: guard {rule} says how long it may be, and no option raises that."
    ))
}

/// The window ends before it begins.
pub(super) fn no_window(window: Window) -> Fault {
    refused(Code::GuardWindow, format!("the window {window} ends before it begins"))
        .hint("Give `--window-start` the earlier time and `--window-end` the later.")
}

/// The window is not open now.
pub(super) fn not_open(window: Window, now: SystemTime) -> Fault {
    let message = format!("the window {window} is not open: it is {}", shown(now));
    let hint = if now < window.start {
        "Run it when the window is open."
    } else {
        "Agree on a new window, have the plan approved for it where that is asked for, and run it then."
    };
    refused(Code::GuardWindow, message).hint(hint)
}

/// The window closed while the run was changing things.
pub(super) fn window_closed(end: SystemTime) -> Fault {
    refused(Code::GuardWindowClosed, format!("the maintenance window closed at {}", shown(end)))
        .hint("Agree on a window that is long enough for the whole plan, and execute the plan in it.")
}

/// The environment is frozen.
pub(super) fn frozen(freeze: &Freeze) -> Fault {
    let Freeze { environment, reason, by, until } = freeze;
    let until = match until {
        Some(until) => format!("until {}", shown(*until)),
        None => "until somebody lifts it".to_owned(),
    };
    refused(Code::GuardFrozen, format!("environment `{environment}` is frozen {until} by {by}: {reason}"))
        .hint(format!(
            "Wait, or lift it with `fabric thaw {environment} --reason TEXT` once its reason is gone."
        ))
}

/// The plan is too old.
pub(super) fn plan_age(age: Option<Duration>, oldest: u32, rule: &RuleRef) -> Fault {
    let message = match age {
        Some(age) => format!("the plan is {} minutes old, more than {oldest}", age.as_secs().div_ceil(60)),
        None => "the plan was made in the future, by this clock".to_owned(),
    };
    refused(Code::PlanStale, message).hint(format!(
        "Make a new plan with `fabric run` and execute that: guard {rule} says how old one may be."
    ))
}

/// The executor could rewrite what binds him.
pub(super) fn boundary(rewritable: &str, rule: &RuleRef) -> Fault {
    refused(Code::GuardBoundary, format!("the boundary is advisory: {rewritable}")).hint(format!(
        "Have these files owned by root and read-only for this account, or policy and site signed by a `policy-admin`, and \
         run as another account than root: guard {rule} asks for `boundary = \"enforced\"`."
    ))
}

/// A script could reach more than the door.
pub(super) fn confinement(unconfined: &str, rule: &RuleRef) -> Fault {
    refused(Code::GuardConfinement, format!("the worker is not fully confined: {unconfined}")).hint(format!(
        "Run on a kernel that has what is missing (`fabric doctor` shows it), or take `confinement = \"full\"` out of {rule}."
    ))
}

/// More changes than a run may make.
pub(super) fn changes_per_run(changes: u32, most: u32, rule: &RuleRef) -> Fault {
    refused(Code::GuardBudget, format!("these are {changes} changes, and a run makes at most {most}")).hint(
        format!(
            "Split the script, or raise `changes_per_run` of guard {rule} if a run should change so much."
        ),
    )
}

/// More changes than may be made in an hour.
pub(super) fn changes_per_hour(
    environment: &Slug,
    before: u32,
    more: u32,
    most: u32,
    rule: &RuleRef,
) -> Fault {
    let message = format!(
        "environment `{environment}` had {before} changes within the hour, and {more} more are over its budget of {most}"
    );
    refused(Code::GuardBudget, message).hint(format!(
        "Wait until the hour is over, or raise `changes_per_hour` of guard {rule} if so much should be changed."
    ))
}

/// More targets than a run may have.
pub(super) fn targets_per_run(targets: &BTreeSet<String>, most: u32, rule: &RuleRef) -> Fault {
    let named: Vec<&str> = targets.iter().map(String::as_str).collect();
    let message =
        format!("these are {} targets ({}), and a run has at most {most}", targets.len(), named.join(", "));
    refused(Code::GuardBudget, message).hint(format!(
        "Split the script, or raise `targets_per_run` of guard {rule} if a run should reach so far."
    ))
}

/// Too few principals have approved.
pub(super) fn too_few(
    counted: usize,
    rule: &ApprovalRule,
    situation: &Situation,
    environments: &[Slug],
    at: &RuleRef,
) -> Fault {
    let roles: Vec<&str> = rule.roles.iter().map(Slug::as_str).collect();
    let message = format!("the plan has {counted} of {} approvals by {}", rule.count, listed(&roles));
    refused(Code::GuardApproval, message).hint(remedy(situation, environments, at))
}

/// One approval does not count.
pub(super) fn approval(
    code: Code,
    key: &str,
    why: &str,
    situation: &Situation,
    environments: &[Slug],
    at: &RuleRef,
) -> Fault {
    refused(code, format!("the approval by {key} {why}")).hint(remedy(situation, environments, at))
}

/// A file among the approvals is none.
pub(super) fn unsound(file: &str, situation: &Situation, environments: &[Slug], at: &RuleRef) -> Fault {
    refused(Code::GuardApproval, format!("what lies among the approvals is none: {file}"))
        .hint("Find out who put it there: it is not what a trusted principal signed.")
        .hint(remedy(situation, environments, at))
}

/// The command with which somebody else approves this run.
fn remedy(situation: &Situation, environments: &[Slug], at: &RuleRef) -> String {
    let environments: Vec<String> =
        environments.iter().map(|environment| format!(" --environment {environment}")).collect();
    let window = situation.window.map_or_else(String::new, |window| {
        format!(" --window-start {} --window-end {}", shown(window.start), shown(window.end))
    });
    format!(
        "Somebody else in a role of guard {at} approves it with `fabric approve {}{} --executor {}{window} --reason TEXT`.",
        situation.plan,
        environments.concat(),
        situation.executor.fingerprint
    )
}

fn refused(code: Code, message: String) -> Fault {
    Fault::new(code, Stage::Gate, message)
}

fn names(names: &[Slug]) -> String {
    listed(&names.iter().map(Slug::as_str).collect::<Vec<_>>())
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
