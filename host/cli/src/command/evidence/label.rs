//! `fabric evidence classify` and `retain`, and what labels of every kind share.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::label::{self, Act, Added, NotLabelled, Signed};
use fabric_evidence::verify::SignedBy;
use fabric_evidence::{Severity, Stamp};
use fabric_gate::Window;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;

use super::unsound;
use crate::command::approve::role;
use crate::place::Place;
use crate::stream::{say, tell};
use crate::terminal::plain;

#[derive(clap::Args, Debug)]
pub(crate) struct Classify {
    /// The packet's folder
    packet: PathBuf,
    /// How severe: S0 no incident, S1 low, S2 medium, S3 high, S4 critical
    severity: Severity,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Retain {
    /// The packet's folder
    packet: PathBuf,
    /// Until when it is kept at least: RFC 3339 with a zone, such as 2028-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    until: String,
    #[command(flatten)]
    said: Said,
}

/// What every label has.
#[derive(clap::Args, Debug)]
pub(super) struct Said {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The role in which you sign, where you have several
    #[arg(long, value_name = "ROLE")]
    role: Option<Slug>,
}

pub(super) fn classify(place: &Place, args: &Classify) -> Result<Exit, Refusal> {
    add(place, &args.packet, Act::Classify { severity: args.severity }, &args.said)
}

pub(super) fn retain(place: &Place, args: &Retain) -> Result<Exit, Refusal> {
    let until = ahead("--until", &args.until)?;
    add(place, &args.packet, Act::Retain { until }, &args.said)
}

/// Adds a label, signed by the operator.
pub(super) fn add(place: &Place, packet: &Path, act: Act, said: &Said) -> Result<Exit, Refusal> {
    crate::command::verify::is_packet(packet)?;
    let operator = place.home.operator()?;
    let role = role(&operator.principal().roles, said.role.as_ref())?;
    let now = SystemTime::now();
    let added = label::add(packet, act, &said.reason, &operator.signer, &role, &operator.trust, now)
        .map_err(|error| refused(packet, error))?;
    told(packet, &added);
    Ok(Exit::Done)
}

/// Signs the label of somebody else.
pub(super) fn countersign(
    place: &Place,
    packet: &Path,
    number: u64,
    wanted: Option<&Slug>,
) -> Result<Exit, Refusal> {
    let operator = place.home.operator()?;
    let standing = super::sound(packet, &operator.trust)?.labels;
    let signed = standing.label(number).ok_or_else(|| refused(packet, NotLabelled::Unknown(number)))?;
    let roles = &operator.principal().roles;
    // Of several roles, the only one that is asked for.
    let asked: Vec<&Slug> = roles.iter().filter(|role| signed.lacking.contains(role)).collect();
    let wanted = wanted.or(if let [only] = asked.as_slice() { Some(only) } else { None });
    let role = role(roles, wanted)?;
    // Read before it is signed: what a signature is under should be no surprise.
    say(line(signed));
    let now = SystemTime::now();
    let added = label::countersign(packet, number, &operator.signer, &role, &operator.trust, now)
        .map_err(|error| refused(packet, error))?;
    told(packet, &added);
    Ok(Exit::Done)
}

fn told(packet: &Path, added: &Added) {
    let Some(signed) = added.verified.labels.label(added.seq) else { return };
    say(line(signed));
    let lacking = listed(&signed.lacking);
    if !lacking.is_empty() {
        let effect = match signed.label.act {
            Act::HoldRelease { .. } => "the packet stays held until then",
            Act::Classify { .. } => "the packet does not verify until then",
            Act::Retain { .. }
            | Act::HoldDeclare { .. }
            | Act::HoldExtend { .. }
            | Act::HoldReleaseWithdraw { .. } => "it counts already",
        };
        tell(format_args!("it also takes a signature as {lacking}; {effect}"));
        let path = packet.display();
        tell(format_args!("  fabric evidence countersign {path} --label {} --role ROLE", added.seq));
    }
}

/// A label on one line.
pub(super) fn line(signed: &Signed) -> String {
    let label = &signed.label;
    let by: Vec<String> = signed.signers.iter().map(signer).collect();
    let lacking = match listed(&signed.lacking) {
        none if none.is_empty() => none,
        roles => format!("; lacks {roles}"),
    };
    let (said, reason) = (said(&label.act), plain(&label.reason));
    format!(
        "label {} of {}: {said}; reason: {reason}; signed by {}{lacking}",
        label.seq,
        label.at,
        by.join(", ")
    )
}

fn signer(signer: &SignedBy) -> String {
    format!("{} as {}", plain(&signer.name), signer.role)
}

fn said(act: &Act) -> String {
    match act {
        Act::Classify { severity } => format!("classified as {severity}"),
        Act::Retain { until } => format!("kept until {until}"),
        Act::HoldDeclare { hold, review } => format!("held as {hold}, to be reviewed at {review}"),
        Act::HoldExtend { hold, review } => format!("hold {hold} extended, to be reviewed at {review}"),
        Act::HoldRelease { hold } => format!("hold {hold} released"),
        Act::HoldReleaseWithdraw { hold } => format!("release of hold {hold} withdrawn"),
    }
}

pub(super) fn listed(roles: &[Slug]) -> String {
    roles.iter().map(Slug::as_str).collect::<Vec<_>>().join(", ")
}

/// A time that lies ahead.
pub(super) fn ahead(option: &str, text: &str) -> Result<Stamp, Refusal> {
    let at = Window::parse(text, text).map_err(|fault| {
        let hint = "Write date, time and zone, such as 2028-01-01T00:00:00Z.";
        Refusal::new(Exit::Usage, format!("{option}: {}", fault.message)).hint(hint)
    })?;
    if at.end <= SystemTime::now() {
        return Err(Refusal::new(Exit::Usage, format!("{option}: {text} is over already")));
    }
    Ok(Stamp::of(at.end))
}

fn refused(packet: &Path, error: NotLabelled) -> Refusal {
    let shown = packet.display();
    match error {
        NotLabelled::Unverified(findings) => unsound(packet, &findings),
        NotLabelled::Refused(finding) => {
            let (exit, hint) = match finding.class {
                "label.role" => {
                    (Exit::Denied, "The trust file says who may, at the level of the packet's severity.")
                }
                "label.level" => {
                    (Exit::Configuration, "Add a `[[severity]]` to the trust file; see docs/evidence.md.")
                }
                "label.story" => (Exit::Usage, "`fabric evidence show` lists what was said of the packet."),
                _ => (Exit::Verification, "A verifier would refuse such a label."),
            };
            Refusal::new(exit, finding.message).hint(hint)
        }
        NotLabelled::Unlisted => Refusal::new(Exit::NotFound, format!("{shown}: {error}"))
            .hint("Label a packet where it was sealed: a copy of it holds nothing."),
        NotLabelled::Unknown(_) => Refusal::new(Exit::NotFound, error.to_string())
            .hint(format!("Run `fabric evidence show {shown}` to see its labels.")),
        NotLabelled::SignedBefore(_) => Refusal::new(Exit::Usage, error.to_string())
            .hint("A second signature is by somebody else: one certificate counts once."),
        NotLabelled::Reason => Refusal::new(Exit::Usage, error.to_string()),
        NotLabelled::Key(error) => {
            let hint = error.hint();
            Refusal::new(Exit::Authentication, error.to_string()).hint(hint)
        }
        NotLabelled::Packet(error) => Refusal::new(Exit::Configuration, error.to_string()),
    }
}
