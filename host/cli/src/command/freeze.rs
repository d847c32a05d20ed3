//! `fabric freeze` and `fabric thaw`: no changes in an environment, and changes again.

use std::path::Path;
use std::time::SystemTime;

use fabric_gate::{Policy, Window};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::guard::{self, Authority};

use super::approve::role;
use crate::args::{Freeze, Thaw};
use crate::place::Place;
use crate::stream::{say, tell};

pub(crate) fn freeze(place: &Place, args: &Freeze) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let authority = authority(place, args.policy.as_deref(), &args.environment)?;
    let role = role(&operator.principal().roles, args.role.as_ref())?;
    let until = Window::parse(&args.until, &args.until)?.end;
    let id = guard::freeze(
        &authority,
        &args.environment,
        &args.reason,
        until,
        &operator.signer,
        &role,
        SystemTime::now(),
    )?;
    say(format_args!("{} is frozen until {} ({id})", args.environment, args.until));
    Ok(Exit::Done)
}

pub(crate) fn thaw(place: &Place, args: &Thaw) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let authority = authority(place, args.policy.as_deref(), &args.environment)?;
    let role = role(&operator.principal().roles, args.role.as_ref())?;
    let now = SystemTime::now();
    let lifted = guard::thaw(
        &authority,
        &args.environment,
        &args.reason,
        &operator.signer,
        &role,
        &operator.trust,
        now,
    )?;
    say(format_args!("{lifted} freeze(s) of {} lifted", args.environment));
    let left = guard::frozen(&authority, &args.environment, &operator.trust, now)?;
    for one in &left {
        tell(format_args!("still frozen by {}: {}", one.freeze.by, one.freeze.reason));
    }
    Ok(if left.is_empty() { Exit::Done } else { Exit::Unrecovered })
}

fn authority(place: &Place, policy: Option<&Path>, environment: &Slug) -> Result<Authority, Refusal> {
    let (file, text) = place.policy(policy)?;
    let policy =
        Policy::parse(&file, &text).map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    Ok(Authority::of(&policy, Path::new(&file).parent().unwrap_or(Path::new("")), environment)?)
}
