//! Writes down what happens, in the order in which it happens, after the redactor has been over it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use fabric_evidence::{Event, PacketFolder};
use fabric_model::{Code, Fault, Stage};
use fabric_wire::seam::Clock;

/// The packet of a run while it is being written, shared by its calls.
pub(crate) struct Recorder {
    packet: Mutex<PacketFolder>,
    clock: Arc<dyn Clock>,
}

impl Recorder {
    pub(crate) fn new(packet: PacketFolder, clock: Arc<dyn Clock>) -> Self {
        Self { packet: Mutex::new(packet), clock }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Appends one event.
    ///
    /// # Errors
    /// When the disk does not take it: then nothing more may happen in this run.
    pub(crate) fn record(&self, event: &Event) -> Result<(), Fault> {
        let mut packet = self.packet.lock().unwrap_or_else(PoisonError::into_inner);
        packet.journal().append(self.clock.now(), event).map(drop).map_err(|error| {
            Fault::new(Code::EvidenceUnwritable, Stage::Record, format!("write the journal: {error}"))
                .hint("Check the free space and the owner of the evidence folder; nothing runs unrecorded.")
        })
    }

    /// How long the journal is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.packet.lock().unwrap_or_else(PoisonError::into_inner).journal().length()
    }

    /// Gives the packet back once every call is over.
    pub(crate) fn into_packet(self) -> PacketFolder {
        self.packet.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
