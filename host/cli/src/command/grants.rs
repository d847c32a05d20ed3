//! `--record-grants`: the smallest declaration and the smallest grant that a run used, read from its sealed packet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use fabric_evidence::journal::Line;
use fabric_evidence::{Event, RunHead};
use fabric_model::exit::Exit;
use fabric_model::site::{Realm, Site};
use fabric_model::{PrimitiveName, Resource, Slug, Value};
use fabric_primitives::registry;
use fabric_runtime::{Refusal, site};

/// Resources by primitive.
type Resources = BTreeMap<String, BTreeSet<String>>;

/// What a run asked for.
#[derive(Debug, Default)]
struct Used {
    granted: Resources,
    /// With the code of the refusal.
    denied: BTreeSet<(String, String, String)>,
}

/// Whether the file can be written: nothing is overwritten, because what stands there may have been reviewed.
///
/// # Errors
/// Exit 3 where there is a file.
pub(super) fn check_place(file: &Path) -> Result<(), Refusal> {
    if file.exists() { Err(taken(file)) } else { Ok(()) }
}

/// Writes what the run of this packet used. Gives the number of primitives.
///
/// # Errors
/// When the packet cannot be read or the file not be written.
pub(super) fn write(packet: &Path, site: &Site, file: &Path) -> Result<usize, Refusal> {
    let journal = packet.join("journal.jsonl");
    let broken = |why: String| Refusal::new(Exit::Bug, format!("{}: {why}", journal.display()));
    let text = fs::read_to_string(&journal).map_err(|error| broken(error.to_string()))?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Line>, _>>();
    let lines = lines.map_err(|error| broken(error.to_string()))?;
    let head = lines.iter().find_map(|line| match &line.event {
        Event::RunStarted { head } => Some(head),
        _ => None,
    });
    let head = head.ok_or_else(|| broken("no run begins".to_owned()))?;
    let used = used(&lines);
    let text = rendered(head, site, &used);
    let written = OpenOptions::new().write(true).create_new(true).open(file);
    written.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken(file),
        _ => Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", file.display())),
    })?;
    Ok(used.granted.len())
}

fn taken(file: &Path) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} exists and would be lost", file.display()))
        .hint("Name another file, or remove this one.")
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

fn rendered(head: &RunHead, site: &Site, used: &Used) -> String {
    let mut out = String::new();
    let script = &head.script.path;
    let (mode, act) = (head.mode.as_str(), head.act.as_str());
    // Writing to a text never fails.
    let _ = writeln!(
        out,
        "# What {script} asked for (mode {mode}, {act}), and nothing else. Review it: a run takes one way through a script, and\n\
         # what stands on another way is not here.\n\n\
         # The declaration: in the header of the script, each line behind the comment mark.\n[needs]"
    );
    lines(&mut out, &used.granted);
    for (environment, resources) in by_environment(head, site, &used.granted) {
        let name = rule_name(script, &environment);
        let roles: Vec<String> =
            head.principal.roles.iter().map(|role| format!("{:?}", role.as_str())).collect();
        let _ = writeln!(
            out,
            "\n# The grant: in policy.toml.\n[[allow]]\nname = \"{name}\"\nenvironments = [\"{environment}\"]\nroles = [{}]\n\n\
             [allow.primitives]",
            roles.join(", ")
        );
        lines(&mut out, &resources);
    }
    if !used.denied.is_empty() {
        let _ = writeln!(out, "\n# Denied in this run, and granted by none of the lines above:");
        for (primitive, resource, code) in &used.denied {
            let _ = writeln!(out, "#   {primitive} on {resource} [{code}]");
        }
    }
    out
}

/// One resource to a line, so that a review sees each come and go.
fn lines(out: &mut String, resources: &Resources) {
    for (primitive, resources) in resources {
        let _ = writeln!(out, "\"{primitive}\" = [");
        for resource in resources {
            let _ = writeln!(out, "  \"{resource}\",");
        }
        let _ = writeln!(out, "]");
    }
}

/// What was granted, by the environment in which it lies.
fn by_environment(head: &RunHead, site: &Site, granted: &Resources) -> BTreeMap<Slug, Resources> {
    let mut site = site.clone();
    site.site.realm = head.site.realm;
    let mut found: BTreeMap<Slug, Resources> = BTreeMap::new();
    for (primitive, resources) in granted {
        for resource in resources {
            let Ok(parsed) = resource.parse::<Resource>() else { continue };
            let there = found.entry(site::environment_of(&site, &parsed)).or_default();
            there.entry(primitive.clone()).or_default().insert(resource.clone());
        }
    }
    found
}

/// `dns-twin` for `acceptance/dns.rhai` on the twin.
fn rule_name(script: &str, environment: &Slug) -> String {
    let stem = Path::new(script).file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    format!("{}-{environment}", stem.trim_matches('-'))
}

/// Whether the grants are worth a word about the real site: those of a stand-in name its environment.
pub(super) fn hint(realm: Realm) -> Option<&'static str> {
    match realm {
        Realm::Real => None,
        Realm::Lab | Realm::Twin => {
            Some("the grants are for the stand-in that was asked; on the site itself, name its environments")
        }
    }
}
