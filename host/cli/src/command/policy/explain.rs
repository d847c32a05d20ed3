//! `fabric policy explain`: what the policy says about one call, or about all that a script declares, before it is tried.

use fabric_gate::{Explained, RuleRef};
use fabric_model::exit::Exit;
use fabric_model::{Class, Slug};
use fabric_primitives::registry;
use fabric_runtime::{Refusal, Script, site};

use super::declared::{self, Asking};
use crate::args::PolicyExplain;
use crate::place::Place;
use crate::stream::say;
use crate::terminal::plain;

pub(crate) fn explain(place: &Place, args: &PolicyExplain) -> Result<Exit, Refusal> {
    let (policy, _) = super::read(place, args.policy.as_deref())?;
    let roles = match &args.role {
        Some(role) => vec![role.clone()],
        None => place.for_rehearsals().home.operator()?.principal().roles,
    };
    let named: Vec<&str> = roles.iter().map(Slug::as_str).collect();
    let named = if named.is_empty() { "nobody".to_owned() } else { named.join(", ") };
    match (&args.script, &args.primitive, &args.resource) {
        (Some(path), ..) => {
            let script = Script::load(&place.project, path)?;
            let site = super::site(place, args.site.as_deref())?;
            let environment = args.environment.as_ref();
            say(format_args!("{} as {named}", plain(path)));
            declared::explain(&script, &Asking { policy: &policy, site: &site, environment, roles: &roles })
        }
        (None, Some(primitive), Some(resource)) => {
            let environment = match &args.environment {
                Some(named) => named.clone(),
                None => site::environment_of(&super::site(place, args.site.as_deref())?, resource),
            };
            let Some(known) = registry::find(primitive) else {
                return Err(Refusal::new(Exit::NotFound, format!("there is no primitive `{primitive}`"))
                    .hint("List the primitives with `fabric list primitives`."));
            };
            let explained = policy.explain(primitive, known.class(), resource, &environment, &roles);
            say(format_args!("{primitive} on {resource} in environment {environment} as {named}"));
            lines(&explained, known.class()).iter().for_each(say);
            let possible = explained.denied.is_none() && explained.allowed.is_some() && explained.open;
            Ok(if possible { Exit::Done } else { Exit::Denied })
        }
        _ => Err(Refusal::new(Exit::Usage, "a call is a primitive and a resource")
            .hint("Or name a script: `fabric policy explain --script SCRIPT`.")),
    }
}

fn lines(explained: &Explained, class: Class) -> Vec<String> {
    let rule = |word: &str, rule: &Option<RuleRef>| match rule {
        Some(rule) => format!("  {word} by {rule}"),
        None => format!("  {word} by no rule"),
    };
    let mut lines = vec![rule("denied", &explained.denied), rule("allowed", &explained.allowed)];
    if class == Class::Observe {
        return lines;
    }
    for (rule, requires) in &explained.guards {
        lines.push(format!("  guarded by {rule}, which asks for"));
        lines.extend(requires.iter().map(|words| format!("    {words}")));
        if requires.is_empty() {
            lines.push("    nothing".to_owned());
        }
    }
    if !explained.open {
        lines.push("  closed: no guard opens the environment to it".to_owned());
    }
    lines.push(match &explained.authority {
        Some((rule, folder)) => format!("  authority {folder}, declared by {rule}"),
        None => "  no authority: nothing can be changed there".to_owned(),
    });
    lines
}
