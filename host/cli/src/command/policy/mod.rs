//! `fabric policy`: what the policy says, before it is tried and after it was used.

mod declared;
mod explain;
mod minimise;
mod smallest;

pub(crate) use explain::explain;
pub(crate) use minimise::minimise;

use std::path::Path;

use fabric_gate::Policy;
use fabric_model::exit::Exit;
use fabric_model::site::{Realm, Site};
use fabric_runtime::Refusal;

use super::run::TWIN;
use crate::place::Place;

/// The policy and its text.
fn read(place: &Place, given: Option<&Path>) -> Result<(Policy, String), Refusal> {
    let (file, text) = place.policy(given)?;
    let policy = Policy::parse(&file, &text);
    let policy = policy.map_err(|errors| Refusal::in_file(Exit::Configuration, &file, errors))?;
    Ok((policy, text))
}

/// The site; as the twin plays it where that is asked for.
fn site(place: &Place, given: Option<&Path>) -> Result<Site, Refusal> {
    let twin = given == Some(Path::new(TWIN));
    let mut site = place.site(given.filter(|_| !twin))?.site;
    if twin {
        site.site.realm = Realm::Twin;
    }
    Ok(site)
}
