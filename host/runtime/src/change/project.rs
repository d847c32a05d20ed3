//! The planned world of a dry run: what earlier planned changes leave behind, laid over what is observed.

use std::collections::BTreeSet;

use fabric_model::site::Site;
use fabric_model::{Code, Fault, PrimitiveName, Resource, Slug, Stage, Value};

use super::blast;

/// Areas whose changes may leave nothing of a host to look at.
const CUTTING: [&str; 3] = ["link", "nft", "proxmox"];

/// The planned changes that are in force at a point of a dry run.
#[derive(Default)]
pub(crate) struct Projection(Vec<Effect>);

/// One planned change in force.
struct Effect {
    scope: Option<u64>,
    state: State,
    after: Value,
    hosts: BTreeSet<Slug>,
    summary: String,
}

/// A state that primitives of one area share on the same resources: what `unit.stop` stops is what `unit.start` starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    area: String,
    resources: Vec<Resource>,
}

impl State {
    pub(crate) fn of(primitive: &PrimitiveName, resources: &[Resource]) -> Self {
        Self { area: primitive.area().to_owned(), resources: resources.to_vec() }
    }
}

impl Projection {
    /// A change is planned.
    pub(crate) fn add(&mut self, scope: Option<u64>, state: State, after: Value, summary: String) {
        let hosts = blast::hosts_of(&state.resources);
        self.0.push(Effect { scope, state, after, hosts, summary });
    }

    /// The changes of a scope are taken back.
    pub(crate) fn end(&mut self, scope: u64) {
        self.0.retain(|effect| effect.scope != Some(scope));
    }

    /// The state that a planned change has left; none where no change in force is about it.
    pub(crate) fn state(&self, state: &State) -> Option<&Value> {
        self.0.iter().rev().find(|effect| effect.state == *state).map(|effect| &effect.after)
    }

    /// The fault that stands for the state of a host which planned changes have cut off or powered off.
    pub(crate) fn out_of_sight(&self, state: &State) -> Option<Fault> {
        let hosts = blast::hosts_of(&state.resources);
        let cut = |effect: &&Effect| {
            CUTTING.contains(&effect.state.area.as_str()) && !effect.hosts.is_disjoint(&hosts)
        };
        self.0.iter().rev().find(cut).map(deferred)
    }

    /// The fault that stands for an answer which depends on a planned change.
    pub(crate) fn veil<'r>(
        &self,
        site: &Site,
        resources: impl IntoIterator<Item = &'r Resource> + Clone,
    ) -> Option<Fault> {
        let effect = self.0.iter().rev().find(|effect| {
            resources.clone().into_iter().any(|resource| blast::reaches(site, &effect.hosts, resource))
        })?;
        Some(deferred(effect))
    }
}

fn deferred(effect: &Effect) -> Fault {
    let message = format!("the answer depends on a planned change: {}", effect.summary);
    Fault::new(Code::PlanDeferred, Stage::Plan, message).hint(
        "Nobody knows it before the plan is executed; look at it in a check or a poll, and do not branch on it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse;

    fn state(primitive: &str, resource: &str) -> State {
        State::of(&primitive.parse().expect("a name"), &[resource.parse().expect("a resource")])
    }

    #[test]
    fn a_planned_change_shows_in_its_own_state_and_veils_what_may_feel_it_until_its_scope_ends() {
        let site = parse("fabric.toml", include_str!("../../../../fabric.toml")).expect("the site is sound");
        let mut planned = Projection::default();
        planned.add(
            Some(7),
            state("unit.stop", "host:dns-edge-1/keepalived"),
            "stopped".into(),
            "stop".into(),
        );
        let started = state("unit.start", "host:dns-edge-1/keepalived");
        assert_eq!(planned.state(&started), Some(&"stopped".into()));
        assert_eq!(planned.state(&state("unit.start", "host:dns-edge-1/dnsdist")), None);
        let (vip, other): (Resource, Resource) =
            ("vip:dns".parse().expect("a resource"), "vip:minio".parse().expect("a resource"));
        assert_eq!(planned.veil(&site, [&vip]).map(|fault| fault.code), Some(Code::PlanDeferred));
        assert_eq!(planned.veil(&site, [&other]), None);
        planned.end(7);
        assert_eq!((planned.state(&started), planned.veil(&site, [&vip])), (None, None));
    }
}
