//! Freezes: signed files that stop every change of an environment until they end or somebody lifts them. What lies among them
//! and cannot be understood freezes too.

use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::{Signer, Stamp, Trust};
use fabric_gate::Freeze;
use fabric_model::exit::Exit;
use fabric_model::{Digest, Fault, Slug};
use serde::{Deserialize, Serialize};

use super::approvals::nonce;
use super::authority::{Authority, unreachable};
use super::signed::{self, SIGNATURE};
use crate::refusal::Refusal;

/// What the signature of a freeze means.
const FREEZE: &str = "freeze";

/// What the signature of a thaw means.
const THAW: &str = "thaw";

/// The only version of freezes and thaws so far.
const FORMAT: u32 = 1;

/// How the file of a freeze ends.
const FILE: &str = ".json";

/// How the file of its thaw ends.
const THAW_FILE: &str = ".thaw.json";

/// A freeze as it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FreezeStatement {
    format: u32,
    id: Slug,
    environment: Slug,
    reason: String,
    from: Stamp,
    until: Stamp,
}

/// The lifting of one freeze as it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThawStatement {
    format: u32,
    environment: Slug,
    /// The digest of the freeze's file.
    freeze: Digest,
    reason: String,
    at: Stamp,
}

/// A freeze that nobody has lifted, with the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The file's name in the folder of the environment.
    pub name: String,
    /// What it says.
    pub freeze: Freeze,
}

/// Freezes an environment, and gives the name of the freeze.
///
/// # Errors
/// When it would end before it begins, or cannot be signed or written.
pub fn freeze(
    authority: &Authority,
    environment: &Slug,
    reason: &str,
    until: SystemTime,
    signer: &Signer,
    role: &Slug,
    now: SystemTime,
) -> Result<Slug, Refusal> {
    if until <= now {
        return Err(Refusal::new(Exit::Usage, "the freeze would be over already")
            .hint("Give `--until` a time that is still to come."));
    }
    let folder = authority.freezes().join(environment.as_str());
    signed::make_below(&folder).map_err(|error| Refusal::from(unreachable(&folder, &error)))?;
    let id = nonce()?;
    let statement = FreezeStatement {
        format: FORMAT,
        id: id.clone(),
        environment: environment.clone(),
        reason: reason.to_owned(),
        from: Stamp::of(now),
        until: Stamp::of(until),
    };
    signed::write(&folder.join(format!("{id}{FILE}")), &statement, signer, role, FREEZE, now)?;
    Ok(id)
}

/// Lifts every freeze of an environment that can be lifted, and gives their number.
///
/// # Errors
/// When none can be, when the role may not lift any, or when it cannot be signed or written.
pub fn thaw(
    authority: &Authority,
    environment: &Slug,
    reason: &str,
    signer: &Signer,
    role: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> Result<usize, Refusal> {
    if !may_thaw(authority, role) {
        let roles: Vec<&str> = authority.thaw_roles().iter().map(Slug::as_str).collect();
        return Err(Refusal::new(
            Exit::Denied,
            format!("a freeze of `{environment}` is not lifted as `{role}`"),
        )
        .hint(format!("Ask somebody in one of these roles: {}.", roles.join(", "))));
    }
    let folder = authority.freezes().join(environment.as_str());
    let frozen = frozen(authority, environment, trust, now)?;
    let mut lifted = 0;
    for one in frozen {
        let Some(id) = id_of(&one.name) else { continue };
        let file = folder.join(&one.name);
        let bytes = signed::bytes(&file).map_err(|error| Refusal::from(unreachable(&file, &error)))?;
        let statement = ThawStatement {
            format: FORMAT,
            environment: environment.clone(),
            freeze: Digest::of(&bytes),
            reason: reason.to_owned(),
            at: Stamp::of(now),
        };
        signed::write(&folder.join(format!("{id}{THAW_FILE}")), &statement, signer, role, THAW, now)?;
        lifted += 1;
    }
    Ok(lifted)
}

/// The freezes of an environment that nobody has lifted, those that are over left out.
///
/// # Errors
/// `guard.authority` when they cannot be looked for.
pub fn frozen(
    authority: &Authority,
    environment: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> Result<Vec<Frozen>, Fault> {
    let folder = authority.freezes().join(environment.as_str());
    let names = signed::names(&folder).map_err(|error| unreachable(&folder, &error))?;
    let mut frozen = Vec::new();
    for name in &names {
        let freeze = if is_beside_a_freeze(name, &names) {
            continue;
        } else if id_of(name).is_some() {
            read(&folder, name, environment, trust, now)
        } else {
            Err("it is no freeze, or its freeze is gone".to_owned())
        };
        let freeze = freeze.unwrap_or_else(|why| unreadable(&folder.join(name), environment, &why));
        let over = freeze.until.is_some_and(|until| until <= now);
        if !over && !is_lifted(authority, &folder, name, environment, trust, now) {
            frozen.push(Frozen { name: name.clone(), freeze });
        }
    }
    Ok(frozen)
}

/// The id of a freeze from the name of its file.
fn id_of(name: &str) -> Option<&str> {
    name.strip_suffix(FILE).filter(|id| !id.is_empty() && !id.ends_with(".thaw"))
}

/// Whether a file belongs to a freeze that is there: its signature, its thaw, or the signature of that.
fn is_beside_a_freeze(name: &str, names: &[String]) -> bool {
    let signed = name.strip_suffix(SIGNATURE).unwrap_or(name);
    let freeze = match signed.strip_suffix(THAW_FILE) {
        Some(id) => format!("{id}{FILE}"),
        None => signed.to_owned(),
    };
    freeze != name && id_of(&freeze).is_some() && names.contains(&freeze)
}

fn read(
    folder: &Path,
    name: &str,
    environment: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> Result<Freeze, String> {
    let sound = signed::read::<FreezeStatement>(&folder.join(name), FREEZE, trust, now)?;
    let statement = sound.content;
    if statement.format != FORMAT {
        return Err(format!("freezes of format {} are not known here", statement.format));
    }
    if statement.environment != *environment || id_of(name) != Some(statement.id.as_str()) {
        return Err("it is a freeze of another place".to_owned());
    }
    Ok(Freeze {
        environment: statement.environment,
        reason: statement.reason,
        by: sound.by.name,
        until: Some(statement.until.into()),
    })
}

fn unreadable(file: &Path, environment: &Slug, why: &str) -> Freeze {
    Freeze {
        environment: environment.clone(),
        reason: format!("what cannot be understood freezes; {why}"),
        by: file.display().to_string(),
        until: None,
    }
}

/// Whether somebody in the role to do so lifted this very freeze.
fn is_lifted(
    authority: &Authority,
    folder: &Path,
    name: &str,
    environment: &Slug,
    trust: &Trust,
    now: SystemTime,
) -> bool {
    let Some(id) = id_of(name) else { return false };
    let thaw = signed::read::<ThawStatement>(&folder.join(format!("{id}{THAW_FILE}")), THAW, trust, now);
    let (Ok(thaw), Ok(freeze)) = (thaw, signed::bytes(&folder.join(name))) else { return false };
    thaw.content.format == FORMAT
        && thaw.content.environment == *environment
        && thaw.content.freeze == Digest::of(&freeze)
        && may_thaw(authority, &thaw.by.role)
}

fn may_thaw(authority: &Authority, role: &Slug) -> bool {
    authority.thaw_roles().is_empty() || authority.thaw_roles().contains(role)
}
