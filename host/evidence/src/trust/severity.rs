//! What hangs on the severity of a packet: who classifies it, what it must have beside its seal, how long it is kept, and who holds
//! and releases it.

use std::ops::Range;

use fabric_model::Slug;
use serde::Deserialize;
use toml::Spanned;

use super::reading::Reading;
use super::requirement::Demand;
use crate::severity::Severity;

/// The role without which nobody's hold is released.
const LEGAL: &str = "legal";

/// One `[[severity]]` of a trust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Which.
    pub severity: Severity,
    /// The roles in which a packet is classified so, each by a certificate of its own.
    pub classified_as: Vec<Slug>,
    /// What such a packet must have beside its seal.
    pub demand: Demand,
    /// How many days it is kept at least.
    pub retain_days: u32,
    /// The roles in which a hold is declared, each by a certificate of its own.
    pub held_as: Vec<Slug>,
    /// The roles in which one is released, each by a certificate of its own; at least two, and `legal` among them.
    pub released_as: Vec<Slug>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    level: Spanned<String>,
    classified_as: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    countersigned_as: Vec<Spanned<String>>,
    #[serde(default)]
    timestamps: bool,
    retain_days: u32,
    held_as: Spanned<Vec<Spanned<String>>>,
    released_as: Spanned<Vec<Spanned<String>>>,
}

impl Reading<'_> {
    /// The levels, the least severe first.
    pub(super) fn levels(&mut self, entries: Vec<Entry>) -> Vec<Level> {
        let mut levels: Vec<(Range<usize>, Level)> = Vec::new();
        for entry in entries {
            let span = entry.level.span();
            let Some(level) = self.level(entry) else { continue };
            if levels.iter().any(|(_, other)| other.severity == level.severity) {
                self.fault(span.clone(), "this level stands twice", "Give each level one entry.");
            }
            levels.push((span, level));
        }
        levels.sort_by_key(|(_, level)| level.severity);
        for ((_, lower), (span, higher)) in levels.iter().zip(levels.iter().skip(1)) {
            if let Some(what) = higher.asks_less_than(lower) {
                let message = format!("{what} than {}, which is less severe", lower.severity);
                self.fault(span.clone(), message, "Ask of a higher level what a lower one asks, or more.");
            }
        }
        levels.into_iter().map(|(_, level)| level).collect()
    }

    fn level(&mut self, entry: Entry) -> Option<Level> {
        let severity = entry.level.get_ref().parse::<Severity>();
        if let Err(error) = severity {
            self.fault(entry.level.span(), error.to_string(), "Write it like `level = \"S3\"`.");
        }
        let classified_as = self.signing_roles(entry.classified_as);
        let countersigned_as = self.role_list(entry.countersigned_as);
        let held_as = self.signing_roles(entry.held_as);
        let span = entry.released_as.span();
        let released_as = self.signing_roles(entry.released_as);
        if released_as.len() < 2 || !released_as.iter().any(|role| role.as_str() == LEGAL) {
            let hint =
                "Write two roles or more with `legal` among them, such as `[\"security\", \"legal\"]`.";
            self.fault(span, "a hold is released by two people, and legal is one of them", hint);
        }
        Some(Level {
            severity: severity.ok()?,
            classified_as,
            demand: Demand { countersigned_as, timestamps: entry.timestamps },
            retain_days: entry.retain_days,
            held_as,
            released_as,
        })
    }

    /// Roles of which at least one must sign.
    fn signing_roles(&mut self, stated: Spanned<Vec<Spanned<String>>>) -> Vec<Slug> {
        if stated.get_ref().is_empty() {
            let hint = "Name at least one role, such as `security`.";
            self.fault(stated.span(), "without a role nobody could do this", hint);
        }
        self.role_list(stated.into_inner())
    }
}

impl Level {
    /// What makes this level laxer than one below it.
    fn asks_less_than(&self, lower: &Self) -> Option<&'static str> {
        let fewer = |own: &[Slug], others: &[Slug]| own.len() < others.len();
        if self.retain_days < lower.retain_days {
            Some("it is kept for a shorter time")
        } else if lower.demand.timestamps && !self.demand.timestamps {
            Some("it asks for fewer timestamps")
        } else if fewer(&self.demand.countersigned_as, &lower.demand.countersigned_as) {
            Some("it asks for fewer countersignatures")
        } else if fewer(&self.classified_as, &lower.classified_as) {
            Some("fewer people classify it")
        } else if fewer(&self.released_as, &lower.released_as) {
            Some("fewer people release it")
        } else {
            None
        }
    }
}
