//! Writes down what happens, in the order in which it happens, after the redactor has been over it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use fabric_evidence::event::RunHead;
use fabric_evidence::journal::JournalError;
use fabric_evidence::{Event, PacketFolder};
use fabric_model::{Code, Fault, Stage};
use fabric_wire::seam::Clock;

use crate::redacted;
use crate::refusal::Refusal;
use crate::started::Started;
use fabric_redact::Redactor;

/// The packet of a run while it is being written, shared by its calls.
pub(crate) struct Recorder {
    packet: Mutex<PacketFolder>,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
}

impl Recorder {
    pub(crate) fn new(packet: PacketFolder, clock: Arc<dyn Clock>, redactor: Arc<Redactor>) -> Self {
        Self { packet: Mutex::new(packet), clock, redactor }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Appends the first event. It is noted in the operator's folder before, so that there is no moment in which a killed host
    /// leaves a run that cannot be recovered.
    ///
    /// # Errors
    /// When the note or the line cannot be written: then the run does not begin.
    pub(crate) fn begin(&self, head: RunHead, started: &Started) -> Result<(), Refusal> {
        let (now, run_id) = (self.clock.now(), head.run_id.clone());
        let event = Event::RunStarted { head: Box::new(redacted::head(&self.redactor, head)) };
        let mut packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        let first_line = packet.journal().digest_of(now, &event).map_err(|e| unwritable(&e))?;
        started.note(&run_id, first_line)?;
        packet.journal().append(now, &event).map_err(|e| unwritable(&e))?;
        Ok(())
    }

    /// Appends one event, without the secrets that are known.
    ///
    /// # Errors
    /// When the disk does not take it: then nothing more may happen in this run.
    pub(crate) fn record(&self, event: &Event) -> Result<(), Fault> {
        let event = &redacted::event(&self.redactor, event.clone());
        let mut packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        packet.journal().append(self.clock.now(), event).map(drop).map_err(|e| unwritable(&e))
    }

    /// Appends one event, and returns once it is on the disk for good.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(crate) fn record_synced(&self, event: &Event) -> Result<(), Fault> {
        self.record(event)?;
        let mut packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        packet.journal().sync().map_err(|e| unwritable(&e))
    }

    /// Adds a file to the packet. Its path begins with `artifacts/`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(crate) fn artifact(&self, path: &str, bytes: &[u8]) -> Result<(), Fault> {
        let name = path.strip_prefix("artifacts/").unwrap_or(path);
        let packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        packet.artifact(name, bytes).map_err(|error| {
            Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("write `{name}`: {error}"))
                .hint("Check the free space and the owner of the evidence folder.")
        })
    }

    /// How long the journal is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.packet.lock().unwrap_or_else(PoisonError::into_inner).journal().length()
    }

    /// What it redacts with.
    pub(crate) fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.redactor)
    }

    /// Gives the packet back once every call is over.
    pub(crate) fn into_packet(self) -> PacketFolder {
        self.packet.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritable(error: &JournalError) -> Fault {
    Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("write the journal: {error}"))
        .hint("Check the free space and the owner of the evidence folder; nothing runs unrecorded.")
}
