//! Values that only one owner may have: MAC addresses, IP addresses, VM ids.

use std::collections::BTreeMap;

use super::super::report::Report;

/// The claims to values of one sort.
pub(super) struct Once {
    what: &'static str,
    hint: &'static str,
    claims: Vec<Claim>,
}

struct Claim {
    offset: usize,
    value: String,
    owner: String,
}

impl Once {
    /// No claim yet. `what` is the word for such a value.
    pub(super) fn new(what: &'static str, hint: &'static str) -> Self {
        Self { what, hint, claims: Vec::new() }
    }

    /// Notes that `owner` claims `value` at `path`.
    pub(super) fn claim(
        &mut self,
        report: &Report<'_>,
        path: &[&str],
        value: impl ToString,
        owner: impl Into<String>,
    ) {
        let offset = report.offset(path);
        self.claims.push(Claim { offset, value: value.to_string(), owner: owner.into() });
    }

    /// Records every claim to a value that stands further up in the file already.
    pub(super) fn settle(mut self, report: &mut Report<'_>) {
        self.claims.sort_by_key(|claim| claim.offset);
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for claim in &self.claims {
            if let Some(owner) = owners.get(claim.value.as_str()) {
                let message = format!("{} `{}` is that of {owner} already", self.what, claim.value);
                report.at_offset(claim.offset, message, self.hint);
            } else {
                owners.insert(&claim.value, &claim.owner);
            }
        }
    }
}
