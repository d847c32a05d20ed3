//! Approvals: who consents to which plan, as a statement of in-toto that lies in no packet.
//!
//! What counts is a detached OpenPGP signature over the statement, as under everything else that people sign, so that cards approve too.
//! Where the approver's key is in a file, a DSSE envelope with the same statement and that key's own signature lies beside it, for
//! programs that read those. It adds nothing to the approval, and one that says anything else spoils it.

use std::time::SystemTime;

use fabric_model::{Digest, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attestation::{self, PublicKey, Statement, Subject};
use crate::canonical;
use crate::event::WindowRecord;
use crate::fingerprint::Fingerprint;
use crate::key::{KeyError, openpgp_failed};
use crate::manifest;
use crate::plan;
use crate::signer::Signer;
use crate::stamp::Stamp;
use crate::statement;
use crate::trust::Trust;
use crate::verify::{Finding, SignedBy};

/// What the signature of an approval means.
const INTENT: &str = "approve";

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://fabric.samakia.net/attestation/approval/v1";

/// `approval/v1`: to what somebody consents, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Who approves: the certificate of the signature.
    pub approver: Fingerprint,
    /// Where the plan may be executed.
    pub environments: Vec<Slug>,
    /// Who may execute it.
    pub executor: Fingerprint,
    /// From when on it does not count.
    pub expires: Stamp,
    /// When it was given.
    pub made: Stamp,
    /// What makes it usable once.
    pub nonce: Slug,
    /// Why it is approved, in the approver's words.
    pub reason: String,
    /// The role in which he approves: that of the signature.
    pub role: Slug,
    /// When the plan may be executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowRecord>,
}

/// What an approval is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The plan.
    pub plan: Digest,
    /// The manifest of the packet in which the approver read it. Another packet with the same plan is as good.
    pub packet: Digest,
}

/// An approval as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The statement: canonical JSON without a line end.
    pub statement: Vec<u8>,
    /// The detached OpenPGP signature over it.
    pub signature: Vec<u8>,
    /// The DSSE envelope; none where the key is not in a file.
    pub envelope: Option<Vec<u8>>,
}

/// An approval whose signatures are good.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// What it is about.
    pub about: About,
    /// To what somebody consents.
    pub approval: Approval,
    /// Who.
    pub by: SignedBy,
}

impl Approval {
    /// Signs it, as its approver in its role.
    ///
    /// # Errors
    /// When the key cannot sign now.
    pub fn give(&self, about: About, signer: &Signer, now: SystemTime) -> Result<Given, KeyError> {
        let statement = Statement::new(subjects(about), PREDICATE_TYPE, self);
        let statement = canonical::bytes(&statement).map_err(openpgp_failed)?;
        let signature = signer.sign(&statement, self.role.as_str(), INTENT, now)?;
        let envelope = attestation::envelope_of(&statement, signer)?;
        Ok(Given { statement, signature, envelope })
    }
}

impl Given {
    /// What is approved and by whom: somebody trusted, in a role of his, who signed this and nothing else.
    ///
    /// # Errors
    /// Why it does not count, in the classes of a packet's signatures and statements.
    pub fn read(&self, trust: &Trust, now: SystemTime) -> Result<Sound, Finding> {
        let by = statement::verify(&self.statement, &self.signature, INTENT, trust, now)?;
        let form = |error: &dyn std::fmt::Display| Finding::whole("statement.form", error.to_string());
        let read: Statement<Approval> = canonical::read(&self.statement).map_err(|error| form(&error))?;
        if canonical::bytes(&read).map_err(|error| form(&error))? != self.statement {
            return Err(form(&"it holds what no approval has"));
        }
        if read.predicate_type != PREDICATE_TYPE || read.of_type != attestation::STATEMENT_TYPE {
            let message = format!("it is a statement of `{}`, not of an approval", read.predicate_type);
            return Err(Finding::whole("statement.type", message));
        }
        let about = about(&read.subject)
            .ok_or_else(|| Finding::whole("statement.form", "it is not about one plan and its packet"))?;
        let approval = read.predicate;
        if approval.approver != by.fingerprint || approval.role != by.role {
            let message =
                format!("it is by `{}` as `{}`, who did not sign it", approval.approver, approval.role);
            return Err(Finding::whole("statement.differs", message));
        }
        if let Some(envelope) = &self.envelope {
            self.says_the_same(envelope, by.key.as_ref())?;
        }
        Ok(Sound { about, approval, by })
    }

    fn says_the_same(&self, envelope: &[u8], key: Option<&PublicKey>) -> Result<(), Finding> {
        let keys: Vec<&PublicKey> = key.into_iter().collect();
        attestation::check(envelope, &self.statement, &keys)
            .map_err(|refused| Finding::whole(refused.class, format!("its envelope: {}", refused.message)))
    }
}

/// The files of a packet whose digests these are, sorted.
fn subjects(about: About) -> Vec<Subject> {
    vec![Subject::new(plan::PATH, about.plan), Subject::new(manifest::NAME, about.packet)]
}

fn about(subjects: &[Subject]) -> Option<About> {
    let [plan, packet] = subjects else { return None };
    let about = About { plan: plan.sha256(), packet: packet.sha256() };
    (self::subjects(about) == subjects).then_some(about)
}
