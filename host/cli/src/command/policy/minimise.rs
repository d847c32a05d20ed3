//! `fabric policy minimise`: the policy against what runs used of it. It says what could be less, and edits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::{RunHead, Trust};
use fabric_gate::{Grant, Policy};
use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{PrimitiveName, Resource, Slug};
use fabric_primitives::registry;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;

use super::smallest;
use crate::args::PolicyMinimise;
use crate::command::grants;
use crate::command::used::{self, Used};
use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal::plain;

/// What runs used of a policy.
#[derive(Default)]
pub(super) struct Use {
    /// By rule.
    pub(super) rules: BTreeMap<String, OfRule>,
    /// What a run was granted, and this policy grants nobody: primitive, resource, environment.
    ungranted: BTreeSet<(String, String, String)>,
}

/// What runs used of one rule.
#[derive(Default)]
pub(super) struct OfRule {
    pub(super) environments: BTreeSet<Slug>,
    pub(super) roles: BTreeSet<Slug>,
    /// The resources that each primitive was called on, each with the pattern that granted it.
    pub(super) primitives: BTreeMap<String, BTreeMap<String, String>>,
}

pub(crate) fn minimise(place: &Place, args: &PolicyMinimise) -> Result<Exit, Refusal> {
    if let Some(file) = &args.write {
        grants::check_place(file)?;
    }
    let (policy, text) = super::read(place, args.policy.as_deref())?;
    let site = super::site(place, args.site.as_deref())?;
    let (trust, _) = read_trust(&place.for_rehearsals().home.trust_path())?;
    let mut all = Use::default();
    let mut scripts = BTreeSet::new();
    for packet in &args.packets {
        let (head, used) = evidence(packet, &trust)?;
        all.add(&policy, &head, &used, &site);
        scripts.insert(format!("{} ({})", head.script.path, head.site.realm.as_str()));
    }
    let scripts: Vec<String> = scripts.into_iter().map(|script| plain(&script)).collect();
    say(format_args!("used by {} runs of {}", args.packets.len(), scripts.join(", ")));
    report(&policy, &all);
    match &args.write {
        Some(file) => {
            grants::write_new(file, &smallest::policy(&text, &all, &scripts)?)?;
            tell(format_args!("wrote the smallest policy of these runs: {}", place.shorten(file)));
        }
        None => tell("nothing is changed; `--write FILE` writes the smallest policy of these runs"),
    }
    tell("a run takes one way through a script: what is used on another is not seen here");
    Ok(Exit::Done)
}

/// What a packet says was used, once it is known to be what was sealed.
fn evidence(packet: &Path, trust: &Trust) -> Result<(RunHead, Used), Refusal> {
    let shown = packet.display();
    if !packet.is_dir() {
        return Err(Refusal::new(Exit::NotFound, format!("there is no packet {shown}"))
            .hint("A packet is a folder; `evidence/runs/*/` are those of all runs."));
    }
    match fabric_evidence::verify(packet, trust, SystemTime::now()) {
        Ok(_) => used::by(packet),
        Err(_) => {
            Err(Refusal::new(Exit::Verification, format!("{shown} does not verify, so it shows no use"))
                .hint(format!("`fabric verify {shown}` says what is wrong with it.")))
        }
    }
}

impl Use {
    fn add(&mut self, policy: &Policy, head: &RunHead, used: &Used, site: &Site) {
        let roles = &head.principal.roles;
        for (environment, resources) in used.by_environment(head, site) {
            for (primitive, resources) in resources {
                for resource in resources {
                    match granting(policy, &primitive, &resource, &environment, roles) {
                        Some(grant) => self.of(grant, &resource, &environment, roles),
                        None => {
                            self.ungranted.insert((primitive.clone(), resource, environment.to_string()));
                        }
                    }
                }
            }
        }
    }

    fn of(&mut self, grant: Grant, resource: &str, environment: &Slug, roles: &[Slug]) {
        let rule = self.rules.entry(grant.rule.name).or_default();
        rule.environments.insert(environment.clone());
        rule.roles.extend(roles.iter().cloned());
        let resources = rule.primitives.entry(grant.primitive.to_string()).or_default();
        resources.insert(resource.to_owned(), grant.pattern.to_string());
    }

    /// The resources for which a grant was used.
    fn resources(&self, grant: &Grant) -> Vec<&str> {
        let used =
            self.rules.get(&grant.rule.name).and_then(|rule| rule.primitives.get(grant.primitive.as_str()));
        let pattern = grant.pattern.to_string();
        let through = used.into_iter().flatten().filter(|(_, by)| **by == pattern);
        through.map(|(resource, _)| resource.as_str()).collect()
    }
}

fn granting(
    policy: &Policy,
    primitive: &str,
    resource: &str,
    environment: &Slug,
    roles: &[Slug],
) -> Option<Grant> {
    let primitive: PrimitiveName = primitive.parse().ok()?;
    let resource: Resource = resource.parse().ok()?;
    let class = registry::find(&primitive)?.class();
    policy.grant_of(&primitive, class, &resource, environment, roles)
}

/// Each grant with what was used of it, in the order of the file.
fn report(policy: &Policy, all: &Use) {
    let grants = policy.grants();
    let mut counts = [0_usize; 3];
    let [exact, wider, unused] = &mut counts;
    for of_rule in grants.chunk_by(|one, next| one.rule.name == next.rule.name) {
        let Some(first) = of_rule.first() else { continue };
        say(format_args!("\n`{}` ({})", first.rule.name, first.rule.file));
        if let Some(rule) = all.rules.get(&first.rule.name) {
            let names =
                |names: &BTreeSet<Slug>| names.iter().map(Slug::as_str).collect::<Vec<_>>().join(", ");
            say(format_args!("  used in {} as {}", names(&rule.environments), names(&rule.roles)));
        }
        for grant in of_rule {
            let used = all.resources(grant);
            let place = format!("{}:{}", grant.rule.file, grant.rule.line);
            let (word, more) = match used.as_slice() {
                [] => {
                    *unused += 1;
                    ("unused", String::new())
                }
                _ if grant.pattern.has_wildcard() => {
                    *wider += 1;
                    ("wider ", format!(", used on {}", used.join(", ")))
                }
                _ => {
                    *exact += 1;
                    ("used  ", String::new())
                }
            };
            say(format_args!("  {word} {} on {}  {place}{more}", grant.primitive, grant.pattern));
        }
    }
    if !all.ungranted.is_empty() {
        say("\nused, and granted by this policy no more");
        for (primitive, resource, environment) in &all.ungranted {
            say(format_args!("  {primitive} on {resource} in {environment}"));
        }
    }
    let [exact, wider, unused] = counts;
    say(format_args!("\n{exact} grants used, {wider} wider than used, {unused} unused"));
}
