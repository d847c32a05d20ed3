//! The one place at which an observation is made, kept, or answered from a recording.

use std::future::Future;

use fabric_evidence::recording::{Answer, Recording};
use fabric_model::Fault;
use fabric_primitives::Observed;

use super::Source;
use super::asked::Asked;
use super::keeping::Keeping;
use super::replay::Replay;
use fabric_redact::Redactor;

/// How the observations of a run are answered.
pub(crate) enum Answers {
    /// By the site.
    Asked,
    /// By the site, and each is kept.
    Kept(Keeping),
    /// By a recording.
    Replayed(Replay),
}

impl Answers {
    pub(crate) fn from(source: &Source) -> Self {
        match source {
            Source::Site => Self::Asked,
            Source::Kept => Self::Kept(Keeping::default()),
            Source::Recording(recorded) => Self::Replayed(Replay::new(recorded)),
        }
    }

    /// The answer to a call that was granted: of `live`, which asks the site, unless it is replayed. Then `live` is never polled.
    ///
    /// # Errors
    /// The fault of the call, or that the recording does not answer it.
    pub(crate) async fn to(
        &self,
        asked: impl FnOnce() -> Asked,
        redactor: &Redactor,
        live: impl Future<Output = Result<Observed, Fault>>,
    ) -> Result<Observed, Fault> {
        match self {
            Self::Asked => live.await,
            Self::Kept(keeping) => {
                let asked = asked();
                let turn = keeping.turn(&asked.place);
                let seen = live.await;
                keeping.keep(asked.into_entry(turn, answer(redactor, &seen)));
                seen
            }
            Self::Replayed(replay) => replay.answer(&asked()),
        }
    }

    /// Returns once a call was not answered by the recording. Never for a run that asks the site.
    pub(crate) async fn missed(&self) -> Fault {
        match self {
            Self::Asked | Self::Kept(_) => std::future::pending().await,
            Self::Replayed(replay) => replay.missed().await,
        }
    }

    /// The first call that the recording did not answer.
    pub(crate) fn first_missed(&self) -> Option<Fault> {
        match self {
            Self::Asked | Self::Kept(_) => None,
            Self::Replayed(replay) => replay.first_missed(),
        }
    }

    /// What to say of answers that nobody asked for; none where there are none.
    pub(crate) fn unused(&self) -> Option<String> {
        match self {
            Self::Asked | Self::Kept(_) => None,
            Self::Replayed(replay) => replay.unused(),
        }
    }

    /// Adds what was kept to a recording; none where nothing is kept.
    pub(crate) fn into_recording(self, empty: impl FnOnce() -> Recording) -> Option<Recording> {
        match self {
            Self::Kept(keeping) => Some(Recording { entries: keeping.into_entries(), ..empty() }),
            Self::Asked | Self::Replayed(_) => None,
        }
    }
}

fn answer(redactor: &Redactor, seen: &Result<Observed, Fault>) -> Answer {
    match seen {
        Ok(seen) => Answer::Seen {
            output: redactor.redact_value(seen.output.clone()),
            basis: seen.basis,
            transport: redactor.redact(&seen.transport),
        },
        Err(fault) => Answer::Fault(redactor.redact_fault(fault.clone())),
    }
}
