//! `fabric evidence import`: a packet out of one file, if it is one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::{Finding, Trust, Verified, archive, verify};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;

use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct Import {
    /// The archive
    pub(crate) archive: PathBuf,
    /// The folder in which the packet's folder appears
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) into: PathBuf,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

pub(crate) fn import(place: &Place, args: &Import) -> Result<Exit, Refusal> {
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let shown = args.archive.display();
    let file = File::open(&args.archive)
        .map_err(|error| Refusal::new(Exit::NotFound, format!("{shown} cannot be read: {error}")))?;
    let aside = args.into.join(format!(".import-{}", std::process::id()));
    let result = unpacked(&file, &aside, &trust);
    let settled = match &result {
        Ok((name, _)) => archive::settle(&aside, &args.into.join(name)),
        Err(_) => Ok(aside.clone()),
    };
    // It is there only where it was refused, and holds nothing that anybody should meet.
    let _gone = fs::remove_dir_all(&aside);
    match result {
        Ok((name, verified)) => {
            let path = settled.map_err(|error| {
                let message =
                    format!("{} cannot be put in its place: {error}", args.into.join(&name).display());
                Refusal::new(Exit::Configuration, message)
            })?;
            say(&verified);
            say(format_args!("imported: {}", place.shorten(&path)));
            Ok(Exit::Done)
        }
        Err(findings) => {
            findings.iter().for_each(tell);
            say(format_args!(
                "{shown} is no packet that verifies: {} findings, and nothing was kept.",
                findings.len()
            ));
            Ok(Exit::Verification)
        }
    }
}

/// The name that the packet has in the archive, and what it says, if it verifies.
fn unpacked(archive: &File, aside: &Path, trust: &Trust) -> Result<(String, Verified), Vec<Finding>> {
    let name = archive::unpack(archive, aside).map_err(|finding| vec![finding])?;
    Ok((name, verify(aside, trust, SystemTime::now())?))
}
