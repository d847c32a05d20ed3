//! What was decided, and what is still to be asked before each change.

use std::collections::BTreeSet;
use std::time::SystemTime;

use fabric_model::{Fault, Slug};

use super::approval::Counted;
use super::decide::count;
use super::refusal;
use super::row::Budget;
use super::situation::Freeze;
use crate::policy::{Names, RuleRef};

/// What was decided about a run.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The rows that are met.
    pub met: Vec<RuleRef>,
    /// Everything that is not; the run may change nothing where there is anything.
    pub refused: Vec<Fault>,
    /// When the window closes.
    pub window_end: Option<SystemTime>,
    /// The approvals that counted. Each is used up before the first change.
    pub consumed: Vec<Counted>,
    pub(super) limits: Vec<Limit>,
}

/// A budget that goes on holding while the run changes things.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) rule: RuleRef,
    pub(super) environments: Names,
    pub(super) budget: Budget,
}

/// The change that is next, and what has happened up to it.
#[derive(Clone, Copy, Debug)]
pub struct Next<'a> {
    /// Now.
    pub now: SystemTime,
    /// The environment of its target.
    pub environment: &'a Slug,
    /// Its target, as [`target_of`](super::target_of) names it.
    pub target: &'a str,
    /// The environments and targets of this run's changes so far.
    pub made: &'a [(Slug, String)],
    /// Changes in its environment within the last hour, those of this run included.
    pub recent: u32,
    /// Freezes that nobody has lifted.
    pub freezes: &'a [Freeze],
}

impl Decision {
    /// Whether the run may change anything.
    pub fn is_met(&self) -> bool {
        self.refused.is_empty()
    }

    /// Asks again before each change.
    ///
    /// # Errors
    /// `guard.window_closed`, `guard.frozen` or `guard.budget`, the first of them that holds. What the run has changed is undone
    /// then; undoing is never refused.
    pub fn still(&self, next: &Next<'_>) -> Result<(), Fault> {
        self.lasts(next.now, next.environment, next.freezes)?;
        self.limits
            .iter()
            .filter(|limit| limit.environments.have(next.environment))
            .try_for_each(|limit| limit.allows(next))
    }

    /// Asks again while what the run has changed stands, also where it changes nothing more.
    ///
    /// # Errors
    /// `guard.window_closed` or `guard.frozen`, the first of them that holds.
    pub fn lasts(&self, now: SystemTime, environment: &Slug, freezes: &[Freeze]) -> Result<(), Fault> {
        if let Some(end) = self.window_end.filter(|end| now >= *end) {
            return Err(refusal::window_closed(end));
        }
        match freezes.iter().find(|freeze| freeze.holds(environment, now)) {
            Some(freeze) => Err(refusal::frozen(freeze)),
            None => Ok(()),
        }
    }
}

impl Limit {
    fn allows(&self, next: &Next<'_>) -> Result<(), Fault> {
        let made: Vec<&(Slug, String)> =
            next.made.iter().filter(|(environment, _)| self.environments.have(environment)).collect();
        let changes = count(made.len()).saturating_add(1);
        if let Some(most) = self.budget.changes_per_run.filter(|most| changes > *most) {
            return Err(refusal::changes_per_run(changes, most, &self.rule));
        }
        let mut targets: BTreeSet<String> = made.into_iter().map(|(_, target)| target.clone()).collect();
        targets.insert(next.target.to_owned());
        if let Some(most) = self.budget.targets_per_run.filter(|most| count(targets.len()) > *most) {
            return Err(refusal::targets_per_run(&targets, most, &self.rule));
        }
        match self.budget.changes_per_hour.filter(|most| next.recent.saturating_add(1) > *most) {
            Some(most) => Err(refusal::changes_per_hour(next.environment, next.recent, 1, most, &self.rule)),
            None => Ok(()),
        }
    }
}
