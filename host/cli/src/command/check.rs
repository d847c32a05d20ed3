//! `fabric check`: what can be said of a script without running it.

use fabric_gate::Policy;
use fabric_model::exit::Exit;
use fabric_primitives::registry::REGISTRY;
use fabric_runtime::{Refusal, Script};
use fabric_script::lint;

use crate::args::Check;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn check(place: &Place, args: &Check) -> Result<Exit, Refusal> {
    let script = Script::load(&place.project, &args.script)?;
    script.needs()?;
    let (policy_file, policy_text) = place.policy(args.policy.as_deref())?;
    let policy = Policy::parse(&policy_file, &policy_text)
        .map_err(|errors| Refusal::in_file(Exit::Configuration, &policy_file, errors))?;
    let primitives = REGISTRY.iter().map(|primitive| (primitive.name(), primitive.class())).collect();
    let mut errors = lint::check(&script.path, &script.source, &script.modules, &primitives, &script.header);
    errors.extend(unknown_in_policy(&policy, &policy_file));
    if !errors.is_empty() {
        return Err(Refusal::in_file(Exit::Script, &script.path, errors));
    }
    say(format_args!(
        "{}: {} ({} modules, reach {})",
        script.path,
        script.header.title,
        script.modules.len(),
        script.header.reach
    ));
    Ok(Exit::Done)
}

/// A misspelt primitive in a deny rule denies nothing, so every name must exist.
fn unknown_in_policy<'a>(
    policy: &'a Policy,
    file: &'a str,
) -> impl Iterator<Item = fabric_model::Diagnostic> + 'a {
    let unknown = policy.primitives().filter(|(name, _)| fabric_primitives::registry::find(name).is_none());
    unknown.map(move |(name, line)| fabric_model::Diagnostic {
        line,
        ..fabric_model::Diagnostic::whole(file, format!("there is no primitive `{name}`"))
            .hint("List the primitives with `fabric list primitives`.")
    })
}
