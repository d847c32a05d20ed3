//! `fabric evidence prune`: which packets may go and why the others stay, and with `--execute` their end.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::prune::{self, Fate, Judged, NotPruned};
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use serde_json::{Value, json};

use crate::args::Output;
use crate::command::approve::role;
use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct Prune {
    /// Packets of the project [default: every one that may go]
    #[arg(value_name = "PACKET")]
    packets: Vec<PathBuf>,
    /// Delete them, and leave a signed tombstone of each
    #[arg(long, requires = "reason")]
    execute: bool,
    /// Why they are deleted
    #[arg(long, value_name = "TEXT", requires = "execute")]
    reason: Option<String>,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE", requires = "execute")]
    role: Option<Slug>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn prune(place: &Place, args: &Prune) -> Result<Exit, Refusal> {
    if args.output == Output::Junit {
        return Err(super::no_report("a list"));
    }
    let operator = place.home.operator()?;
    let (runs, now) = (place.runs(), SystemTime::now());
    let folders = folders(&runs, &args.packets)?;
    if let Some(reason) = args.reason.as_deref().filter(|_| args.execute) {
        if reason.trim().is_empty() {
            return Err(Refusal::new(Exit::Usage, "a reason is words"));
        }
        let role = role(&operator.principal().roles, args.role.as_ref())?;
        let gone = prune::prune(&runs, &folders, &operator.trust, &operator.signer, &role, reason, now)
            .map_err(refused)?;
        shown(args.output, &gone, true);
        tell(format_args!("{} packet(s) pruned", gone.len()));
        return Ok(Exit::Done);
    }
    // Before the first run there is nothing to judge, and no folder.
    let judged = prune::judge(&runs, &operator.trust, now).map_err(|found| refused(NotPruned::Log(found)))?;
    let judged = prune::named(judged, &folders).map_err(refused)?;
    shown(args.output, &judged, false);
    let due = judged.iter().filter(|one| !matches!(one.fate, Fate::Kept(_))).count();
    tell(format_args!("{due} of {} packet(s) may go; nothing was deleted", judged.len()));
    if due > 0 {
        let roles = super::label::listed(operator.trust.pruners());
        match roles.is_empty() {
            true => tell("the trust file lets nobody prune; docs/evidence.md says what `[prune]` is"),
            false => tell(format_args!("add `--execute --reason TEXT` to delete, as {roles}")),
        }
    }
    Ok(Exit::Done)
}

/// The names of packets that lie beside the log.
fn folders(runs: &Path, packets: &[PathBuf]) -> Result<Vec<String>, Refusal> {
    let home = runs.canonicalize().ok();
    packets
        .iter()
        .map(|packet| {
            let above =
                packet.parent().map(|above| if above == Path::new("") { Path::new(".") } else { above });
            let lies_there = above.and_then(|above| above.canonicalize().ok()) == home && home.is_some();
            let name = packet.file_name().and_then(|name| name.to_str()).filter(|_| lies_there);
            name.map(str::to_owned).ok_or_else(|| {
                let message = format!("{} is no packet of {}", packet.display(), runs.display());
                Refusal::new(Exit::NotFound, message)
                    .hint("A packet elsewhere has no log, and is nobody's to prune.")
            })
        })
        .collect()
}

fn shown(output: Output, judged: &[Judged], executed: bool) {
    if output == Output::Json {
        let packets: Vec<Value> = judged.iter().map(|one| document(one, executed)).collect();
        return say(json!({"schema": "fabric.prune/1", "executed": executed, "packets": packets}));
    }
    for Judged { entry, fate } in judged {
        let folder = &entry.folder;
        match fate {
            _ if executed => say(format_args!("pruned  {folder}")),
            Fate::Due(ground) => say(format_args!("goes    {folder}: kept until {}", ground.kept_until)),
            Fate::Unfinished => {
                say(format_args!("goes    {folder}: it has its tombstone, and somebody was interrupted"))
            }
            Fate::Kept(reasons) => say(format_args!("stays   {folder}: {}", reasons.join("; "))),
        }
    }
}

fn document(judged: &Judged, executed: bool) -> Value {
    let entry = &judged.entry;
    let (fate, reasons, kept_until) = match &judged.fate {
        Fate::Due(ground) => ("due", &[][..], Some(ground.kept_until)),
        Fate::Unfinished => ("unfinished", &[][..], None),
        Fate::Kept(reasons) => ("kept", reasons.as_slice(), None),
    };
    json!({
        "folder": entry.folder,
        "run_id": entry.run_id,
        "sealed": entry.sealed,
        "fate": if executed { "pruned" } else { fate },
        "reasons": reasons,
        "kept_until": kept_until,
    })
}

fn refused(error: NotPruned) -> Refusal {
    let message = error.to_string();
    match error {
        NotPruned::Log(findings) => {
            let first = findings.first().map(ToString::to_string).unwrap_or_default();
            Refusal::new(Exit::Verification, message)
                .hint(format!("The first is: {first}"))
                .hint("Nothing is deleted on the word of such a log. Run `fabric evidence log verify`.")
        }
        NotPruned::Kept { .. } => Refusal::new(Exit::Denied, message)
            .hint("Nothing was deleted. `fabric evidence show` says what holds it."),
        NotPruned::Unknown(_) => {
            Refusal::new(Exit::NotFound, message).hint("`fabric evidence list` has the packets of the log.")
        }
        NotPruned::Role(_) => Refusal::new(Exit::Denied, message)
            .hint("Whoever keeps the trust file says in `[prune]` who may; see docs/evidence.md."),
        NotPruned::Tombstone { .. } | NotPruned::Signature(_) => Refusal::new(Exit::Verification, message),
        NotPruned::Key(error) => {
            let hint = error.hint();
            Refusal::new(Exit::Authentication, message).hint(hint)
        }
        NotPruned::Packet(_) => Refusal::new(Exit::Configuration, message)
            .hint("What was begun is finished by the next `fabric evidence prune --execute`."),
    }
}
