//! Answers while they are being kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fabric_evidence::recording::Entry;
use fabric_model::check::Place;

/// The answers of a run so far.
#[derive(Default)]
pub(crate) struct Keeping(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    turns: Turns,
    entries: Vec<Entry>,
}

/// How often something was asked at each place.
#[derive(Default)]
pub(super) struct Turns(BTreeMap<Place, u32>);

impl Turns {
    /// The number of this observation at its place, from 0.
    pub(super) fn next(&mut self, place: &Place) -> u32 {
        let turn = self.0.entry(place.clone()).or_default();
        let this = *turn;
        *turn = turn.saturating_add(1);
        this
    }
}

impl Keeping {
    pub(super) fn turn(&self, place: &Place) -> u32 {
        self.kept().turns.next(place)
    }

    pub(super) fn keep(&self, entry: Entry) {
        self.kept().entries.push(entry);
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries = self.0.into_inner().unwrap_or_else(PoisonError::into_inner).entries;
        entries.sort_by(|a, b| (&a.place, a.turn).cmp(&(&b.place, b.turn)));
        entries
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
