//! `fabric approve`: another principal's consent to one plan.

use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::Fingerprint;
use fabric_evidence::approval::About;
use fabric_gate::{Policy, Window};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::guard::{self, Authority, Consent, FoundPlan};

use crate::args::Approve;
use crate::place::Place;
use crate::stream::say;

pub(crate) fn approve(place: &Place, args: &Approve) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let found = place.plan(&args.plan, &operator.trust)?;
    let (file, text) = place.policy(args.policy.as_deref())?;
    let policy =
        Policy::parse(&file, &text).map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    covers(&found, &args.environments)?;
    let executor = match &args.executor {
        Some(fingerprint) => Fingerprint::from_copied(fingerprint)
            .map_err(|error| Refusal::new(Exit::Usage, format!("`--executor`: {error}")))?,
        None => found.by.fingerprint.clone(),
    };
    let window = match (&args.window_start, &args.window_end) {
        (Some(start), Some(end)) => Some(Window::parse(start, end)?),
        _ => None,
    };
    let role = role(&operator.principal().roles, args.role.as_ref())?;
    let consent = Consent {
        about: About { plan: found.digest, packet: found.packet.manifest },
        environments: args.environments.clone(),
        executor,
        window,
        reason: args.reason.clone(),
        lasts: args.expires,
        role,
    };
    show(&found);
    let base = Path::new(&file).parent().unwrap_or(Path::new(""));
    let mut authorities: Vec<Authority> = Vec::new();
    for environment in &args.environments {
        let authority = Authority::of(&policy, base, environment)?;
        if !authorities.contains(&authority) {
            authorities.push(authority);
        }
    }
    for authority in &authorities {
        guard::approve(authority, &consent, &operator.signer, SystemTime::now())?;
    }
    say(format_args!(
        "approved as {} for {} to execute; it counts once, for {} minutes",
        consent.role,
        consent.executor,
        consent.lasts.as_secs() / 60
    ));
    Ok(Exit::Done)
}

/// Whoever approves names every environment that the plan touches: so he has seen which they are.
fn covers(found: &FoundPlan, named: &[Slug]) -> Result<(), Refusal> {
    let targets = found.plan.changes.iter().flat_map(|change| &change.targets);
    let missing = targets.map(|target| &target.environment).find(|environment| !named.contains(environment));
    let Some(missing) = missing else { return Ok(()) };
    Err(Refusal::new(Exit::Usage, format!("the plan touches environment `{missing}`, which is not named"))
        .hint(format!("Add `--environment {missing}` if it should be changed there.")))
}

/// The role in which somebody signs: as he says, else his only one.
pub(crate) fn role(roles: &[Slug], wanted: Option<&Slug>) -> Result<Slug, Refusal> {
    let listed = || roles.iter().map(Slug::as_str).collect::<Vec<_>>().join(", ");
    match (wanted, roles) {
        (Some(wanted), roles) if roles.contains(wanted) => Ok(wanted.clone()),
        (Some(wanted), _) => Err(Refusal::new(
            Exit::Authentication,
            format!("the trust file does not give you the role `{wanted}`"),
        )
        .hint(format!("Your roles are: {}.", listed()))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Refusal::new(Exit::Usage, "you have several roles, and sign in one")
            .hint(format!("Add `--role ROLE` with one of: {}.", listed()))),
    }
}

fn show(found: &FoundPlan) {
    let plan = &found.plan;
    say(format_args!("{}: {} ({})", plan.script.path, plan.script.title, plan.script.kind));
    for change in &plan.changes {
        let places: Vec<String> =
            change.targets.iter().map(|target| target.environment.to_string()).collect();
        say(format_args!(
            "  {}  {} [{}]",
            change.change + 1,
            change.summary.escape_debug(),
            places.join(", ")
        ));
    }
    say(format_args!("  plan {} of run {}", found.digest, found.packet.run_id));
}
