//! What the policy says about one call, for people who ask before they try.

use fabric_model::{Class, PrimitiveName, Resource, Slug};

use super::row::{Budget, Guard, Requirements};
use super::situation::Touch;
use crate::asked::Asked;
use crate::policy::{Policy, RuleRef};

/// What the policy says about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The rule that grants it.
    pub allowed: Option<RuleRef>,
    /// The rule that denies it; then nothing else matters.
    pub denied: Option<RuleRef>,
    /// The guards that are about it, each with what it requires, in words. Only for what changes something.
    pub guards: Vec<(RuleRef, Vec<String>)>,
    /// Whether any of them opens the environment to it.
    pub open: bool,
    /// The authority of the environment: its row and its folder.
    pub authority: Option<(RuleRef, String)>,
}

/// Where freezes, approvals, used nonces and budgets of an environment are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRef {
    /// The row.
    pub rule: RuleRef,
    /// The folder, relative to the policy file or absolute.
    pub folder: String,
    /// In which roles a freeze is lifted; none where every principal may.
    pub thaw_roles: Vec<Slug>,
}

impl Policy {
    /// What the policy says about a call of this class on a resource in `environment` by somebody in these roles.
    pub fn explain(
        &self,
        primitive: &PrimitiveName,
        class: Class,
        resource: &Resource,
        environment: &Slug,
        roles: &[Slug],
    ) -> Explained {
        let asked = Asked {
            primitive: primitive.clone(),
            class,
            resource: resource.clone(),
            environment: environment.clone(),
        };
        let touch = Touch {
            primitive: primitive.clone(),
            class,
            resource: resource.clone(),
            environment: environment.clone(),
        };
        let rows: Vec<&Guard> = match class {
            Class::Observe => Vec::new(),
            Class::Change | Class::Destroy => {
                self.guards.iter().filter(|row| row.is_about(&touch, roles)).collect()
            }
        };
        Explained {
            allowed: self.allowed(&asked, roles),
            denied: self.denied(&asked, roles),
            open: class == Class::Observe || rows.iter().any(|row| row.admits(&touch, roles)),
            guards: rows.iter().map(|row| (self.at(&row.name, row.line), words(&row.requires))).collect(),
            authority: self.authority(environment).map(|found| (found.rule, found.folder)),
        }
    }

    /// The authority of an environment.
    pub fn authority(&self, environment: &Slug) -> Option<AuthorityRef> {
        let row = self
            .authorities
            .iter()
            .find(|row| row.environments.iter().any(|(name, _)| name == environment))?;
        Some(AuthorityRef {
            rule: self.at(&row.name, row.line),
            folder: row.folder.clone(),
            thaw_roles: row.thaw_roles.clone(),
        })
    }
}

fn words(requires: &Requirements) -> Vec<String> {
    let mut words = Vec::new();
    if !requires.ci_allowed {
        words.push("not in CI".to_owned());
    }
    if let Some(kinds) = &requires.kinds {
        let kinds: Vec<&str> = kinds.value.iter().map(|kind| kind.as_str()).collect();
        words.push(format!("a script of kind {}", kinds.join(" or ")));
    }
    if let Some(least) = &requires.reason_min {
        words.push(format!("a reason of at least {} characters", least.value));
    }
    if let Some(longest) = &requires.window {
        words.push(format!("a maintenance window of at most {} minutes that is open", longest.value));
    }
    if let Some(oldest) = &requires.plan_age {
        words.push(format!("a plan of at most {} minutes", oldest.value));
    }
    if let Some(rule) = &requires.approvals {
        let roles: Vec<&str> = rule.value.roles.iter().map(Slug::as_str).collect();
        words.push(format!(
            "{} approval(s) by others than the executor as {}, each for at most {} minutes",
            rule.value.count,
            roles.join(" or "),
            rule.value.max_minutes
        ));
    }
    if requires.enforced.is_some() {
        words.push("a boundary that is enforced: the executor cannot rewrite what binds him".to_owned());
    }
    if requires.confined.is_some() {
        words.push("a worker that is fully confined".to_owned());
    }
    if let Some(budget) = &requires.budget {
        words.extend(budget_words(&budget.value));
    }
    words
}

fn budget_words(budget: &Budget) -> Vec<String> {
    let of = |most: Option<u32>, what: &str| most.map(|most| format!("at most {most} {what}"));
    let words = [
        of(budget.changes_per_run, "changes in a run"),
        of(budget.targets_per_run, "targets in a run"),
        of(budget.changes_per_hour, "changes in an hour"),
    ];
    words.into_iter().flatten().collect()
}
