//! What a packet must have beside its seal, so that one person alone, or a clock that was set back, is not enough.

use fabric_model::Slug;
use fabric_model::site::Realm;
use serde::Deserialize;
use toml::Spanned;

use super::reading::Reading;
use crate::head::Act;
use crate::record::RunRecord;
use crate::verify::{Finding, SignedBy};

/// One `[[require]]` of a trust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The realm whose packets it is for; nothing for any.
    pub realm: Option<Realm>,
    /// What those runs did; empty for anything.
    pub acts: Vec<Act>,
    /// The roles in which others than the sealer must have countersigned, each by a certificate of its own.
    pub countersigned_as: Vec<Slug>,
    /// Whether each signature needs a timestamp.
    pub timestamps: bool,
    /// Whether it needs a statement in in-toto's form.
    pub statement: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    realm: Option<Realm>,
    #[serde(default)]
    acts: Vec<Act>,
    #[serde(default)]
    countersigned_as: Vec<Spanned<String>>,
    #[serde(default)]
    timestamps: bool,
    #[serde(default)]
    statement: bool,
}

impl Reading<'_> {
    pub(super) fn requirement(&mut self, entry: Entry) -> Requirement {
        let Entry { realm, acts, countersigned_as, timestamps, statement } = entry;
        let mut roles = Vec::new();
        for role in countersigned_as {
            match role.get_ref().parse() {
                Ok(role) => roles.push(role),
                Err(error) => {
                    let hint = "Write a role as one word, such as `security`.";
                    self.fault(role.span(), format!("{error}"), hint);
                }
            }
        }
        Requirement { realm, acts, countersigned_as: roles, timestamps, statement }
    }
}

impl Requirement {
    fn is_for(&self, run: &RunRecord) -> bool {
        let head = &run.head;
        self.realm.is_none_or(|realm| realm == head.site.realm)
            && (self.acts.is_empty() || self.acts.contains(&head.act))
    }

    /// What a packet lacks. A certificate has one signature and one role in it, so that nobody stands for two.
    pub(crate) fn lacks(&self, run: &RunRecord, signers: &[SignedBy], has_statement: bool) -> Vec<Finding> {
        if !self.is_for(run) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut left: Vec<&SignedBy> = signers.iter().filter(|signer| signer.is_countersignature()).collect();
        for role in &self.countersigned_as {
            match left.iter().position(|signer| signer.role == *role) {
                Some(place) => {
                    left.remove(place);
                }
                None => {
                    let message = format!(
                        "the trust file demands a countersignature as `{role}` by a certificate of its own"
                    );
                    found.push(Finding::whole("signature.required", message));
                }
            }
        }
        for signer in signers.iter().filter(|signer| self.timestamps && signer.attested.is_none()) {
            let message = format!("the trust file demands a timestamp of the signature by `{}`", signer.name);
            found.push(Finding::whole("timestamp.required", message));
        }
        if self.statement && !has_statement {
            let message = "the trust file demands a statement in in-toto's form";
            found.push(Finding::whole("statement.required", message));
        }
        found
    }
}
