//! `fabric evidence`: what is done with packets after they were sealed.

pub(crate) mod attest;
mod countersign;
pub(crate) mod export;
pub(crate) mod import;
mod list;
pub(crate) mod log;
mod notarize;
pub(crate) mod public_key;
pub(crate) mod scan;

use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::{Trust, Verified};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use crate::args::{Evidence, Log};
use crate::place::Place;

pub(crate) fn evidence(place: &Place, command: &Evidence) -> Result<Exit, Refusal> {
    match command {
        Evidence::Attest(args) => attest::attest(place, args),
        Evidence::Countersign(args) => countersign::countersign(place, args),
        Evidence::Export(args) => export::export(place, args),
        Evidence::Import(args) => import::import(place, args),
        Evidence::List(args) => list::list(place, args),
        Evidence::Log(Log::Sign(args)) => log::sign(place, args),
        Evidence::Log(Log::Verify(args)) => log::verify(place, args),
        Evidence::Notarize(args) => notarize::notarize(place, args),
        Evidence::Scan(args) => scan::scan(place, args),
        Evidence::PublicKey(args) => public_key::public_key(args),
    }
}

/// A packet that is sound. What the trust file demands beside the seal may be missing: it is what these commands add.
fn sound(packet: &Path, trust: &Trust) -> Result<Verified, Refusal> {
    fabric_evidence::verify(packet, &trust.without_requirements(), SystemTime::now()).map_err(|findings| {
        let message = format!("{} does not verify: {} findings", packet.display(), findings.len());
        let first = findings.first().map(ToString::to_string).unwrap_or_default();
        Refusal::new(Exit::Verification, message)
            .hint(format!("The first is: {first}"))
            .hint("Run `fabric verify` on it.")
    })
}
