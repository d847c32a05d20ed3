//! `fabric evidence notarize`: a timestamp for every signature of a packet, or of the tombstone in its place.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fabric_evidence::Trust;
use fabric_evidence::prune::{self, Buried};
use fabric_evidence::timestamp::Authority;
use fabric_model::exit::Exit;
use fabric_runtime::home::read_trust;
use fabric_runtime::{Refusal, notary};

use super::{sound, unsound};
use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct Notarize {
    /// The packet's folder, also of one that was pruned
    packet: PathBuf,
    /// The authority by its name in the trust file, where it names several
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How long to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    time_limit: u64,
}

pub(super) fn notarize(place: &Place, args: &Notarize) -> Result<Exit, Refusal> {
    let trust_path = args.trust.clone().unwrap_or_else(|| place.home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let authority = authority(&trust, args.authority.as_deref())?;
    let verified;
    let buried = buried(&args.packet, &trust)?;
    let signatures = match &buried {
        Some((runs, buried)) => buried.signatures(runs),
        None => {
            verified = sound(&args.packet, &trust)?;
            notary::signatures(&args.packet, &verified)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the runtime cannot be started: {error}")))?;
    let patience = Duration::from_secs(args.time_limit);
    let stamped = runtime.block_on(notary::notarize(signatures, &trust, authority, patience))?;
    if stamped.is_empty() {
        tell("every signature has a timestamp already");
    }
    for one in &stamped {
        let (signer, at, answer) = (&one.signer, one.attested.at, place.shorten(&one.answer));
        say(format_args!("`{}` saw the signature by {signer} at {at}: {answer}", one.attested.authority));
    }
    Ok(Exit::Done)
}

/// What is left of a packet that is gone, and the folder in which it lay; nothing where it was not pruned.
fn buried(packet: &Path, trust: &Trust) -> Result<Option<(PathBuf, Buried)>, Refusal> {
    let name = packet.file_name().and_then(|name| name.to_str());
    let (Some(runs), Some(name), false) = (packet.parent(), name, packet.exists()) else { return Ok(None) };
    let found =
        prune::buried(runs, name, trust, SystemTime::now()).map_err(|finding| unsound(packet, &[finding]))?;
    Ok(found.map(|buried| (runs.to_owned(), buried)))
}

/// The authority of that name, else the only one.
fn authority<'a>(trust: &'a Trust, wanted: Option<&str>) -> Result<&'a Authority, Refusal> {
    let known = || trust.authorities().iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
    match (wanted, trust.authorities()) {
        (_, []) => Err(Refusal::new(Exit::Configuration, "the trust file names no timestamp authority")
            .hint("Add a `[[timestamp_authority]]` with name, certificates and url; see docs/evidence.md.")),
        (None, [only]) => Ok(only),
        (None, _) => Err(Refusal::new(Exit::Usage, "the trust file names several timestamp authorities")
            .hint(format!("Add `--authority NAME` with one of: {}.", known()))),
        (Some(wanted), all) => all.iter().find(|one| one.name == wanted).ok_or_else(|| {
            Refusal::new(Exit::NotFound, format!("the trust file names no timestamp authority `{wanted}`"))
                .hint(format!("It has: {}.", known()))
        }),
    }
}
