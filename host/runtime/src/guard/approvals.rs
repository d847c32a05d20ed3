//! Approvals: who consents to which plan, as signed files of the authority.

use std::path::Path;
use std::time::{Duration, SystemTime};

use fabric_connect::SystemEntropy;
use fabric_evidence::event::WindowRecord;
use fabric_evidence::{Fingerprint, Signer, Stamp, Trust};
use fabric_gate::{Approval, Principal, Window};
use fabric_model::exit::Exit;
use fabric_model::{Digest, Fault, Slug};
use fabric_wire::seam::Entropy as _;
use serde::{Deserialize, Serialize};

use super::authority::{Authority, unreachable};
use super::signed::{self, SIGNATURE, Sound};
use crate::refusal::Refusal;

/// What the signature of an approval means.
const INTENT: &str = "approve";

/// The only version of approvals so far.
const FORMAT: u32 = 1;

/// An approval as it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// The version of this form: 1.
    format: u32,
    /// The plan.
    plan: Digest,
    /// Where it may be executed.
    environments: Vec<Slug>,
    /// Who may execute it.
    executor: Fingerprint,
    /// When it may be executed.
    window: Option<WindowRecord>,
    /// What makes it usable once.
    nonce: Slug,
    /// Why it is approved, in the approver's words.
    reason: String,
    /// When it was given.
    made: Stamp,
    /// From when on it does not count.
    expires: Stamp,
}

/// What somebody consents to.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The plan.
    pub plan: Digest,
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
    let statement = Statement {
        format: FORMAT,
        plan: consent.plan,
        environments: consent.environments.clone(),
        executor: consent.executor.clone(),
        window: consent.window.map(record),
        nonce: nonce()?,
        reason: consent.reason.clone(),
        made: Stamp::of(now),
        expires: Stamp::of(now.checked_add(consent.lasts).unwrap_or(now)),
    };
    let folder = authority.approvals().join(consent.plan.to_string());
    signed::make_below(&folder).map_err(|error| Refusal::from(unreachable(&folder, &error)))?;
    let file = folder.join(format!("{}.json", signer.fingerprint()));
    signed::write(&file, &statement, signer, &consent.role, INTENT, now)
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
    ) -> Result<(Vec<Approval>, Vec<String>), Fault> {
        let folder = self.approvals().join(plan.to_string());
        let names = signed::names(&folder).map_err(|error| unreachable(&folder, &error))?;
        let (mut sound, mut unsound) = (Vec::new(), Vec::new());
        for name in names.iter().filter(|name| !is_signature_of_one(name, &names)) {
            match read(&folder.join(name), name, trust, now) {
                Ok((statement, approver, role)) => {
                    let used = self.is_used(&statement.nonce)?;
                    sound.push(approval(statement, approver, role, used));
                }
                Err(why) => unsound.push(format!("{}: {why}", name.escape_debug())),
            }
        }
        Ok((sound, unsound))
    }
}

fn is_signature_of_one(name: &str, names: &[String]) -> bool {
    name.strip_suffix(SIGNATURE).is_some_and(|signed| names.iter().any(|other| other == signed))
}

fn read(
    file: &Path,
    name: &str,
    trust: &Trust,
    now: SystemTime,
) -> Result<(Statement, Principal, Slug), String> {
    let Sound { content, by, .. } = signed::read::<Statement>(file, INTENT, trust, now)?;
    // Otherwise one key could lie there under many names.
    if name != format!("{}.json", by.fingerprint) {
        return Err(format!("an approval by {} belongs in {}.json", by.name, by.fingerprint));
    }
    if content.format != FORMAT {
        return Err(format!("approvals of format {} are not known here", content.format));
    }
    let roles = trust.roles_of(&by.fingerprint).to_vec();
    Ok((content, Principal { fingerprint: by.fingerprint.to_string(), roles }, by.role))
}

fn approval(statement: Statement, approver: Principal, role: Slug, used: bool) -> Approval {
    Approval {
        approver,
        role,
        plan: statement.plan,
        environments: statement.environments,
        executor: statement.executor.to_string(),
        window: statement.window.map(|window| Window { start: window.start.into(), end: window.end.into() }),
        nonce: statement.nonce.to_string(),
        made: statement.made.into(),
        expires: statement.expires.into(),
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
