//! `fabric verify`: holds a packet against itself and against a trust file from outside it.

use std::path::Path;
use std::time::SystemTime;

use fabric_evidence::verify::{SignedBy, has_manifest};
use fabric_evidence::{Finding, Verified};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;
use serde_json::json;

use crate::args::{self, Output, Verify};
use crate::place::Place;
use crate::stream::{say, tell};

pub(crate) fn verify(place: &Place, args: &Verify) -> Result<Exit, Refusal> {
    if args.output == Output::Junit {
        return Err(Refusal::new(Exit::Usage, "a verification is no test report: use human or json"));
    }
    is_packet(&args.packet)?;
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let verified = fabric_evidence::verify(&args.packet, &trust, SystemTime::now());
    let result = match args.realm {
        Some(realm) => {
            verified.and_then(|packet| packet.of_realm(model(realm)).map_err(|finding| vec![finding]))
        }
        None => verified,
    };
    match args.output {
        Output::Json => say(document(&result)),
        _ => people(&result),
    }
    Ok(if result.is_ok() { Exit::Done } else { Exit::Verification })
}

/// That a folder can be a packet at all, before anything is said about it.
pub(super) fn is_packet(packet: &Path) -> Result<(), Refusal> {
    if !packet.is_dir() {
        return Err(no_packet(format!("there is no packet {}", packet.display())));
    }
    if !has_manifest(packet) {
        return Err(no_packet(format!("{} is no packet: it has no manifest.sha256", packet.display())));
    }
    Ok(())
}

fn no_packet(what: String) -> Refusal {
    Refusal::new(Exit::NotFound, what)
        .hint("Packets lie under evidence/runs of the project; `fabric recover` seals those of killed runs.")
}

pub(super) fn model(realm: args::Realm) -> Realm {
    match realm {
        args::Realm::Real => Realm::Real,
        args::Realm::Lab => Realm::Lab,
        args::Realm::Twin => Realm::Twin,
    }
}

pub(super) fn people(result: &Result<Verified, Vec<Finding>>) {
    match result {
        Ok(verified) => say(verified),
        Err(findings) => {
            findings.iter().for_each(say);
            tell(format_args!("the packet does not verify: {} finding(s)", findings.len()));
        }
    }
}

pub(super) fn document(result: &Result<Verified, Vec<Finding>>) -> serde_json::Value {
    match result {
        Ok(verified) => json!({
            "schema": "fabric.verify/1",
            "verified": true,
            "run_id": verified.run.head.run_id,
            "exit": verified.run.exit,
            "manifest": verified.manifest,
            "real": verified.realm() == Realm::Real && !verified.is_offline(),
            "offline": verified.is_offline(),
            "realm": verified.realm(),
            "recovered": verified.run.recovery.is_some(),
            "signers": verified.signers.iter().map(signer).collect::<Vec<_>>(),
            "severity": verified.labels.severity,
            "held": verified.labels.held().map(|hold| &hold.id).collect::<Vec<_>>(),
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

/// A signature; `attested` is null where its time is the signer's own word.
pub(super) fn signer(signed: &SignedBy) -> serde_json::Value {
    let attested = signed.attested.as_ref().map(|attested| {
        json!({
            "authority": attested.authority,
            "at": attested.at,
            "policy": attested.policy,
            "serial": attested.serial,
        })
    });
    json!({
        "name": signed.name,
        "fingerprint": signed.fingerprint,
        "role": signed.role,
        "intent": signed.intent,
        "at": signed.at,
        "attested": attested,
    })
}
