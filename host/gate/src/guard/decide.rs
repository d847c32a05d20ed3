//! The decision whether a run may change anything: every row that is about its changes, with every requirement of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fabric_model::{Fault, Slug};

use super::approval;
use super::decision::{Decision, Limit};
use super::refusal;
use super::row::{Budget, Guard};
use super::situation::{Situation, Touch, target_of};
use super::window::Window;
use crate::policy::{Policy, RuleRef};

/// Seconds of a minute.
const MINUTE: u64 = 60;

impl Policy {
    /// Decides whether a run may change what it plans to. All refusals are found, not the first.
    pub fn decide(&self, situation: &Situation) -> Decision {
        let roles = &situation.executor.roles;
        let mut decision = Decision { refused: self.closed(situation), ..Decision::default() };
        decision.refused.extend(frozen(situation));
        decision.refused.extend(situation.window.and_then(|window| misplaced(window, situation)));
        decision.window_end = situation.window.map(|window| window.end);
        for row in &self.guards {
            if !situation.touches.iter().any(|touch| row.is_about(touch, roles)) {
                continue;
            }
            let refused = self.unmet(row, situation, &mut decision.consumed);
            if refused.is_empty() {
                decision.met.push(self.at(&row.name, row.line));
            }
            decision.refused.extend(refused);
            decision.limits.extend(self.limit(row));
        }
        decision
    }

    /// Whether a run may begin whose worker lacks this of its confinement. It is asked for every run, whatever its reach: a script
    /// that only observes is no less hostile.
    ///
    /// # Errors
    /// When the policy asks for a worker that is fully confined.
    pub fn admits_worker(&self, lacking: Option<&str>) -> Result<(), Fault> {
        match (self.confined, lacking) {
            (Some(line), Some(lacking)) => Err(refusal::confinement(lacking, &self.at("confinement", line))),
            _ => Ok(()),
        }
    }

    /// Changes that no row opens the environment to.
    fn closed(&self, situation: &Situation) -> Vec<Fault> {
        let roles = &situation.executor.roles;
        let open = |touch: &&Touch| self.guards.iter().any(|row| row.admits(touch, roles));
        let mut refused: Vec<Fault> = Vec::new();
        for touch in situation.touches.iter().filter(|touch| !open(touch)) {
            let fault = refusal::environment(touch, &self.file, roles);
            if !refused.contains(&fault) {
                refused.push(fault);
            }
        }
        refused
    }

    /// What the row requires and the situation does not meet.
    fn unmet(&self, row: &Guard, situation: &Situation, consumed: &mut Vec<approval::Counted>) -> Vec<Fault> {
        let Guard { requires, .. } = row;
        let at = |line: usize| self.at(&row.name, line);
        let environments = environments(row, situation);
        let mut refused: Vec<Fault> = Vec::new();
        if let Some(ci) = situation.ci.as_ref().filter(|_| !requires.ci_allowed) {
            refused.push(refusal::ci(ci, &at(requires.ci_line.unwrap_or(row.line))));
        }
        if let Some(kinds) = &requires.kinds
            && !kinds.value.iter().any(|kind| kind.as_str() == situation.kind)
        {
            refused.push(refusal::kind(&situation.kind, &kinds.value, &environments, &at(kinds.line)));
        }
        if let Some(least) = &requires.reason_min {
            let given = situation.reason.as_deref().map_or(0, |reason| reason.trim().chars().count());
            if given < usize::try_from(least.value).unwrap_or(usize::MAX) {
                refused.push(refusal::reason(given, least.value, &at(least.line)));
            }
        }
        if let Some(longest) = &requires.window {
            refused.extend(window(situation, longest.value, &at(longest.line)));
        }
        if let Some(oldest) = &requires.plan_age {
            refused.extend(plan_age(situation, oldest.value, &at(oldest.line)));
        }
        if let (Some(line), Some(rewritable)) = (requires.enforced, &situation.rewritable) {
            refused.push(refusal::boundary(rewritable, &at(line)));
        }
        if let (Some(line), Some(unconfined)) = (requires.confined, &situation.unconfined) {
            refused.push(refusal::confinement(unconfined, &at(line)));
        }
        if let Some(budget) = &requires.budget {
            refused.extend(over_budget(row, situation, &budget.value, &at(budget.line)));
        }
        if let Some(rule) = &requires.approvals {
            match approval::count(situation, &rule.value, &environments, &at(rule.line)) {
                Ok(counted) => counted.into_iter().for_each(|one| {
                    if !consumed.contains(&one) {
                        consumed.push(one);
                    }
                }),
                Err(faults) => refused.extend(faults),
            }
        }
        refused
    }

    /// What the row still limits while the run goes on.
    fn limit(&self, row: &Guard) -> Option<Limit> {
        let budget = row.requires.budget.as_ref()?;
        Some(Limit {
            rule: self.at(&row.name, budget.line),
            environments: row.environments.clone(),
            budget: budget.value,
        })
    }
}

/// The environments of the changes that the row is about, each once.
fn environments(row: &Guard, situation: &Situation) -> Vec<Slug> {
    let about = situation.touches.iter().filter(|touch| row.is_about(touch, &situation.executor.roles));
    let distinct: BTreeSet<&Slug> = about.map(|touch| &touch.environment).collect();
    distinct.into_iter().cloned().collect()
}

fn frozen(situation: &Situation) -> Vec<Fault> {
    let touched: BTreeSet<&Slug> = situation.touches.iter().map(|touch| &touch.environment).collect();
    let holds = |environment: &Slug| {
        situation.freezes.iter().find(|freeze| freeze.holds(environment, situation.now)).map(refusal::frozen)
    };
    touched.into_iter().filter_map(holds).collect()
}

/// A window that is stated must be one and be open, whether or not a row asks for it: whoever states it means it.
fn misplaced(window: Window, situation: &Situation) -> Option<Fault> {
    match window.length() {
        None => Some(refusal::no_window(window)),
        Some(_) if !window.holds(situation.now) => Some(refusal::not_open(window, situation.now)),
        Some(_) => None,
    }
}

fn window(situation: &Situation, longest: u32, rule: &RuleRef) -> Option<Fault> {
    let Some(window) = situation.window else { return Some(refusal::window_missing(longest, rule)) };
    let length = window.length()?;
    (length > minutes(longest)).then(|| refusal::window_too_long(window, length, longest, rule))
}

fn plan_age(situation: &Situation, oldest: u32, rule: &RuleRef) -> Option<Fault> {
    // A plan of the future says nothing about its age.
    let age = situation.now.duration_since(situation.planned).ok();
    let young = age.is_some_and(|age| age <= minutes(oldest));
    (!young).then(|| refusal::plan_age(age, oldest, rule))
}

/// A budget counts every change in the row's environments, whichever primitive makes it: so the count before the run and the
/// counts within it are the same.
fn over_budget(row: &Guard, situation: &Situation, budget: &Budget, rule: &RuleRef) -> Vec<Fault> {
    let planned: Vec<&Touch> =
        situation.touches.iter().filter(|touch| row.environments.have(&touch.environment)).collect();
    let targets: BTreeSet<String> = planned.iter().map(|touch| target_of(&touch.resource)).collect();
    let mut by_environment: BTreeMap<&Slug, u32> = BTreeMap::new();
    for touch in &planned {
        *by_environment.entry(&touch.environment).or_default() += 1;
    }
    let mut refused = Vec::new();
    if let Some(most) = budget.changes_per_run.filter(|most| count(planned.len()) > *most) {
        refused.push(refusal::changes_per_run(count(planned.len()), most, rule));
    }
    if let Some(most) = budget.targets_per_run.filter(|most| count(targets.len()) > *most) {
        refused.push(refusal::targets_per_run(&targets, most, rule));
    }
    if let Some(most) = budget.changes_per_hour {
        for (environment, changes) in by_environment {
            let before = situation.recent.get(environment).copied().unwrap_or(0);
            if before.saturating_add(changes) > most {
                refused.push(refusal::changes_per_hour(environment, before, changes, most, rule));
            }
        }
    }
    refused
}

pub(super) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}

pub(super) fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * MINUTE)
}
