//! The plan of a dry run while it is being made.

use std::collections::BTreeMap;

use fabric_model::change::Heals;
use fabric_model::plan::{self, Grounds, Plan, PlannedChange, PlannedScript, PlannedSite, PlannedTarget};
use fabric_model::site::Site;
use fabric_model::{Class, Digest, PrimitiveName, Slug, Value};

use super::project::{Projection, State};
use super::{HEAL_AFTER_S, blast};

/// The plan so far, and the world as it would be.
pub(crate) struct Draft {
    plan: Plan,
    /// The planned world.
    pub(crate) projection: Projection,
    /// What was observed since the last change.
    rests_on: Vec<String>,
    scopes: Vec<Open>,
}

/// A scope that is open.
struct Open {
    scope: u64,
    title: String,
    heal_after_s: u32,
}

/// What a plan is made from.
pub(crate) struct Origin {
    pub(crate) script: PlannedScript,
    pub(crate) modules: BTreeMap<String, Digest>,
    pub(crate) policy: Digest,
    pub(crate) site: PlannedSite,
    pub(crate) params: BTreeMap<String, Value>,
}

/// A change as the primitive planned it.
pub(crate) struct Drafted {
    pub(crate) primitive: PrimitiveName,
    pub(crate) class: Class,
    pub(crate) arguments: Value,
    pub(crate) selectors: BTreeMap<String, Slug>,
    pub(crate) targets: Vec<PlannedTarget>,
    pub(crate) before: Value,
    pub(crate) grounds: Grounds,
    pub(crate) action: Option<Value>,
    pub(crate) summary: String,
    pub(crate) after: Value,
    pub(crate) inverse: Option<String>,
    pub(crate) heals: Heals,
}

impl Draft {
    pub(crate) fn new(origin: Origin) -> Self {
        let Origin { script, modules, policy, site, params } = origin;
        let plan = Plan {
            format: plan::FORMAT,
            script,
            modules,
            policy,
            site,
            params,
            changes: Vec::new(),
            deferred: Vec::new(),
        };
        Self { plan, projection: Projection::default(), rests_on: Vec::new(), scopes: Vec::new() }
    }

    /// Something was observed, on which the next change may rest.
    pub(crate) fn observed(&mut self, what: String) {
        if !self.rests_on.contains(&what) {
            self.rests_on.push(what);
        }
    }

    /// Whether its script is a GameDay, whose changes stand in scopes.
    pub(crate) fn is_of_gameday(&self) -> bool {
        self.plan.script.kind == "gameday"
    }

    /// A change is planned. Gives its number.
    pub(crate) fn change(&mut self, site: &Site, drafted: Drafted) -> u32 {
        let number = u32::try_from(self.plan.changes.len()).unwrap_or(u32::MAX);
        let resources: Vec<_> = drafted.targets.iter().map(|target| target.resource.clone()).collect();
        let scope = self.scopes.last();
        if drafted.action.is_some() {
            let state = State::of(&drafted.primitive, &resources);
            let scope = scope.map(|open| open.scope);
            self.projection.add(scope, state, drafted.after.clone(), drafted.summary.clone());
        }
        self.plan.changes.push(PlannedChange {
            change: number,
            scope: scope.map(|open| open.title.clone()),
            blast: blast::radius(site, &blast::hosts_of(&resources)),
            rests_on: std::mem::take(&mut self.rests_on),
            primitive: drafted.primitive,
            class: drafted.class,
            arguments: drafted.arguments,
            selectors: drafted.selectors,
            targets: drafted.targets,
            before: drafted.before,
            grounds: drafted.grounds,
            action: drafted.action,
            summary: drafted.summary,
            after: drafted.after,
            inverse: drafted.inverse,
            heals: drafted.heals,
        });
        number
    }

    pub(crate) fn begin_scope(&mut self, scope: u64, title: String, heal_after_s: u32) {
        self.scopes.push(Open { scope, title, heal_after_s });
    }

    /// Seconds after which a target would heal itself here.
    pub(crate) fn heal_after_s(&self) -> u32 {
        self.scopes.last().map_or(HEAL_AFTER_S, |open| open.heal_after_s)
    }

    /// What was planned in the scope counts as taken back.
    pub(crate) fn end_scope(&mut self, scope: u64) {
        self.scopes.retain(|open| open.scope != scope);
        self.projection.end(scope);
    }

    pub(crate) fn depth(&self) -> usize {
        self.scopes.len()
    }

    pub(crate) fn innermost(&self) -> Option<u64> {
        self.scopes.last().map(|open| open.scope)
    }

    /// The plan, with the titles of the checks that could not be looked at.
    pub(crate) fn into_plan(self, deferred: &[String]) -> Plan {
        Plan { deferred: deferred.to_vec(), ..self.plan }
    }
}
