//! `fabric policy explain`: what the policy says about one call, before it is tried.

use fabric_gate::{Explained, Policy, RuleRef};
use fabric_model::exit::Exit;
use fabric_model::{Class, Slug};
use fabric_primitives::registry;
use fabric_runtime::{Refusal, site};

use crate::args::PolicyExplain;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn explain(place: &Place, args: &PolicyExplain) -> Result<Exit, Refusal> {
    let (file, text) = place.policy(args.policy.as_deref())?;
    let policy =
        Policy::parse(&file, &text).map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    let Some(primitive) = registry::find(&args.primitive) else {
        return Err(Refusal::new(Exit::NotFound, format!("there is no primitive `{}`", args.primitive))
            .hint("List the primitives with `fabric list primitives`."));
    };
    let environment = match &args.environment {
        Some(named) => named.clone(),
        None => site::environment_of(&place.site(args.site.as_deref())?.site, &args.resource),
    };
    let roles = match &args.role {
        Some(role) => vec![role.clone()],
        None => place.home.operator()?.principal().roles,
    };
    let explained = policy.explain(&args.primitive, primitive.class(), &args.resource, &environment, &roles);
    let named: Vec<&str> = roles.iter().map(Slug::as_str).collect();
    say(format_args!(
        "{} on {} in environment {environment} as {}",
        args.primitive,
        args.resource,
        if named.is_empty() { "nobody".to_owned() } else { named.join(", ") }
    ));
    lines(&explained, primitive.class()).iter().for_each(say);
    let possible = explained.denied.is_none() && explained.allowed.is_some() && explained.open;
    Ok(if possible { Exit::Done } else { Exit::Denied })
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
