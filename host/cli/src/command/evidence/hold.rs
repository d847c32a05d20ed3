//! `fabric evidence hold`: packets that are not pruned before somebody releases them.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use fabric_evidence::Stamp;
use fabric_evidence::label::{self, Act, Hold as Held, Standing};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;
use serde_json::{Value, json};

use super::label::{Said, add, ahead, listed};
use super::list::lines;
use crate::args::Output;
use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal::plain;

#[derive(Subcommand, Debug)]
pub(crate) enum Hold {
    /// Hold a packet, beside whatever holds it already
    Declare(Declare),
    /// Put off the review of a hold
    Extend(Extend),
    /// List the holds of the project, the oldest packet first
    List(List),
    /// Release a hold; it stands until everybody signed whom the trust file demands, with `countersign --label`
    Release(Release),
    /// Withdraw the release of a hold, before the packet is pruned; the hold stands, whoever signs that release later
    Withdraw(Withdraw),
}

#[derive(clap::Args, Debug)]
pub(crate) struct Declare {
    /// The packet's folder
    packet: PathBuf,
    /// The name of the hold, such as that of the case
    hold: Slug,
    /// When to look whether it is still needed: RFC 3339 with a zone; nothing ends then
    #[arg(long, value_name = "TIME")]
    review: String,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Extend {
    /// The packet's folder
    packet: PathBuf,
    /// The hold
    hold: Slug,
    /// The next time to look: RFC 3339 with a zone
    #[arg(long, value_name = "TIME")]
    review: String,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Release {
    /// The packet's folder
    packet: PathBuf,
    /// The hold
    hold: Slug,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Withdraw {
    /// The packet's folder
    packet: PathBuf,
    /// The hold
    hold: Slug,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args, Debug)]
pub(crate) struct List {
    /// Released ones too
    #[arg(long)]
    all: bool,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How to print the list
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn hold(place: &Place, command: &Hold) -> Result<Exit, Refusal> {
    match command {
        Hold::Declare(args) => {
            let review = ahead("--review", &args.review)?;
            add(place, &args.packet, Act::HoldDeclare { hold: args.hold.clone(), review }, &args.said)
        }
        Hold::Extend(args) => {
            let review = ahead("--review", &args.review)?;
            add(place, &args.packet, Act::HoldExtend { hold: args.hold.clone(), review }, &args.said)
        }
        Hold::Release(args) => {
            add(place, &args.packet, Act::HoldRelease { hold: args.hold.clone() }, &args.said)
        }
        Hold::Withdraw(args) => {
            add(place, &args.packet, Act::HoldReleaseWithdraw { hold: args.hold.clone() }, &args.said)
        }
        Hold::List(args) => list(place, args),
    }
}

/// A packet that does not verify may be held, and nobody can say: the list is then not whole.
fn list(place: &Place, args: &List) -> Result<Exit, Refusal> {
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let trust = trust.without_requirements();
    let (runs, now) = (place.runs(), SystemTime::now());
    let mut holds = Vec::new();
    let mut unclear = 0;
    for line in lines(place)? {
        let Some(entry) = line.entry.packet() else { continue };
        let dir = runs.join(&entry.folder);
        if !runs.join(label::FOLDER).join(&entry.folder).exists() || !dir.exists() {
            continue;
        }
        match fabric_evidence::verify(&dir, &trust, now) {
            Ok(verified) => {
                let labels = &verified.labels;
                let wanted = labels.holds.iter().filter(|hold| args.all || !hold.released);
                holds.extend(wanted.map(|hold| (entry.folder.clone(), hold.clone(), labels.clone())));
            }
            Err(findings) => {
                unclear += 1;
                findings.iter().for_each(|finding| tell(format_args!("{}: {finding}", entry.folder)));
            }
        }
    }
    match args.output {
        Output::Human => {
            for (folder, hold, labels) in &holds {
                say(format_args!("{folder}  {}", shown(hold, labels, Stamp::of(now))));
            }
        }
        Output::Json => {
            let holds: Vec<Value> =
                holds.iter().map(|(folder, hold, labels)| document(folder, hold, labels)).collect();
            say(json!({"schema": "fabric.holds/1", "holds": holds, "unclear": unclear}));
        }
        Output::Junit => return Err(super::no_report("a list")),
    }
    if unclear == 0 {
        return Ok(Exit::Done);
    }
    tell(format_args!("{unclear} labelled packet(s) do not verify; whether they are held nobody can say"));
    Ok(Exit::Verification)
}

/// A hold on one line.
pub(super) fn shown(hold: &Held, labels: &Standing, now: Stamp) -> String {
    let declared = labels.label(hold.declared);
    let by = declared.and_then(|signed| signed.signers.iter().find(|one| one.fingerprint == signed.label.by));
    let by = by.map(|signer| plain(&signer.name)).unwrap_or_default();
    let reason = declared.map(|signed| plain(&signed.label.reason)).unwrap_or_default();
    let state = match (hold.released, hold.release) {
        (true, Some(release)) => format!("released by label {release}"),
        (_, Some(release)) => {
            let lacking = labels.label(release).map(|signed| listed(&signed.lacking)).unwrap_or_default();
            format!("held; label {release} would release it and lacks {lacking}")
        }
        _ => "held".to_owned(),
    };
    let review = match hold.review < now && !hold.released {
        true => format!("review is due since {}", hold.review),
        false => format!("review at {}", hold.review),
    };
    format!("{}: {state}; declared by {by}: {reason}; {review}", hold.id)
}

fn document(folder: &str, hold: &Held, labels: &Standing) -> Value {
    let mut document = facts(hold, labels);
    if let Some(members) = document.as_object_mut() {
        members.insert("packet".to_owned(), json!(folder));
    }
    document
}

/// A hold for programs.
pub(super) fn facts(hold: &Held, labels: &Standing) -> Value {
    let declared = labels.label(hold.declared).map(|signed| &signed.label);
    let lacking = hold.release.and_then(|release| labels.label(release)).map(|signed| &signed.lacking);
    json!({
        "hold": hold.id,
        "declared_at": declared.map(|label| label.at),
        "declared_by": declared.map(|label| &label.by),
        "reason": declared.map(|label| &label.reason),
        "review": hold.review,
        "released": hold.released,
        "release": hold.release,
        "release_lacks": lacking,
    })
}
