//! Approvals: who consents to which plan, as signed files of the authority.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fabric_connect::SystemEntropy;
use fabric_evidence::approval::{About, Approval, Given, Sound};
use fabric_evidence::event::WindowRecord;
use fabric_evidence::{Fingerprint, Signer, Stamp, Trust};
use fabric_gate::{Approval as Counting, Principal, Window};
use fabric_model::exit::Exit;
use fabric_model::{Digest, Fault, Slug};
use fabric_wire::seam::Entropy as _;

use super::authority::{Authority, unreachable};
use super::signed::{self, SIGNATURE};
use crate::refusal::Refusal;

/// What is appended to the name of an approval for its DSSE envelope.
const ENVELOPE: &str = ".dsse";

/// What somebody consents to.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The plan, and the packet in which he read it.
    pub about: About,
    /// Where it may be executed.
    pub environments: Vec<Slug>,
    /// Who may execute it.
    pub executor: Fingerprint,
    /// When it may be executed, where the executor will state a window.
    pub window: Option<Window>,
    /// Why.
    pub reason: String,
    /// How long it counts.
    pub lasts: Duration,
    /// The role in which he signs.
    pub role: Slug,
}

/// Signs a consent and puts it where the executor's host finds it. One that he gave before for the same plan is replaced.
///
/// # Errors
/// When he would approve what he executes himself, or when it cannot be signed or written.
pub fn approve(
    authority: &Authority,
    consent: &Consent,
    signer: &Signer,
    now: SystemTime,
) -> Result<(), Refusal> {
    if consent.executor == *signer.fingerprint() {
        return Err(Refusal::new(Exit::Approval, "nobody approves what he executes himself")
            .hint("Have another principal approve it, with `--home` naming his own folder."));
    }
    let approval = Approval {
        approver: signer.fingerprint().clone(),
        environments: consent.environments.clone(),
        executor: consent.executor.clone(),
        expires: Stamp::of(now.checked_add(consent.lasts).unwrap_or(now)),
        made: Stamp::of(now),
        nonce: nonce()?,
        reason: consent.reason.clone(),
        role: consent.role.clone(),
        window: consent.window.map(record),
    };
    let given = approval.give(consent.about, signer, now).map_err(signed::unsigned)?;
    let folder = authority.approvals().join(consent.about.plan.to_string());
    signed::make_below(&folder).map_err(|error| Refusal::from(unreachable(&folder, &error)))?;
    let file = folder.join(format!("{}.json", signer.fingerprint()));
    put(&file, &given).map_err(|error| signed::unwritable(&file, &error))
}

/// What makes the approval one comes last, so that nobody meets it without the rest.
fn put(file: &Path, given: &Given) -> io::Result<()> {
    let envelope = signed::beside(file, ENVELOPE);
    match &given.envelope {
        Some(bytes) => signed::put(&envelope, bytes)?,
        // One of an approval before this one says something else.
        None => match fs::remove_file(&envelope) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
    }
    signed::put(&signed::beside(file, SIGNATURE), &given.signature)?;
    signed::put(file, &given.statement)
}

impl Authority {
    /// The approvals of a plan whose signatures are good, and what else lies among them, each with the reason.
    ///
    /// # Errors
    /// `guard.authority` when they cannot be looked for.
    pub(super) fn approvals_of(
        &self,
        plan: Digest,
        trust: &Trust,
        now: SystemTime,
    ) -> Result<(Vec<Counting>, Vec<String>), Fault> {
        let folder = self.approvals().join(plan.to_string());
        let names = signed::names(&folder).map_err(|error| unreachable(&folder, &error))?;
        let (mut sound, mut unsound) = (Vec::new(), Vec::new());
        for name in names.iter().filter(|name| !is_part_of_one(name, &names)) {
            match read(&folder.join(name), name, trust, now) {
                Ok(found) => {
                    let used = self.is_used(&found.approval.nonce)?;
                    let roles = trust.roles_of(&found.by.fingerprint).to_vec();
                    sound.push(counting(found, roles, used));
                }
                Err(why) => unsound.push(format!("{}: {why}", name.escape_debug())),
            }
        }
        Ok((sound, unsound))
    }
}

fn is_part_of_one(name: &str, names: &[String]) -> bool {
    let whole = [SIGNATURE, ENVELOPE].iter().find_map(|end| name.strip_suffix(end));
    whole.is_some_and(|whole| names.iter().any(|other| other == whole))
}

fn read(file: &Path, name: &str, trust: &Trust, now: SystemTime) -> Result<Sound, String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let envelope = match signed::bytes(&signed::beside(file, ENVELOPE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        bytes => Some(bytes.map_err(unreadable)?),
    };
    let statement = signed::bytes(file).map_err(unreadable)?;
    let given = Given { statement, signature: signed::bytes_of_signature(file)?, envelope };
    let sound = given.read(trust, now).map_err(|finding| finding.to_string())?;
    // Otherwise one key could lie there under many names.
    if name != format!("{}.json", sound.by.fingerprint) {
        let by = &sound.by;
        return Err(format!("an approval by {} belongs in {}.json", by.name, by.fingerprint));
    }
    Ok(sound)
}

fn counting(sound: Sound, roles: Vec<Slug>, used: bool) -> Counting {
    let Sound { about, approval, by } = sound;
    Counting {
        approver: Principal { fingerprint: by.fingerprint.to_string(), roles },
        role: by.role,
        plan: about.plan,
        environments: approval.environments,
        executor: approval.executor.to_string(),
        window: approval.window.map(|window| Window { start: window.start.into(), end: window.end.into() }),
        nonce: approval.nonce.to_string(),
        made: approval.made.into(),
        expires: approval.expires.into(),
        used,
    }
}

/// A window as evidence writes it.
pub(super) fn record(window: Window) -> WindowRecord {
    WindowRecord { start: Stamp::of(window.start), end: Stamp::of(window.end) }
}

/// 128 random bits: nobody meets one twice.
pub(super) fn nonce() -> Result<Slug, Refusal> {
    let mut random = [0; 16];
    SystemEntropy
        .fill(&mut random)
        .map_err(|error| Refusal::new(Exit::Bug, format!("there is no randomness: {error}")))?;
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    text.parse().map_err(|error| Refusal::new(Exit::Bug, format!("{error}")))
}
