//! The malicious end of the door.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use fabric_model::confinement::Confinement;
use fabric_model::door::{self, FromWorker, Reply, Start};
use fabric_script::confine::{Unconfined, close_inherited, confine};
use serde_json::{Value as Json, json};

use crate::attacks::{Attack, Begins};

/// What an attack speaks through.
pub(crate) struct Door(UnixStream);

/// Plays the worker of an attack, until the host ends it.
pub(crate) fn attack(attack: &Attack) -> ExitCode {
    #[cfg(fabric_removable_protections)]
    fabric_model::protection::remove(&std::env::args().nth(2).unwrap_or_default())
        .expect("names of protections");
    let _closed = close_inherited();
    let Ok(stream) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut door = Door(UnixStream::from(stream));
    if attack.begins == Begins::Confined {
        let Ok(confinement) = door.confine() else { return ExitCode::FAILURE };
        door.confined(confinement);
        if door::read::<Start>(&mut door.0).is_err() {
            return ExitCode::FAILURE;
        }
    }
    (attack.act)(&mut door);
    ExitCode::SUCCESS
}

impl Door {
    /// Locks this process down.
    pub(crate) fn confine(&self) -> Result<Confinement, Unconfined> {
        confine(&self.0)
    }

    /// The same door, for another thread.
    pub(crate) fn another(&self) -> Self {
        Self(self.0.try_clone().expect("it may have a few"))
    }

    /// Says that it is confined so.
    pub(crate) fn confined(&mut self, confinement: Confinement) {
        let frame = FromWorker::Confined { version: door::VERSION, confinement };
        self.raw(&door::encode(&frame).unwrap_or_default());
    }

    /// Sends these bytes. A host that has hung up is what an attack must expect.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Sends a frame of this text.
    pub(crate) fn text(&mut self, body: &[u8]) {
        self.raw(&framed(body));
    }

    /// Sends a frame.
    pub(crate) fn say(&mut self, frame: Json) {
        self.text(frame.to_string().as_bytes());
    }

    /// Sends the last frame of a sound worker.
    pub(crate) fn end(&mut self) {
        self.say(json!({"frame": "end", "outcome": {"outcome": "finished"}}));
    }

    /// Waits for a reply.
    pub(crate) fn reply(&mut self) {
        let _ = door::read::<Reply>(&mut self.0);
    }

    /// Says nothing more, and reads whatever comes until the host hangs up.
    pub(crate) fn linger(&mut self) {
        let mut heard = [0; 4096];
        while self.0.read(&mut heard).is_ok_and(|bytes| bytes > 0) {}
    }

    /// Hangs up and lives on.
    pub(crate) fn hang_up(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
        rest();
    }
}

/// A frame of this text.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

/// Does nothing for ever, and reads nothing.
pub(crate) fn rest() {
    loop {
        std::thread::park();
    }
}
