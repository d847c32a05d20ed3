//! What a run asked for, read from its packet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fabric_evidence::journal::Line;
use fabric_evidence::{Event, RunHead};
use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{PrimitiveName, Resource, Slug, Value};
use fabric_primitives::registry;
use fabric_runtime::{Refusal, site};

/// Resources by primitive.
pub(super) type Resources = BTreeMap<String, BTreeSet<String>>;

/// What a run asked for.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) granted: Resources,
    /// With the code of the refusal.
    pub(super) denied: BTreeSet<(String, String, String)>,
}

/// What the run of this packet asked for, and what was known of it beforehand.
///
/// # Errors
/// When its journal cannot be read.
pub(super) fn by(packet: &Path) -> Result<(RunHead, Used), Refusal> {
    let journal = packet.join("journal.jsonl");
    let broken = |why: String| Refusal::new(Exit::Bug, format!("{}: {why}", journal.display()));
    let text = fs::read_to_string(&journal).map_err(|error| broken(error.to_string()))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Line>, _>>();
    let lines = lines.map_err(|error| broken(error.to_string()))?;
    let head = lines.iter().find_map(|line| match &line.event {
        Event::RunStarted { head } => Some(head.clone()),
        _ => None,
    });
    let head = head.ok_or_else(|| broken("no run begins".to_owned()))?;
    Ok((*head, used(&lines)))
}

fn used(lines: &[Line]) -> Used {
    let mut used = Used::default();
    let mut calls: BTreeMap<u64, (&str, &Value)> = BTreeMap::new();
    for line in lines {
        match &line.event {
            Event::CallRequested { call_id, primitive, arguments, .. } => {
                calls.insert(*call_id, (primitive, arguments));
            }
            Event::CallGranted { call_id, resources, .. } => {
                if let Some((primitive, _)) = calls.get(call_id) {
                    let known = used.granted.entry((*primitive).to_owned()).or_default();
                    known.extend(resources.iter().cloned());
                }
            }
            Event::CallDenied { call_id, fault } => {
                if let Some((primitive, arguments)) = calls.get(call_id) {
                    let needs = needs_of(primitive, arguments);
                    let denied =
                        needs.into_iter().map(|need| ((*primitive).to_owned(), need, fault.code.clone()));
                    used.denied.extend(denied);
                }
            }
            _ => {}
        }
    }
    used
}

/// The resources that a call needs; none where its arguments do not fit.
fn needs_of(primitive: &str, arguments: &Value) -> Vec<String> {
    let found = primitive.parse::<PrimitiveName>().ok().and_then(|name| registry::find(&name));
    let prepared = found.and_then(|primitive| primitive.prepare(arguments).ok());
    prepared.map_or_else(Vec::new, |call| call.needs.iter().map(|need| need.resource.to_string()).collect())
}

impl Used {
    /// What was granted, by the environment in which it lay.
    pub(super) fn by_environment(&self, head: &RunHead, site: &Site) -> BTreeMap<Slug, Resources> {
        let mut site = site.clone();
        site.site.realm = head.site.realm;
        let mut found: BTreeMap<Slug, Resources> = BTreeMap::new();
        for (primitive, resources) in &self.granted {
            for resource in resources {
                let Ok(parsed) = resource.parse::<Resource>() else { continue };
                let there = found.entry(site::environment_of(&site, &parsed)).or_default();
                there.entry(primitive.clone()).or_default().insert(resource.clone());
            }
        }
        found
    }
}
