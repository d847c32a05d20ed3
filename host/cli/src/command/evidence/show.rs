//! `fabric evidence show`: what a packet says, who signed it, what was said of it since, and what the trust file demands. Nothing of a
//! packet that does not verify is shown.

use std::path::PathBuf;
use std::time::SystemTime;

use fabric_evidence::label::Standing;
use fabric_evidence::trust::Demand;
use fabric_evidence::verify::SignedBy;
use fabric_evidence::{Stamp, Trust, Verified};
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;
use serde_json::{Value, json};

use super::{hold, label};
use crate::args::Output;
use crate::command::verify;
use crate::place::Place;
use crate::stream::say;
use crate::terminal::plain;

#[derive(clap::Args, Debug)]
pub(crate) struct Show {
    /// The packet's folder
    packet: PathBuf,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn show(place: &Place, args: &Show) -> Result<Exit, Refusal> {
    if args.output == Output::Junit {
        return Err(super::no_report("a packet"));
    }
    verify::is_packet(&args.packet)?;
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let now = SystemTime::now();
    let result = fabric_evidence::verify(&args.packet, &trust, now);
    let Ok(verified) = &result else {
        match args.output {
            Output::Json => say(verify::document(&result)),
            _ => verify::people(&result),
        }
        return Ok(Exit::Verification);
    };
    match args.output {
        Output::Json => {
            let mut document = verify::document(&result);
            if let Some(members) = document.as_object_mut() {
                members.insert("schema".to_owned(), json!("fabric.packet/1"));
                members.insert("run".to_owned(), json!(verified.run));
                members.insert("checks".to_owned(), json!(verified.checks.checks));
                members.insert("labels".to_owned(), json!(labels(&verified.labels)));
                members.insert("holds".to_owned(), json!(holds(&verified.labels)));
                members.insert("kept_until".to_owned(), json!(kept_until(&trust, verified)));
            }
            say(document);
        }
        _ => people(&trust, verified, Stamp::of(now)).iter().for_each(say),
    }
    Ok(Exit::Done)
}

fn people(trust: &Trust, verified: &Verified, now: Stamp) -> Vec<String> {
    let mut lines = run(verified);
    let bad = verified.checks.checks.iter().filter(|check| check.status != Status::Pass);
    lines.extend(bad.map(|check| format!("  {:<9} {}", check.status.as_str(), plain(&check.title))));
    lines.push("signatures".to_owned());
    lines.extend(verified.signers.iter().map(signature));
    let labels = &verified.labels;
    if !labels.labels.is_empty() {
        lines.push("labels".to_owned());
        lines.extend(labels.labels.iter().map(|signed| format!("  {}", label::line(signed))));
    }
    if !labels.holds.is_empty() {
        lines.push("holds".to_owned());
        lines.extend(labels.holds.iter().map(|one| format!("  {}", hold::shown(one, labels, now))));
    }
    lines.push("the trust file demands, and the packet has".to_owned());
    let demanded = demands(trust, verified);
    lines.extend(match demanded.is_empty() {
        true => vec!["  nothing beside the seal".to_owned()],
        false => demanded,
    });
    let held = labels.held().count();
    lines.push(match kept_until(trust, verified) {
        _ if held > 0 => format!("kept until {held} hold(s) are released"),
        None => "kept: no rule says for how long".to_owned(),
        Some(until) => format!("kept until {until}"),
    });
    lines
}

fn run(verified: &Verified) -> Vec<String> {
    let (run, head) = (&verified.run, &verified.run.head);
    let no_evidence = match verified.realm() {
        _ if verified.is_offline() => ", offline: no evidence of any site",
        Realm::Real => "",
        Realm::Lab | Realm::Twin => ": no evidence of the real site",
    };
    let mut lines = vec![
        format!("packet {} verifies", head.run_id),
        format!(
            "  script    {}: {} ({})",
            plain(&head.script.path),
            plain(&head.script.title),
            plain(&head.script.kind)
        ),
        format!("  site      {} ({}){no_evidence}", head.site.name, head.site.realm.as_str()),
        format!("  run       {} to {}, {}", head.started, run.ended, head.mode.as_str()),
        format!("  ended as  {}", run.exit),
    ];
    if let Some(verdicts) = run.verdicts {
        lines.push(format!(
            "  verdicts  hypothesis {}, injection {}, restoration {}",
            verdicts.hypothesis.as_str(),
            verdicts.injection.as_str(),
            verdicts.restoration.as_str()
        ));
    }
    if let Some(severity) = verified.labels.severity {
        lines.push(format!("  severity  {severity}"));
    }
    lines.push(format!("  manifest  {}", verified.manifest));
    let counts = run.counts;
    lines.push(format!(
        "{} checks: {} pass, {} fail, {} error, {} skip, {} deferred",
        counts.total(),
        counts.pass,
        counts.fail,
        counts.error,
        counts.skip,
        counts.deferred
    ));
    lines
}

fn signature(signer: &SignedBy) -> String {
    let SignedBy { name, fingerprint, role, intent, at, attested, .. } = signer;
    let seen = match attested {
        Some(attested) => format!("existed at {} by {}", attested.at, plain(&attested.authority)),
        None => "by his own clock".to_owned(),
    };
    format!("  {} ({fingerprint}) as {role}, {}, at {at}, {seen}", plain(name), plain(intent))
}

/// What the packet has because it must.
fn demands(trust: &Trust, verified: &Verified) -> Vec<String> {
    let mut lines = Vec::new();
    for one in trust.requirements_for(&verified.run) {
        lines.extend(demanded(&one.demand));
        if one.statement {
            lines.push("  an in-toto statement".to_owned());
        }
        if one.classified {
            lines.push("  a severity that somebody signed".to_owned());
        }
    }
    if let Some(level) = verified.labels.severity.and_then(|severity| trust.level(severity)) {
        lines.extend(
            demanded(&level.demand).into_iter().map(|line| format!("{line}, for {}", level.severity)),
        );
    }
    lines
}

fn demanded(demand: &Demand) -> Vec<String> {
    let mut lines: Vec<String> =
        demand.countersigned_as.iter().map(|role| format!("  a countersignature as {role}")).collect();
    if demand.timestamps {
        lines.push("  a timestamp of every signature".to_owned());
    }
    lines
}

fn kept_until(trust: &Trust, verified: &Verified) -> Option<Stamp> {
    trust.kept_until(&verified.run, &verified.labels, verified.sealed())
}

fn labels(standing: &Standing) -> Vec<Value> {
    let signers = |signers: &[SignedBy]| signers.iter().map(verify::signer).collect::<Vec<_>>();
    standing
        .labels
        .iter()
        .map(|signed| {
            json!({
                "label": signed.label,
                "digest": signed.digest,
                "signers": signers(&signed.signers),
                "lacks": signed.lacking,
            })
        })
        .collect()
}

fn holds(standing: &Standing) -> Vec<Value> {
    standing.holds.iter().map(|one| hold::facts(one, standing)).collect()
}
