//! `fabric evidence log`: whether all packets are there, and a signature that says so later.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use fabric_evidence::Trust;
use fabric_evidence::log::audit::{self, Audited};
use fabric_evidence::log::witness;
use fabric_evidence::prune::Tombstone;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;

use crate::command::approve::role;
use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal::plain;

#[derive(Subcommand, Debug)]
pub(crate) enum Log {
    /// Sign the head of the log: from then on it cannot be written anew up to there
    Sign(SignLog),
    /// Find packets that were taken away, replaced, put in later or dated back
    Verify(VerifyLog),
}

#[derive(clap::Args, Debug)]
pub(crate) struct SignLog {
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Slug>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct VerifyLog {
    /// Verify each packet as well
    #[arg(long)]
    pub(crate) packets: bool,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

pub(super) fn verify(place: &Place, args: &VerifyLog) -> Result<Exit, Refusal> {
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    match audit::audit(&place.runs(), &trust, SystemTime::now(), args.packets) {
        Ok(audited) => {
            say(told(&audited, args.packets));
            for Tombstone { folder, at, by, kept_until, reason, .. } in &audited.pruned {
                let reason = plain(reason);
                say(format_args!("pruned: {folder}, kept until {kept_until}, at {at} by {by}: {reason}"));
            }
            Ok(Exit::Done)
        }
        Err(findings) => {
            findings.iter().for_each(say);
            tell(format_args!("the log does not hold: {} finding(s)", findings.len()));
            Ok(Exit::Verification)
        }
    }
}

/// Signs the log as it stands, if it holds.
pub(super) fn sign(place: &Place, args: &SignLog) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let audited = sound(place, &operator.trust)?;
    let Some(last) = audited.lines.last() else {
        return Err(Refusal::new(Exit::NotFound, "there is no log yet")
            .hint("The first run that is sealed begins it."));
    };
    let role = role(&operator.principal().roles, args.role.as_ref())?;
    let path = witness::sign(&place.runs(), last, &operator.signer, role.as_str(), SystemTime::now())
        .map_err(|error| Refusal::new(Exit::Configuration, error.to_string()))?;
    let (count, head) = (audited.packets().count(), last.digest);
    say(format_args!(
        "signed as {role} that the log has {count} packets and ends in {head}: {}",
        place.shorten(&path)
    ));
    tell("keep a copy of it where nobody who runs scripts can write");
    Ok(Exit::Done)
}

fn sound(place: &Place, trust: &Trust) -> Result<Audited, Refusal> {
    audit::audit(&place.runs(), trust, SystemTime::now(), false).map_err(|findings| {
        let first = findings.first().map(ToString::to_string).unwrap_or_default();
        Refusal::new(Exit::Verification, format!("the log does not hold: {} findings", findings.len()))
            .hint(format!("The first is: {first}"))
            .hint("Run `fabric evidence log verify`.")
    })
}

fn told(audited: &Audited, whole: bool) -> String {
    let pruned = match audited.pruned.len() {
        0 => String::new(),
        some => format!(" but {some} that were pruned"),
    };
    let packets = if whole { "of them there and sound" } else { "of them there" };
    let heads = match audited.witnessed.last() {
        Some(last) => {
            format!("; signed up to line {} by {} at {}", last.head.seq + 1, last.by.name, last.by.at)
        }
        None => {
            "; nobody has signed its head, so that whoever can write the folder can write another".to_owned()
        }
    };
    let head = audited.lines.last().map(|line| format!("; head {}", line.digest)).unwrap_or_default();
    format!("the log holds: {} packets, all {packets}{pruned}{head}{heads}.", audited.packets().count())
}
