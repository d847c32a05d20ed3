//! What becomes of everything that a script declares.

use std::collections::BTreeMap;

use fabric_gate::{Met, Pattern, Policy};
use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{Class, Resource, Slug};
use fabric_primitives::registry;
use fabric_runtime::{Refusal, Script, site};
use fabric_script::header::Need;

use crate::stream::say;
use crate::terminal::plain;

/// In whose name it is asked.
pub(super) struct Asking<'a> {
    pub(super) policy: &'a Policy,
    pub(super) site: &'a Site,
    /// In place of those of the targets.
    pub(super) environment: Option<&'a Slug>,
    pub(super) roles: &'a [Slug],
}

/// One thing that a need can be: a name of the site, or the need as it is written.
struct Target {
    name: String,
    pattern: Pattern,
    environment: Slug,
}

/// Says of each need of the script what the policy does with it. Denied where nothing of one is granted.
///
/// # Errors
/// When a need is no pattern.
pub(super) fn explain(script: &Script, asking: &Asking<'_>) -> Result<Exit, Refusal> {
    // Each need is a pattern, or this says where not.
    script.needs()?;
    let mut exit = Exit::Done;
    for need in &script.header.needs {
        let (primitive, resource) = (&need.primitive, &need.resource);
        say(format_args!("  {primitive} on {} (line {})", plain(resource), need.line));
        let class = registry::find(primitive).map(fabric_primitives::Primitive::class);
        let (Some(class), Ok(pattern)) = (class, resource.parse::<Pattern>()) else {
            say("    there is no such primitive");
            exit = exit.worst(Exit::Denied);
            continue;
        };
        let mut groups: BTreeMap<Vec<String>, Vec<Target>> = BTreeMap::new();
        let mut possible = false;
        for target in targets(need, pattern, asking) {
            let met =
                asking.policy.meets(primitive, class, &target.pattern, &target.environment, asking.roles);
            possible |= met.is_possible();
            groups.entry(lines(&met, class)).or_default().push(target);
        }
        for (lines, targets) in &groups {
            for environment in environments(targets) {
                let names: Vec<&str> = targets
                    .iter()
                    .filter(|t| t.environment == *environment)
                    .map(|t| t.name.as_str())
                    .collect();
                say(format_args!("    {} in {environment}", names.join(", ")));
            }
            lines.iter().for_each(|line| say(format_args!("      {line}")));
        }
        if !possible {
            exit = exit.worst(Exit::Denied);
        }
    }
    Ok(exit)
}

fn environments(targets: &[Target]) -> Vec<&Slug> {
    let mut all: Vec<&Slug> = targets.iter().map(|target| &target.environment).collect();
    all.sort();
    all.dedup();
    all
}

/// A need with a `*` in its name, spelled out over the names that the site has; as it is where the site has none.
fn targets(need: &Need, pattern: Pattern, asking: &Asking<'_>) -> Vec<Target> {
    let (kind, rest) = need.resource.split_once(':').unwrap_or_default();
    let (name, part) = rest.split_once('/').map_or((rest, None), |(name, part)| (name, Some(part)));
    let (of, names): (&str, Vec<&Slug>) = match kind {
        "vip" => ("vip", asking.site.vips.keys().collect()),
        "host" | "guest" | "via" | "file" => ("host", asking.site.hosts.keys().collect()),
        _ => ("", Vec::new()),
    };
    let environment = |resource: &Resource| {
        asking.environment.cloned().unwrap_or_else(|| site::environment_of(asking.site, resource))
    };
    let known = format!("{of}:{name}").parse::<Pattern>().ok();
    let known = known.into_iter().flat_map(|known| names.iter().map(move |name| (known.clone(), name)));
    let found: Vec<Target> = known
        .filter_map(|(known, name)| {
            let resource = format!("{of}:{name}").parse::<Resource>().ok().filter(|r| known.matches(r))?;
            let text = part.map_or_else(|| format!("{kind}:{name}"), |part| format!("{kind}:{name}/{part}"));
            Some(Target {
                name: name.to_string(),
                pattern: text.parse().ok()?,
                environment: environment(&resource),
            })
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    // Whatever the site has no name for belongs to the site as a whole.
    let whole = need.resource.parse::<Resource>().or_else(|_| "cluster:site".parse());
    let environment = whole.map_or_else(|_| asking.site.site.name.clone(), |resource| environment(&resource));
    vec![Target { name: plain(&need.resource), pattern, environment }]
}

fn lines(met: &Met, class: Class) -> Vec<String> {
    let mut lines = Vec::new();
    match &met.denied {
        Some((rule, true)) => return vec![format!("denied by {rule}")],
        Some((rule, false)) => lines.push(format!("denied in part by {rule}")),
        None => {}
    }
    lines.push(match &met.allowed {
        Some((rule, true)) => format!("allowed by {rule}"),
        Some((rule, false)) => format!("allowed in part by {rule}"),
        None => "allowed by no rule".to_owned(),
    });
    if class > Class::Observe {
        lines.extend(met.guards.iter().map(|rule| format!("guarded by {rule}")));
        if !met.open {
            lines.push("closed: no guard opens the environment to it".to_owned());
        }
    }
    lines
}
