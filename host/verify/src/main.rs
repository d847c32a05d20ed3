//! `fabric-verify`: whether an evidence packet is what somebody trusted sealed. Needs the packet and a trust file, and neither
//! network nor any other part of fabric.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use fabric_evidence::{Trust, verify};
use fabric_model::exit::Exit;

/// Verifies an evidence packet offline.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 the packet verifies, 3 the trust file is wrong, 30 it does not verify."
)]
struct Arguments {
    /// The packet's folder.
    packet: PathBuf,
    /// The file that says whose signatures count. Keep it outside the packet.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let trust = match Trust::load(&arguments.trust) {
        Ok(trust) => trust,
        Err(diagnostics) => {
            diagnostics.iter().for_each(|d| eprintln!("{d}"));
            return Exit::Configuration.code().into();
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "this program is the outermost one: nobody could hand it a clock"
    )]
    let now = SystemTime::now();
    match verify(&arguments.packet, &trust, now) {
        Ok(verified) => {
            println!("{verified}");
            Exit::Done.code().into()
        }
        Err(findings) => {
            findings.iter().for_each(|f| eprintln!("{f}"));
            println!("{} does not verify: {} findings.", arguments.packet.display(), findings.len());
            Exit::Verification.code().into()
        }
    }
}
