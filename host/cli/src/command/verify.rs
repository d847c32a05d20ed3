//! `fabric verify`: holds a packet against itself and against a trust file from outside it.

use std::time::SystemTime;

use fabric_evidence::{Finding, Verified};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;
use serde_json::json;

use crate::args::{Output, Verify};
use crate::place::Place;
use crate::stream::{say, tell};

pub(crate) fn verify(place: &Place, args: &Verify) -> Result<Exit, Refusal> {
    if args.output == Output::Junit {
        return Err(Refusal::new(Exit::Usage, "a verification is no test report: use human or json"));
    }
    if !args.packet.is_dir() {
        return Err(Refusal::new(Exit::NotFound, format!("there is no packet {}", args.packet.display())));
    }
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let result = fabric_evidence::verify(&args.packet, &trust, SystemTime::now());
    match args.output {
        Output::Json => say(document(&result)),
        _ => people(&result),
    }
    Ok(if result.is_ok() { Exit::Done } else { Exit::Verification })
}

fn people(result: &Result<Verified, Vec<Finding>>) {
    match result {
        Ok(verified) => say(verified),
        Err(findings) => {
            findings.iter().for_each(say);
            tell(format_args!("the packet does not verify: {} finding(s)", findings.len()));
        }
    }
}

fn document(result: &Result<Verified, Vec<Finding>>) -> serde_json::Value {
    match result {
        Ok(verified) => json!({
            "schema": "fabric.verify/1",
            "verified": true,
            "run_id": verified.run.head.run_id,
            "exit": verified.run.exit,
            "manifest": verified.manifest,
            "real": verified.run.head.site.realm == Realm::Real,
        }),
        Err(findings) => json!({
            "schema": "fabric.verify/1",
            "verified": false,
            "findings": findings
                .iter()
                .map(|f| json!({"class": f.class, "path": f.path, "message": f.message}))
                .collect::<Vec<_>>(),
        }),
    }
}
