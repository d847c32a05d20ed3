//! `fabric evidence export`: a packet as one file.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use fabric_evidence::archive;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;

use super::sound;
use crate::place::Place;
use crate::stream::say;

#[derive(clap::Args, Debug)]
pub(crate) struct Export {
    /// The packet's folder
    pub(crate) packet: PathBuf,
    /// The archive, which must not be there yet [default: the run's id, and .tar]
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

pub(crate) fn export(place: &Place, args: &Export) -> Result<Exit, Refusal> {
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let verified = sound(&args.packet, &read_trust(&trust_path)?.0)?;
    let name = verified.run.head.run_id.as_str();
    let to = args.to.clone().unwrap_or_else(|| format!("{name}.tar").into());
    let unwritable = |error: &dyn std::fmt::Display| {
        Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", to.display()))
    };
    let mut new = OpenOptions::new();
    let file = new.write(true).create_new(true).mode(0o600).open(&to).map_err(|e| unwritable(&e))?;
    archive::write(&args.packet, name, &file).map_err(|e| unwritable(&e))?;
    file.sync_all().map_err(|e| unwritable(&e))?;
    say(format_args!("{}: manifest {}", place.shorten(&to), verified.manifest));
    Ok(Exit::Done)
}
