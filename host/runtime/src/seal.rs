//! Sealing a packet in the name of an operator, and what it is like where secrets stand in the way.

use std::path::Path;
use std::sync::Arc;

use fabric_evidence::PacketFolder;
use fabric_evidence::packet::{PacketError, Sealed};
use fabric_evidence::scan::Finding;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_redact::{Redactor, What};

use crate::home::Operator;
use crate::refusal::Refusal;
use crate::wall;

/// The most findings that are listed; `fabric evidence scan` lists all.
const LISTED: usize = 20;

/// Seals a packet and forgets its run. It is scanned for what the redactor knows and for what looks like a secret.
///
/// # Errors
/// When it cannot be written or signed, or a secret stands in it; the folder stays as it is then, and `fabric recover` takes it up.
pub(crate) fn seal(
    packet: PacketFolder,
    operator: &Operator,
    intent: &str,
    redactor: Arc<Redactor>,
    exits: &[Exit],
) -> Result<Sealed, Refusal> {
    let role = operator.principal().roles.first().map_or("none", Slug::as_str).to_owned();
    let dir = packet.dir().to_owned();
    let sealed =
        packet.knowing(redactor).seal(&operator.signer, &role, intent, wall::now()).map_err(|error| {
            match error {
                PacketError::Secrets(findings) => secrets(&dir, &findings, exits),
                error => Refusal::new(Exit::Bug, format!("the packet cannot be sealed: {error}")),
            }
        })?;
    operator.started.forget(&sealed.run.head.run_id);
    Ok(sealed)
}

/// That secrets keep a packet from being sealed: where and what, never the value. What else the run came to wins where it is worse.
pub(crate) fn secrets(dir: &Path, findings: &[Finding], exits: &[Exit]) -> Refusal {
    let exit = exits.iter().fold(Exit::Unrecovered, |worst, exit| worst.worst(*exit));
    let count = if findings.len() == 1 { "a secret stands" } else { "secrets stand" };
    let mut message = format!("the packet is not sealed: {count} in {}", dir.display());
    for finding in findings.iter().take(LISTED) {
        message.push_str(&format!("\n  {finding}"));
    }
    if findings.len() > LISTED {
        message.push_str(&format!("\n  and {} more", findings.len() - LISTED));
    }
    let run = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refusal = Refusal::new(exit, message)
        .hint("What the run did to the site is over: it was taken back as always, and only the evidence waits. Nothing has to be done at once.");
    if findings.iter().any(|finding| matches!(finding.what, What::Known(_))) {
        return refusal.hint(
            "Rotate the secrets that are known by their handles, and remove the folder when nobody needs it: it is sealed by no command.",
        );
    }
    refusal
        .hint(format!(
            "Look at those lines. If none is a secret, `fabric recover {run} --vouch --reason TEXT` seals it, and your word is in it."
        ))
        .hint("If one is a secret, rotate it; then say so as the reason, or remove the folder when nobody needs it.")
}
