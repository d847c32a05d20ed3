//! How long packets are kept at least, and who may prune them then. Where the trust file says nothing, nothing is pruned.

use fabric_model::Slug;
use fabric_model::site::Realm;
use serde::Deserialize;
use toml::Spanned;

use super::reading::Reading;
use crate::record::RunRecord;

/// One `[[retain]]` of a trust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The realm whose packets it is for; nothing for any.
    pub realm: Option<Realm>,
    /// The site whose packets it is for; nothing for any.
    pub site: Option<Slug>,
    /// The kinds of scripts whose packets it is for; empty for any.
    pub kinds: Vec<Slug>,
    /// How many days they are kept after their seal.
    pub days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    realm: Option<Realm>,
    site: Option<Spanned<String>>,
    #[serde(default)]
    kinds: Vec<Spanned<String>>,
    days: u32,
}

/// `[prune]` of a trust file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prune {
    pruned_as: Vec<Spanned<String>>,
}

impl Reading<'_> {
    pub(super) fn retention(&mut self, entry: Entry) -> Retention {
        let site = self.role_list(entry.site.into_iter().collect()).pop();
        Retention { realm: entry.realm, site, kinds: self.role_list(entry.kinds), days: entry.days }
    }

    pub(super) fn pruners(&mut self, entry: Option<Prune>) -> Vec<Slug> {
        self.role_list(entry.map(|prune| prune.pruned_as).unwrap_or_default())
    }
}

impl Retention {
    pub(crate) fn is_for(&self, run: &RunRecord) -> bool {
        let head = &run.head;
        self.realm.is_none_or(|realm| realm == head.site.realm)
            && self.site.as_ref().is_none_or(|site| *site == head.site.name)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.as_str() == head.script.kind))
    }
}
