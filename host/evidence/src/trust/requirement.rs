//! What a packet must have beside its seal, so that one person alone, or a clock that was set back, is not enough.

use fabric_model::Slug;
use fabric_model::site::Realm;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::reading::Reading;
use crate::head::Act;
use crate::label::Standing;
use crate::record::RunRecord;
use crate::verify::{Finding, SignedBy};

/// One `[[require]]` of a trust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The realm whose packets it is for; nothing for any.
    pub realm: Option<Realm>,
    /// What those runs did; empty for anything.
    pub acts: Vec<Act>,
    /// The kinds of their scripts; empty for any.
    pub kinds: Vec<Slug>,
    /// What such a packet must have.
    pub demand: Demand,
    /// Whether it needs a statement in in-toto's form.
    pub statement: bool,
    /// Whether it needs a severity that somebody signed.
    pub classified: bool,
}

/// Signatures and timestamps beside a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The roles in which others than the sealer must have countersigned, each by a certificate of its own.
    pub countersigned_as: Vec<Slug>,
    /// Whether each signature needs a timestamp.
    pub timestamps: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    realm: Option<Realm>,
    #[serde(default, deserialize_with = "filled")]
    acts: Vec<Act>,
    #[serde(default, deserialize_with = "filled")]
    kinds: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "filled")]
    countersigned_as: Vec<Spanned<String>>,
    #[serde(default)]
    timestamps: bool,
    #[serde(default)]
    statement: bool,
    #[serde(default)]
    classified: bool,
}

/// A list with something in it. An empty one looks as if it let nothing through, and would let everything.
pub(super) fn filled<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(D::Error::custom(
            "an empty list would let everything through: leave it out, or name what counts",
        ));
    }
    Ok(list)
}

impl Reading<'_> {
    pub(super) fn requirement(&mut self, entry: Spanned<Entry>) -> Requirement {
        let (span, entry) = (entry.span(), entry.into_inner());
        let demands =
            [entry.timestamps, entry.statement, entry.classified, !entry.countersigned_as.is_empty()];
        if !demands.contains(&true) {
            let hint = "Say what such packets must have, such as `timestamps = true`, or remove it.";
            self.fault(span, "this `[[require]]` demands nothing", hint);
        }
        let countersigned_as = self.role_list(entry.countersigned_as);
        Requirement {
            realm: entry.realm,
            acts: entry.acts,
            kinds: self.role_list(entry.kinds),
            demand: Demand { countersigned_as, timestamps: entry.timestamps },
            statement: entry.statement,
            classified: entry.classified,
        }
    }

    /// Names of one word each.
    pub(super) fn role_list(&mut self, stated: Vec<Spanned<String>>) -> Vec<Slug> {
        let mut words = Vec::new();
        for word in stated {
            match word.get_ref().parse() {
                Ok(parsed) => words.push(parsed),
                Err(error) => {
                    let hint = "Write it as one word, such as `security`.";
                    self.fault(word.span(), format!("{error}"), hint);
                }
            }
        }
        words
    }
}

impl Requirement {
    pub(super) fn is_for(&self, run: &RunRecord) -> bool {
        let head = &run.head;
        self.realm.is_none_or(|realm| realm == head.site.realm)
            && (self.acts.is_empty() || self.acts.contains(&head.act))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.as_str() == head.script.kind))
    }

    /// What a packet lacks.
    pub(super) fn lacks(&self, signers: &[SignedBy], has_statement: bool, labels: &Standing) -> Vec<Finding> {
        let mut found = self.demand.lacks(signers);
        if self.statement && !has_statement {
            let message = "the trust file demands a statement in in-toto's form";
            found.push(Finding::whole("statement.required", message));
        }
        if self.classified && labels.severity.is_none() {
            let message = "the trust file demands a severity that somebody signed";
            found.push(Finding::whole("label.required", message));
        }
        found
    }
}

impl Demand {
    /// What a packet lacks. A certificate has one signature and one role in it, so that nobody stands for two.
    pub(super) fn lacks(&self, signers: &[SignedBy]) -> Vec<Finding> {
        let others = signers.iter().filter(|signer| signer.is_countersignature());
        let mut found: Vec<Finding> = missing(&self.countersigned_as, others)
            .into_iter()
            .map(|role| {
                let message = format!(
                    "the trust file demands a countersignature as `{role}` by a certificate of its own"
                );
                Finding::whole("signature.required", message)
            })
            .collect();
        for signer in signers.iter().filter(|signer| self.timestamps && signer.attested.is_none()) {
            let message = format!("the trust file demands a timestamp of the signature by `{}`", signer.name);
            found.push(Finding::whole("timestamp.required", message));
        }
        found
    }
}

/// The roles in which nobody of these signed. A signature stands for one role, and a certificate has one signature.
pub(crate) fn missing<'a>(roles: &[Slug], signers: impl Iterator<Item = &'a SignedBy>) -> Vec<Slug> {
    let mut left: Vec<&SignedBy> = signers.collect();
    let mut lacking = Vec::new();
    for role in roles {
        match left.iter().position(|signer| signer.role == *role) {
            Some(place) => {
                left.remove(place);
            }
            None => lacking.push(role.clone()),
        }
    }
    lacking
}
