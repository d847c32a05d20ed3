//! `fabric evidence`: what is done with packets after they were sealed.

mod attest;
mod countersign;
mod diff;
mod export;
mod hold;
mod import;
mod label;
mod list;
mod log;
mod notarize;
mod prune;
mod public_key;
mod scan;
mod show;

use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::{Finding, Trust, Verified};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use crate::args::Evidence;
use crate::place::Place;

pub(crate) use attest::Attest;
pub(crate) use diff::Diff;
pub(crate) use export::Export;
pub(crate) use hold::Hold;
pub(crate) use import::Import;
pub(crate) use label::{Classify, Retain};
pub(crate) use log::Log;
pub(crate) use notarize::Notarize;
pub(crate) use prune::Prune;
pub(crate) use public_key::PublicKey;
pub(crate) use scan::Scan;
pub(crate) use show::Show;

pub(crate) fn evidence(place: &Place, command: &Evidence) -> Result<Exit, Refusal> {
    match command {
        Evidence::Attest(args) => attest::attest(place, args),
        Evidence::Classify(args) => label::classify(place, args),
        Evidence::Countersign(args) => countersign::countersign(place, args),
        Evidence::Export(args) => export::export(place, args),
        Evidence::Import(args) => import::import(place, args),
        Evidence::Diff(args) => diff::diff(place, args),
        Evidence::Hold(command) => hold::hold(place, command),
        Evidence::List(args) => list::list(place, args),
        Evidence::Log(Log::Sign(args)) => log::sign(place, args),
        Evidence::Log(Log::Verify(args)) => log::verify(place, args),
        Evidence::Notarize(args) => notarize::notarize(place, args),
        Evidence::Scan(args) => scan::scan(place, args),
        Evidence::Prune(args) => prune::prune(place, args),
        Evidence::PublicKey(args) => public_key::public_key(args),
        Evidence::Retain(args) => label::retain(place, args),
        Evidence::Show(args) => show::show(place, args),
    }
}

/// A packet that is sound. What the trust file demands beside the seal may be missing: it is what these commands add.
fn sound(packet: &Path, trust: &Trust) -> Result<Verified, Refusal> {
    verified(packet, &trust.without_requirements())
}

/// A packet that verifies.
fn verified(packet: &Path, trust: &Trust) -> Result<Verified, Refusal> {
    crate::command::verify::is_packet(packet)?;
    fabric_evidence::verify(packet, trust, SystemTime::now()).map_err(|findings| unsound(packet, &findings))
}

fn unsound(packet: &Path, findings: &[Finding]) -> Refusal {
    let message = format!("{} does not verify: {} findings", packet.display(), findings.len());
    let first = findings.first().map(ToString::to_string).unwrap_or_default();
    Refusal::new(Exit::Verification, message)
        .hint(format!("The first is: {first}"))
        .hint("Run `fabric verify` on it.")
}

/// These commands have no test results.
fn no_report(what: &str) -> Refusal {
    Refusal::new(Exit::Usage, format!("{what} is no test report: use human or json"))
}
