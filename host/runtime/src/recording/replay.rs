//! Answers from a recording. What is not in it is told, and never made up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fabric_evidence::Target;
use fabric_evidence::recording::{Answer, Entry};
use fabric_model::check::Place;
use fabric_model::{Code, Fault, Stage};
use fabric_primitives::Observed;
use tokio::sync::watch;

use super::asked::{Asked, shown, step};
use super::file::Recorded;
use super::keeping::Turns;

/// A recording that answers a run.
pub(crate) struct Replay {
    recorded: Arc<Recorded>,
    asked: Mutex<Progress>,
    missed: watch::Sender<Option<Fault>>,
}

#[derive(Default)]
struct Progress {
    turns: Turns,
    /// Indices of the entries that were asked for.
    used: BTreeSet<usize>,
}

impl Replay {
    pub(super) fn new(recorded: &Arc<Recorded>) -> Self {
        Self { recorded: Arc::clone(recorded), asked: Mutex::default(), missed: watch::Sender::new(None) }
    }

    /// The answer that was recorded for this call, at this place, of these targets.
    ///
    /// # Errors
    /// The fault that was recorded; or [`Code::RecordingMissing`] or [`Code::RecordingTarget`], which end the run.
    pub(super) fn answer(&self, asked: &Asked) -> Result<Observed, Fault> {
        let turn = self.progress().turns.next(&asked.place);
        let found = self.find(&asked.place, turn);
        let refused = match found {
            Some((_, entry)) if entry.call != asked.call => self.unknown(asked, Some(entry)),
            None => self.unknown(asked, None),
            Some((_, entry)) if entry.targets != asked.targets => self.other_target(asked, entry),
            Some((index, entry)) => {
                self.progress().used.insert(index);
                return match &entry.answer {
                    Answer::Seen { output, basis, transport } => {
                        Ok(Observed { output: output.clone(), basis: *basis, transport: transport.clone() })
                    }
                    Answer::Fault(fault) => Err(fault.clone()),
                };
            }
        };
        self.missed.send_if_modified(|first| {
            let none = first.is_none();
            first.get_or_insert_with(|| refused.clone());
            none
        });
        Err(refused)
    }

    pub(super) async fn missed(&self) -> Fault {
        let mut missed = self.missed.subscribe();
        // The sender lives as long as this borrow of it.
        match missed.wait_for(Option::is_some).await.ok().and_then(|first| first.clone()) {
            Some(fault) => fault,
            None => std::future::pending().await,
        }
    }

    pub(super) fn first_missed(&self) -> Option<Fault> {
        self.missed.borrow().clone()
    }

    pub(super) fn unused(&self) -> Option<String> {
        let used = &self.progress().used;
        let mut unused = self.entries().iter().enumerate().filter(|(index, _)| !used.contains(index));
        let (_, first) = unused.next()?;
        let all = unused.count() + 1;
        Some(format!(
            "{all} of {} answers of the recording were not asked for, the first being {} at {}; record it anew with `{}`",
            self.entries().len(),
            shown(&first.primitive, &first.arguments),
            step(&first.place),
            self.recorded.again
        ))
    }

    fn entries(&self) -> &[Entry] {
        &self.recorded.recording.entries
    }

    fn find(&self, place: &Place, turn: u32) -> Option<(usize, &Entry)> {
        let entries = self.entries();
        let index = entries.binary_search_by(|entry| (&entry.place, entry.turn).cmp(&(place, turn))).ok()?;
        entries.get(index).map(|entry| (index, entry))
    }

    fn unknown(&self, asked: &Asked, there: Option<&Entry>) -> Fault {
        let there = match there {
            Some(entry) => format!("{} stands there", shown(&entry.primitive, &entry.arguments)),
            None => "nothing stands there".to_owned(),
        };
        let message = format!(
            "{} at {} is not in the recording: {there}",
            shown(&asked.primitive, &asked.arguments),
            step(&asked.place)
        );
        let fault = Fault::new(Code::RecordingMissing, Stage::Observe, message);
        let elsewhere = self.entries().iter().find(|entry| entry.call == asked.call);
        let fault = match elsewhere {
            Some(entry) => fault.hint(format!(
                "The same call was recorded at {}: the script does other things before it now.",
                step(&entry.place)
            )),
            None => fault,
        };
        self.with_remedy(fault)
    }

    fn other_target(&self, asked: &Asked, entry: &Entry) -> Fault {
        let message = format!(
            "{} at {} was answered by {}, and the site file now says {}",
            shown(&asked.primitive, &asked.arguments),
            step(&asked.place),
            addresses(&entry.targets),
            addresses(&asked.targets)
        );
        self.with_remedy(Fault::new(Code::RecordingTarget, Stage::Observe, message))
    }

    fn with_remedy(&self, fault: Fault) -> Fault {
        fault.hint(format!("Record it anew with `{}`.", self.recorded.again))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn addresses(targets: &[Target]) -> String {
    let one = |target: &Target| {
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        format!("{} ({})", target.name, addresses.join(", "))
    };
    targets.iter().map(one).collect::<Vec<_>>().join(", ")
}
